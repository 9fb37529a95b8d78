//! Lines in the host's log, and a panic hook that writes one before the trap. In a component they go
//! to the import `log`; on native targets they are printed, so that a test shows them.

use crate::Attribute;

pub use crate::bindings::base::wardline::plugin::log::Level;

/// Writes one line with attributes.
pub fn write(level: Level, message: &str, attributes: &[Attribute]) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::base::wardline::plugin::log::write(level, message, attributes);
    #[cfg(not(target_arch = "wasm32"))]
    print(level, message, attributes);
}

/// What only somebody who debugs this plugin wants to read.
pub fn debug(message: &str) {
    write(Level::Debug, message, &[]);
}

/// A change of state that a person can follow; never once a picture.
pub fn info(message: &str) {
    write(Level::Info, message, &[]);
}

/// Something is wrong and the plugin goes on.
pub fn warn(message: &str) {
    write(Level::Warn, message, &[]);
}

/// Something is wrong and the plugin does not go on.
pub fn error(message: &str) {
    write(Level::Error, message, &[]);
}

/// Logs message and place of a panic: without it, the host sees only `unreachable`.
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let message = info
            .payload()
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| info.payload().downcast_ref::<String>().map(String::as_str))
            .unwrap_or("panic without a text");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        error(&format!("panicked at {place}: {message}"));
    }));
}

#[cfg(not(target_arch = "wasm32"))]
#[allow(clippy::print_stderr, reason = "the one place where a native test shows its log")]
fn print(level: Level, message: &str, attributes: &[Attribute]) {
    eprint!("{level:?}: {message}");
    for attribute in attributes {
        eprint!(" {}={:?}", attribute.key, attribute.value);
    }
    eprintln!();
}

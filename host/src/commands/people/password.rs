//! A password from a person: typed unseen and twice on a terminal, or a line of standard input.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use rustix::termios::{tcgetattr, tcsetattr};
use tokio_util::sync::CancellationToken;

use super::super::Process;
use crate::base::{Error, Result};
use crate::config::Secret;
use crate::people::{PASSWORD_BYTES_MAX, check_password};

/// Asks for one, and checks it.
///
/// # Errors
/// It is too short or too long, or typed differently the second time; the person gave up.
pub(super) async fn ask(prompt: &str, process: &Process) -> Result<Secret> {
    let (prompt, shutdown) = (prompt.to_owned(), process.shutdown.clone());
    let read = move || {
        if !io::stdin().is_terminal() {
            return line(io::stdin().lock());
        }
        let password = typed(&prompt, &shutdown)?;
        check_password(&password)?;
        if typed("The same again: ", &shutdown)? != password {
            return Err(Error::refuse("that was another password: nothing was changed"));
        }
        Ok(password)
    };
    let password = tokio::task::spawn_blocking(read)
        .await
        .map_err(|error| Error::bug("read a password").with(error))??;
    check_password(&password)?;
    Ok(password)
}

/// The first line of a pipe or file.
fn line(input: impl BufRead) -> Result<Secret> {
    let mut text = String::new();
    let failed = |error| Error::refuse("read the password from standard input").with(error);
    input.take(PASSWORD_BYTES_MAX as u64 + 3).read_line(&mut text).map_err(failed)?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(password.strip_suffix('\r').unwrap_or(password)))
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Unseen(Termios);

impl Unseen {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut unseen = before.clone();
        // Byte by byte, and never for ever: an interrupt must find the way out.
        unseen.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
        unseen.special_codes[SpecialCodeIndex::VMIN] = 0;
        unseen.special_codes[SpecialCodeIndex::VTIME] = 1;
        tcsetattr(io::stdin(), OptionalActions::Flush, &unseen)?;
        Ok(Self(before))
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing.
        let _gone = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
        let _gone = writeln!(io::stderr());
    }
}

fn typed(prompt: &str, shutdown: &CancellationToken) -> Result<Secret> {
    let failed = |error: io::Error| Error::refuse("read a password from the terminal").with(error);
    write!(io::stderr(), "{prompt}").and_then(|()| io::stderr().flush()).map_err(failed)?;
    let unseen = Unseen::begin().map_err(failed)?;
    let mut typed = Typed::default();
    let mut input = io::stdin().lock();
    let done = loop {
        let mut byte = [0];
        let count = input.read(&mut byte).map_err(failed)?;
        if shutdown.is_cancelled() {
            break false;
        }
        match (count > 0).then(|| typed.take(byte[0])).flatten() {
            Some(done) => break done,
            None => continue,
        }
    };
    drop(unseen);
    if !done {
        return Err(Error::refuse("no password was given: nothing was changed"));
    }
    String::from_utf8(typed.0).map(Secret::new).map_err(|_| Error::refuse("that is no text"))
}

/// What was typed so far.
#[derive(Default)]
struct Typed(Vec<u8>);

impl Typed {
    /// One more byte. Says when it is over, and whether something was given.
    fn take(&mut self, byte: u8) -> Option<bool> {
        match byte {
            b'\r' | b'\n' => return Some(true),
            // ^C where signals are off, and ^D.
            3 | 4 => return Some(false),
            8 | 127 => {
                // A whole character: its last byte is the only one that may be no continuation.
                while self.0.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            // ^U
            21 => self.0.clear(),
            byte if self.0.len() <= PASSWORD_BYTES_MAX => self.0.push(byte),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts() {
        for (text, expected) in [
            ("hunter2\nmore\n", "hunter2"),
            ("hunter2\r\n", "hunter2"),
            ("hunter2", "hunter2"),
            (" spaces stay \n", " spaces stay "),
            ("", ""),
        ] {
            assert_eq!(line(text.as_bytes()).unwrap().reveal(), expected, "{text:?}");
        }
        let long = "x".repeat(1 << 20);
        assert!(check_password(&line(long.as_bytes()).unwrap()).is_err());
    }

    #[test]
    fn a_terminal_is_edited_as_usual() {
        for (keys, expected) in [
            (&b"hunter2\r"[..], Some("hunter2")),
            (b"hunterr\x7f2\n", Some("hunter2")),
            ("h\u{fc}\x7funter2\n".as_bytes(), Some("hunter2")),
            (b"wrong\x15hunter2\n", Some("hunter2")),
            (b"\x7f\x7fhunter2\n", Some("hunter2")),
            (b"hunter2\x04", None),
            (b"hunter2\x03", None),
        ] {
            let mut typed = Typed::default();
            let done = keys.iter().find_map(|key| typed.take(*key)).unwrap();
            let got = done.then(|| String::from_utf8(typed.0).unwrap());
            assert_eq!(got.as_deref(), expected, "{keys:?}");
        }
    }
}

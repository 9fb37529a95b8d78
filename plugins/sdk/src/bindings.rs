//! The contract as wit-bindgen renders it, one module per exported interface: `generate!` on a whole
//! world would force all its exports on every guest. The types are generated once, in `base`, and
//! shared. This is the only file that names wit-bindgen.
#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    reason = "generated code; the documentation is in wit/"
)]

pub mod base {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package wardline:sdk-base;
            world sdk-base {
                import wardline:plugin/types@0.1.0;
                include wardline:plugin/base@0.1.0;
            }
        ",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
    });
}

/// What is granted: a component imports of it what its code calls, and nothing else.
pub mod granted {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package wardline:sdk-granted;
            world sdk-granted {
                import wardline:plugin/kv@0.1.0;
                import wardline:plugin/crop@0.1.0;
                import wardline:plugin/http@0.1.0;
            }
        ",
        with: { "wardline:plugin/types@0.1.0": crate::bindings::base::wardline::plugin::types },
        generate_all,
        additional_derives: [PartialEq],
    });
}

pub mod analyzer {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package wardline:sdk-analyzer;
            world sdk-analyzer {
                export wardline:plugin/analyzer@0.1.0;
            }
        ",
        with: { "wardline:plugin/types@0.1.0": crate::bindings::base::wardline::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_analyzer",
        default_bindings_module: "wardline_sdk::__private::analyzer",
    });
    pub use export_analyzer as export;
}

pub mod event_source {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package wardline:sdk-event-source;
            world sdk-event-source {
                export wardline:plugin/event-source@0.1.0;
            }
        ",
        with: { "wardline:plugin/types@0.1.0": crate::bindings::base::wardline::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_event_source",
        default_bindings_module: "wardline_sdk::__private::event_source",
    });
    pub use export_event_source as export;
}

pub mod messages {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package wardline:sdk-messages;
            world sdk-messages {
                export wardline:plugin/messages@0.1.0;
            }
        ",
        with: { "wardline:plugin/types@0.1.0": crate::bindings::base::wardline::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_messages",
        default_bindings_module: "wardline_sdk::__private::messages",
    });
    pub use export_messages as export;
}

pub mod recording_policy {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package wardline:sdk-recording-policy;
            world sdk-recording-policy {
                export wardline:plugin/recording-policy@0.1.0;
            }
        ",
        with: { "wardline:plugin/types@0.1.0": crate::bindings::base::wardline::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_recording_policy",
        default_bindings_module: "wardline_sdk::__private::recording_policy",
    });
    pub use export_recording_policy as export;
}

pub mod state {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package wardline:sdk-state;
            world sdk-state {
                export wardline:plugin/state@0.1.0;
            }
        ",
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_state",
        default_bindings_module: "wardline_sdk::__private::state",
    });
    pub use export_state as export;
}

pub mod reconfigure {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package wardline:sdk-reconfigure;
            world sdk-reconfigure {
                export wardline:plugin/reconfigure@0.1.0;
            }
        ",
        with: { "wardline:plugin/types@0.1.0": crate::bindings::base::wardline::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_reconfigure",
        default_bindings_module: "wardline_sdk::__private::reconfigure",
    });
    pub use export_reconfigure as export;
}

pub mod listener {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package wardline:sdk-listener;
            world sdk-listener {
                export wardline:plugin/listener@0.1.0;
            }
        ",
        with: { "wardline:plugin/types@0.1.0": crate::bindings::base::wardline::plugin::types },
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "export_listener",
        default_bindings_module: "wardline_sdk::__private::listener",
    });
    pub use export_listener as export;
}

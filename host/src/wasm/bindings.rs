//! What `bindgen!` makes of `wit/`: one world that has all imports and exports which this host
//! serves, so that the three kinds of plugin share the same types. An instance is asked only for
//! the interfaces that its kind exports.

#![allow(missing_docs, unreachable_pub, reason = "generated code; wit/ is its documentation")]

wasmtime::component::bindgen!({
    inline: "
        package wardline:host;
        world guests {
            include wardline:plugin/analyzer-plugin@0.1.0;
            include wardline:plugin/source-plugin@0.1.0;
            include wardline:plugin/policy-plugin@0.1.0;
            export wardline:plugin/state@0.1.0;
            export wardline:plugin/reconfigure@0.1.0;
            export wardline:plugin/listener@0.1.0;
            import wardline:plugin/kv@0.1.0;
            import wardline:plugin/crop@0.1.0;
            import wardline:plugin/http@0.1.0;
        }
    ",
    path: "../wit",
    world: "wardline:host/guests",
    additional_derives: [PartialEq],
});

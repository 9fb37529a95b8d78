;; A good source that exports all that it may, and makes nothing of anything.
;; world: include wardline:plugin/source-plugin@0.1.0; export wardline:plugin/state@0.1.0; export wardline:plugin/reconfigure@0.1.0; export wardline:plugin/listener@0.1.0;
(module
  ;; include memory
  ;; include state
  ;; include listener
  (func (export "wardline:plugin/event-source@0.1.0#init")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 f32 i32 i32 i32 i32) (result i32)
    (call $forget)
    (i32.const 768))
  (func (export "wardline:plugin/event-source@0.1.0#on-tick") (param i64) (result i32)
    (call $forget)
    (i32.const 512))
  (func (export "wardline:plugin/messages@0.1.0#on-message")
    (param i32 i32 i32 i32 i64 i32 i32 i32 i32) (result i32)
    (call $forget)
    (i32.const 512)))

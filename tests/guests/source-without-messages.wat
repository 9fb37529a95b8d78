;; Exports half of what an event source needs.
;; world: import wardline:plugin/log@0.1.0; export wardline:plugin/event-source@0.1.0;
(module
  ;; include memory
  (func (export "wardline:plugin/event-source@0.1.0#init")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 f32 i32 i32 i32 i32) (result i32)
    (call $forget)
    (i32.const 512))
  (func (export "wardline:plugin/event-source@0.1.0#on-tick") (param i64) (result i32)
    (call $forget)
    (i32.const 512)))

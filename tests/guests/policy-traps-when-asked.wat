;; Panics when it is asked how long to keep a file.
;; world: include wardline:plugin/policy-plugin@0.1.0;
(module

  ;; include memory
  (func (export "wardline:plugin/recording-policy@0.1.0#init")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 f32 i32 i32 i32 i32) (result i32)
    (call $forget)
    (i32.const 512))
  (func (export "wardline:plugin/recording-policy@0.1.0#keep-continuous")
    (param i64 i64 i64 i32 i32 i32 i32 i32 i64) (result i32)
    (unreachable))
  (func (export "wardline:plugin/recording-policy@0.1.0#on-event") (param i32) (result i32)
    (call $forget)
    (i32.const 512))
  (func (export "wardline:plugin/recording-policy@0.1.0#on-wake") (param i64) (result i32)
    (call $forget)
    (i32.const 512)))

;; `init` accepts everything, `keep-continuous` has no opinion.
(func (export "wardline:plugin/recording-policy@0.1.0#init")
  (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 f32 i32 i32 i32 i32) (result i32)
  (call $forget)
  (i32.const 512))
(func (export "wardline:plugin/recording-policy@0.1.0#keep-continuous")
  (param i64 i64 i64 i32 i32 i32 i32 i32 i64) (result i32)
  (call $forget)
  (i32.const 512))

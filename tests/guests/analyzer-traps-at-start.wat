;; Panics before it was asked anything.
;; world: include wardline:plugin/analyzer-plugin@0.1.0;
(module
  ;; include memory
  ;; include analyzer
  (func $start (unreachable))
  (start $start)
  (func (export "wardline:plugin/analyzer@0.1.0#analyze")
    (param i64 i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $forget)
    (i32.const 512)))

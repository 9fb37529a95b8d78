;; Says why, and panics.
;; world: include wardline:plugin/analyzer-plugin@0.1.0;
(module
  (import "wardline:plugin/log@0.1.0" "write" (func $log (param i32 i32 i32 i32 i32)))
  (data (i32.const 1024) "panicked at src/motion.rs:7:1")
  ;; include memory
  ;; include analyzer
  (func (export "wardline:plugin/analyzer@0.1.0#analyze")
    (param i64 i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $log (i32.const 4) (i32.const 1024) (i32.const 29) (i32.const 0) (i32.const 0))
    (unreachable)))

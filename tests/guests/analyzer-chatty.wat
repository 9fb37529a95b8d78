;; Logs a thousand lines and makes a hundred metrics for every picture.
;; world: include wardline:plugin/analyzer-plugin@0.1.0;
(module
  (import "wardline:plugin/log@0.1.0" "write" (func $log (param i32 i32 i32 i32 i32)))
  (import "wardline:plugin/metrics@0.1.0" "add" (func $add (param i32 i32 f64)))
  (data (i32.const 1024) "line")
  ;; include memory
  ;; include analyzer
  (func (export "wardline:plugin/analyzer@0.1.0#analyze")
    (param i64 i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (local $n i32)
    (call $forget)
    (loop $again
      (call $log (i32.const 2) (i32.const 1024) (i32.const 4) (i32.const 0) (i32.const 0))
      (i32.store8 (i32.const 1032) (i32.add (i32.const 97) (i32.rem_u (local.get $n) (i32.const 10))))
      (i32.store8 (i32.const 1033) (i32.add (i32.const 97) (i32.div_u (local.get $n) (i32.const 100))))
      (call $add (i32.const 1032) (i32.const 2) (f64.const 1))
      (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000))))
    (i32.const 512)))

;; Logs five thousand lines at each event.
;; world: include wardline:plugin/policy-plugin@0.1.0;
(module
  (import "wardline:plugin/log@0.1.0" "write" (func $log (param i32 i32 i32 i32 i32)))
  (data (i32.const 1024) "the same line again and again")
  ;; include memory
  ;; include policy
  (func (export "wardline:plugin/recording-policy@0.1.0#on-event") (param i32) (result i32)
    (local $n i32)
    (call $forget)
    (loop $again
      (call $log (i32.const 2) (i32.const 1024) (i32.const 29) (i32.const 0) (i32.const 0))
      (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 5000))))
    (i32.const 512))
  (func (export "wardline:plugin/recording-policy@0.1.0#on-wake") (param i64) (result i32)
    (call $forget)
    (i32.const 512)))

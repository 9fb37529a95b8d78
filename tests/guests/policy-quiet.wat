;; A good policy that keeps nothing.
;; world: include wardline:plugin/policy-plugin@0.1.0;
(module

  ;; include memory
  ;; include policy
  (func (export "wardline:plugin/recording-policy@0.1.0#on-event") (param i32) (result i32)
    (call $forget)
    (i32.const 512))
  (func (export "wardline:plugin/recording-policy@0.1.0#on-wake") (param i64) (result i32)
    (call $forget)
    (i32.const 512)))

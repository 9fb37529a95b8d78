;; A good policy that exports all that it may, and keeps nothing.
;; world: include wardline:plugin/policy-plugin@0.1.0; export wardline:plugin/state@0.1.0; export wardline:plugin/reconfigure@0.1.0;
(module
  ;; include memory
  ;; include policy
  ;; include state
  (func (export "wardline:plugin/recording-policy@0.1.0#on-event") (param i32) (result i32)
    (call $forget)
    (i32.const 512))
  (func (export "wardline:plugin/recording-policy@0.1.0#on-wake") (param i64) (result i32)
    (call $forget)
    (i32.const 512)))

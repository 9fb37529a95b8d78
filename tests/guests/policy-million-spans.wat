;; Answers an event with a million spans.
;; world: include wardline:plugin/policy-plugin@0.1.0;
(module
  ;; include memory
  ;; include policy
  (func (export "wardline:plugin/recording-policy@0.1.0#on-event") (param i32) (result i32)
    (call $forget)
    (drop (memory.grow (i32.const 1000)))
    (i32.store (i32.const 520) (i32.const 65536))
    (i32.store (i32.const 524) (i32.const 1000000))
    (i32.const 512))
  (func (export "wardline:plugin/recording-policy@0.1.0#on-wake") (param i64) (result i32)
    (call $forget)
    (i32.const 512)))

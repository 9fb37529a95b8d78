;; Wants a span that ends in a thousand years, or one that ends before it starts.
;; world: include wardline:plugin/policy-plugin@0.1.0;
(module
  ;; A span `1` from 1000000 to 31536000000000000 (microseconds), label `ever`.
  (data (i32.const 1024) "\00\08\00\00\01\00\00\00" "\40\42\0f\00\00\00\00\00" "\00\00\a3\2d\d3\09\70\00")
  (data (i32.const 2048) "1")
  ;; include memory
  ;; include policy
  (func (export "wardline:plugin/recording-policy@0.1.0#on-event") (param i32) (result i32)
    (call $forget)
    (i32.store (i32.const 520) (i32.const 1024))
    (i32.store (i32.const 524) (i32.const 1))
    (i32.const 512))
  (func (export "wardline:plugin/recording-policy@0.1.0#on-wake") (param i64) (result i32)
    (call $forget)
    (i64.store (i32.const 1040) (i64.const -1))
    (i32.store (i32.const 520) (i32.const 1024))
    (i32.store (i32.const 524) (i32.const 1))
    (i32.const 512)))

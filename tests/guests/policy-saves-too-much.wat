;; Wants two MiB to be kept.
;; world: include wardline:plugin/policy-plugin@0.1.0; export wardline:plugin/state@0.1.0;
(module
  ;; include memory
  ;; include policy
  (func (export "wardline:plugin/state@0.1.0#save") (result i32)
    (call $forget)
    (drop (memory.grow (i32.const 32)))
    (i32.store (i32.const 256) (i32.const 0))
    (i32.store (i32.const 260) (i32.const 1))
    (i32.store (i32.const 264) (i32.const 1024))
    (i32.store (i32.const 268) (i32.const 0x200000))
    (i32.const 256))
  (func (export "wardline:plugin/state@0.1.0#load") (param i32 i32 i32) (result i32)
    (unreachable))
  (func (export "wardline:plugin/recording-policy@0.1.0#on-event") (param i32) (result i32)
    (call $forget)
    (i32.const 512))
  (func (export "wardline:plugin/recording-policy@0.1.0#on-wake") (param i64) (result i32)
    (call $forget)
    (i32.const 512)))

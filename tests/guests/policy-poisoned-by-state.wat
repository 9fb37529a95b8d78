;; The second event brings it down, and any that comes after it went on from what it saved.
;; world: include wardline:plugin/policy-plugin@0.1.0; export wardline:plugin/state@0.1.0;
(module
  (global $poisoned (mut i32) (i32.const 0))
  (global $events (mut i32) (i32.const 0))
  ;; include memory
  ;; include policy
  (func (export "wardline:plugin/state@0.1.0#save") (result i32)
    (call $forget)
    (i32.store (i32.const 256) (i32.const 0))
    (i32.store (i32.const 260) (i32.const 1))
    (i32.store (i32.const 264) (i32.const 300))
    (i32.store (i32.const 268) (i32.const 4))
    (i32.const 256))
  (func (export "wardline:plugin/state@0.1.0#load") (param i32 i32 i32) (result i32)
    (call $forget)
    (global.set $poisoned (i32.const 1))
    (i32.store (i32.const 256) (i32.const 0))
    (i32.const 256))
  (func (export "wardline:plugin/recording-policy@0.1.0#on-event") (param i32) (result i32)
    (call $forget)
    (global.set $events (i32.add (global.get $events) (i32.const 1)))
    (if (i32.or (global.get $poisoned) (i32.gt_u (global.get $events) (i32.const 1)))
      (then (unreachable)))
    (i32.const 512))
  (func (export "wardline:plugin/recording-policy@0.1.0#on-wake") (param i64) (result i32)
    (call $forget)
    (i32.const 512)))

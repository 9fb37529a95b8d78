;; Puts eight bytes under `seen` at each event, and wakes at 8 (their number) once it finds them.
;; world: include wardline:plugin/policy-plugin@0.1.0; import wardline:plugin/kv@0.1.0;
;; capability: kv:1KiB
(module
  (import "wardline:plugin/kv@0.1.0" "get" (func $get (param i32 i32 i32)))
  (import "wardline:plugin/kv@0.1.0" "put" (func $put (param i32 i32 i32 i32 i32)))
  (data (i32.const 1024) "seen")
  (data (i32.const 2048) "12345678")
  ;; include memory
  ;; include policy
  (func (export "wardline:plugin/recording-policy@0.1.0#on-event") (param i32) (result i32)
    (call $forget)
    (call $put (i32.const 1024) (i32.const 4) (i32.const 2048) (i32.const 8) (i32.const 256))
    (if (i32.load8_u (i32.const 256)) (then (unreachable)))
    (i32.store8 (i32.const 528) (i32.const 0))
    (i32.const 512))
  (func (export "wardline:plugin/recording-policy@0.1.0#on-wake") (param i64) (result i32)
    (call $forget)
    (call $get (i32.const 1024) (i32.const 4) (i32.const 256))
    (i32.store8 (i32.const 528) (i32.load8_u (i32.const 256)))
    (i64.store (i32.const 536) (i64.extend_i32_u (i32.load (i32.const 264))))
    (i32.const 512)))

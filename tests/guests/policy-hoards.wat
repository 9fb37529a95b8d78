;; Puts values under new keys without end, and traps when it is refused.
;; world: include wardline:plugin/policy-plugin@0.1.0; import wardline:plugin/kv@0.1.0;
;; capability: kv:100KiB
(module
  (import "wardline:plugin/kv@0.1.0" "put" (func $put (param i32 i32 i32 i32 i32)))
  ;; include memory
  ;; include policy
  (func (export "wardline:plugin/recording-policy@0.1.0#on-event") (param i32) (result i32)
    (call $forget)
    (loop $more
      (i32.store (i32.const 1024) (i32.add (i32.load (i32.const 1024)) (i32.const 1)))
      ;; Digits of base 16 from `a` on, so that the key is text.
      (i32.store8 (i32.const 1032) (i32.add (i32.const 97) (i32.and (i32.load (i32.const 1024)) (i32.const 15))))
      (i32.store8 (i32.const 1033) (i32.add (i32.const 97) (i32.and (i32.shr_u (i32.load (i32.const 1024)) (i32.const 4)) (i32.const 15))))
      (call $put (i32.const 1032) (i32.const 2) (i32.const 2048) (i32.const 4096) (i32.const 256))
      (br_if $more (i32.eqz (i32.load8_u (i32.const 256)))))
    (unreachable))
  (func (export "wardline:plugin/recording-policy@0.1.0#on-wake") (param i64) (result i32)
    (call $forget)
    (i32.const 512)))

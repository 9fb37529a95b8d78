;; Wants to ask over HTTP, which policies can't: nobody would tell them the answer.
;; world: include wardline:plugin/policy-plugin@0.1.0; import wardline:plugin/http@0.1.0;
;; capability: http:GET https://a.example
(module
  (import "wardline:plugin/http@0.1.0" "send"
    (func $send (param i32 i32 i32 i32 i32 i32 i64 i32 i32 i32)))
  ;; include memory
  ;; include policy
  (func (export "wardline:plugin/recording-policy@0.1.0#on-event") (param i32) (result i32)
    (call $send (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
      (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
    (i32.const 512))
  (func (export "wardline:plugin/recording-policy@0.1.0#on-wake") (param i64) (result i32)
    (i32.const 512)))

;; Asks a port where nobody answers at each tick, traps when that is not sent, and shows as metrics
;; how many answers have come and how many attributes the last one had.
;; world: include wardline:plugin/source-plugin@0.1.0; import wardline:plugin/http@0.1.0;
;; capability: http:POST http://127.0.0.1:9
(module
  (import "wardline:plugin/http@0.1.0" "send"
    (func $send (param i32 i32 i32 i32 i32 i32 i64 i32 i32 i32)))
  (import "wardline:plugin/metrics@0.1.0" "add" (func $add (param i32 i32 f64)))
  (import "wardline:plugin/metrics@0.1.0" "set" (func $set (param i32 i32 f64)))
  (data (i32.const 1024) "POST")
  (data (i32.const 2048) "http://127.0.0.1:9/plate")
  (data (i32.const 3072) "answersattributes")
  ;; include memory
  (func (export "wardline:plugin/event-source@0.1.0#init")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 f32 i32 i32 i32 i32) (result i32)
    (call $forget)
    (i32.const 256))
  (func (export "wardline:plugin/event-source@0.1.0#on-tick") (param i64) (result i32)
    (call $forget)
    (call $send (i32.const 1024) (i32.const 4) (i32.const 2048) (i32.const 24)
      (i32.const 0) (i32.const 0) (i64.const 5000000) (i32.const 1024) (i32.const 4) (i32.const 768))
    (if (i32.load8_u (i32.const 768)) (then (unreachable)))
    (i32.const 256))
  (func (export "wardline:plugin/messages@0.1.0#on-message")
    (param i32 i32 i32 i32 i64 i32 i32 i32 i32) (result i32)
    (call $forget)
    (call $add (i32.const 3072) (i32.const 7) (f64.const 1))
    (call $set (i32.const 3079) (i32.const 10) (f64.convert_i32_u (local.get 6)))
    (i32.const 512)))

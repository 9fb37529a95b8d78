;; Asks a port where nobody answers for each picture, traps when that is not sent, and shows as a
;; metric how many answers have come.
;; world: include wardline:plugin/analyzer-plugin@0.1.0; import wardline:plugin/http@0.1.0; export wardline:plugin/messages@0.1.0;
;; capability: http:POST http://127.0.0.1:9
(module
  (import "wardline:plugin/http@0.1.0" "send"
    (func $send (param i32 i32 i32 i32 i32 i32 i64 i32 i32 i32)))
  (import "wardline:plugin/metrics@0.1.0" "add" (func $add (param i32 i32 f64)))
  (data (i32.const 1024) "POST")
  (data (i32.const 2048) "http://127.0.0.1:9/plate")
  (data (i32.const 3072) "answers")
  ;; include memory
  ;; include analyzer
  (func (export "wardline:plugin/analyzer@0.1.0#analyze")
    (param i64 i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $forget)
    (call $send (i32.const 1024) (i32.const 4) (i32.const 2048) (i32.const 24)
      (i32.const 0) (i32.const 0) (i64.const 5000000) (i32.const 1024) (i32.const 4) (i32.const 768))
    (if (i32.load8_u (i32.const 768)) (then (unreachable)))
    (i32.const 512))
  (func (export "wardline:plugin/messages@0.1.0#on-message")
    (param i32 i32 i32 i32 i64 i32 i32 i32 i32) (result i32)
    (call $forget)
    (call $add (i32.const 3072) (i32.const 7) (f64.const 1))
    (i32.const 512)))

;; Answers with a list that lies outside its memory.
;; world: include wardline:plugin/analyzer-plugin@0.1.0;
(module

  ;; include memory
  ;; include analyzer
  (func (export "wardline:plugin/analyzer@0.1.0#analyze")
    (param i64 i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $forget)
    (i32.store (i32.const 516) (i32.const 0x7ffffff0))
    (i32.store (i32.const 520) (i32.const 9))
    (i32.const 512)))

;; Sees something in an area that is not a number.
;; world: include wardline:plugin/analyzer-plugin@0.1.0;
(module
  ;; An instant event `1` of kind `motion` with confidence 1 and one region whose x is NaN.
  (data (i32.const 1024) "\00\08\00\00\01\00\00\00" "\08\08\00\00\06\00\00\00" "\00\00\00\00\00\00\00\00" "\01\00\00\00\00\00\00\00" "\00\00\80\3f" "\00\0c\00\00\01\00\00\00")
  (data (i32.const 2048) "1.......motion")
  (data (i32.const 3072) "\00\00\c0\7f")
  ;; include memory
  ;; include analyzer
  (func (export "wardline:plugin/analyzer@0.1.0#analyze")
    (param i64 i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $forget)
    (i32.store (i32.const 516) (i32.const 1024))
    (i32.store (i32.const 520) (i32.const 1))
    (i32.const 512)))

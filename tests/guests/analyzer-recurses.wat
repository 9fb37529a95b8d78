;; Calls itself without end.
;; world: include wardline:plugin/analyzer-plugin@0.1.0;
(module
  ;; include memory
  ;; include analyzer
  (func $deeper (param i32) (result i32)
    (i32.add (local.get 0) (call $deeper (i32.add (local.get 0) (i32.const 1)))))
  (func (export "wardline:plugin/analyzer@0.1.0#analyze")
    (param i64 i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $deeper (i32.const 0))))

;; A good analyzer that exports all that it may, and sees nothing.
;; world: include wardline:plugin/analyzer-plugin@0.1.0; export wardline:plugin/state@0.1.0; export wardline:plugin/reconfigure@0.1.0; export wardline:plugin/listener@0.1.0;
(module
  ;; include memory
  ;; include analyzer
  ;; include state
  ;; include listener
  (func (export "wardline:plugin/analyzer@0.1.0#analyze")
    (param i64 i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $forget)
    (i32.const 512)))

;; Loops for ever over the first picture.
;; world: include wardline:plugin/analyzer-plugin@0.1.0;
(module

  ;; include memory
  ;; include analyzer
  (func (export "wardline:plugin/analyzer@0.1.0#analyze")
    (param i64 i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (loop $again (br $again))
    (unreachable)))

;; Makes its table longer until it gets no more, and then panics.
;; world: include wardline:plugin/analyzer-plugin@0.1.0;
(module
  (table $t 1 funcref)
  ;; include memory
  ;; include analyzer
  (func (export "wardline:plugin/analyzer@0.1.0#analyze")
    (param i64 i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (loop $again
      (br_if $again (i32.ne (table.grow $t (ref.null func) (i32.const 65536)) (i32.const -1))))
    (unreachable)))

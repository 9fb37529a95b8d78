;; Wants a grant: a store of keys and values.
;; world: include wardline:plugin/analyzer-plugin@0.1.0; import wardline:plugin/kv@0.1.0;
;; capability: kv
(module
  (import "wardline:plugin/kv@0.1.0" "remove" (func $remove (param i32 i32)))
  ;; include memory
  ;; include analyzer
  (func (export "wardline:plugin/analyzer@0.1.0#analyze")
    (param i64 i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $forget)
    (call $remove (i32.const 1024) (i32.const 1))
    (i32.const 512)))

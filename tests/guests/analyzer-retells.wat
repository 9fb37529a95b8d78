;; Says `looked` for every picture, and `heard` for every batch of events, at the time of the last.
;; world: include wardline:plugin/analyzer-plugin@0.1.0; export wardline:plugin/listener@0.1.0;
(module
  (data (i32.const 1024) "x")
  (data (i32.const 1032) "looked")
  (data (i32.const 1040) "heard")
  ;; include memory
  ;; include analyzer
  ;; One event at 2048, in a list, in a result.
  (func $say (param $kind i32) (param $length i32) (param $time i64) (result i32)
    (call $forget)
    (i32.store (i32.const 2048) (i32.const 1024))
    (i32.store (i32.const 2052) (i32.const 1))
    (i32.store (i32.const 2056) (local.get $kind))
    (i32.store (i32.const 2060) (local.get $length))
    (i64.store (i32.const 2072) (local.get $time))
    (f32.store (i32.const 2080) (f32.const 1))
    (i32.store (i32.const 260) (i32.const 2048))
    (i32.store (i32.const 264) (i32.const 1))
    (i32.const 256))
  (func (export "wardline:plugin/analyzer@0.1.0#analyze")
    (param i64 i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $say (i32.const 1032) (i32.const 6) (local.get 1)))
  (func (export "wardline:plugin/listener@0.1.0#on-events")
    (param $notices i32) (param $count i32) (result i32)
    (call $say (i32.const 1040) (i32.const 5)
      ;; A notice has 104 bytes, the time of its event the 24th to 31st.
      (i64.load offset=24 (i32.add (local.get $notices)
        (i32.mul (i32.const 104) (i32.sub (local.get $count) (i32.const 1))))))))

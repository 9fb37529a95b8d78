;; Crops the right half of each picture, and shows its width, height and first pixel as metrics.
;; Where there is no picture, as in `observe`, it shows -1.
;; world: include wardline:plugin/analyzer-plugin@0.1.0; import wardline:plugin/crop@0.1.0;
;; capability: crop
(module
  (import "wardline:plugin/crop@0.1.0" "crop" (func $crop (param f32 f32 f32 f32 i32 i32 i32 i32)))
  (import "wardline:plugin/metrics@0.1.0" "set" (func $set (param i32 i32 f64)))
  (data (i32.const 1024) "widthheightpixel")
  ;; include memory
  (func $look
    (call $forget)
    (call $crop (f32.const 0.5) (f32.const 0) (f32.const 0.5) (f32.const 1)
      (i32.const 4096) (i32.const 4096) (i32.const 0) (i32.const 256))
    (if (i32.load8_u (i32.const 256))
      (then (call $set (i32.const 1024) (i32.const 5) (f64.const -1)) (return)))
    (call $set (i32.const 1024) (i32.const 5) (f64.convert_i32_u (i32.load (i32.const 276))))
    (call $set (i32.const 1029) (i32.const 6) (f64.convert_i32_u (i32.load (i32.const 280))))
    (call $set (i32.const 1035) (i32.const 5)
      (f64.convert_i32_u (i32.load8_u (i32.load (i32.const 284))))))
  (func (export "wardline:plugin/analyzer@0.1.0#init")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 f32 i32 i32 i32 i32) (result i32)
    (call $forget)
    (i32.store8 (i32.const 4) (i32.const 1))
    (i32.store (i32.const 12) (i32.const 320))
    (i32.store (i32.const 16) (i32.const 180))
    (i32.store8 (i32.const 24) (i32.const 2))
    (f32.store (i32.const 28) (f32.const 5))
    (i32.const 0))
  (func (export "wardline:plugin/analyzer@0.1.0#observe") (param i32 i32) (result i32)
    (call $look)
    (i32.const 512))
  (func (export "wardline:plugin/analyzer@0.1.0#analyze")
    (param i64 i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (call $look)
    (i32.const 512)))

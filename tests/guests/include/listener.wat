;; `on-events` hears everything and says nothing.
(func (export "wardline:plugin/listener@0.1.0#on-events") (param i32 i32) (result i32)
  (call $forget)
  (i32.const 512))

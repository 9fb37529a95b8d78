;; A good source that reads no message: it rejects each with a reason.
;; world: include wardline:plugin/source-plugin@0.1.0;
;; capability: topic:hook
(module
  ;; include memory
  (data (i32.const 512) "\01\00\00\00\02\00\00\00\00\04\00\00\0e\00\00\00")
  (data (i32.const 1024) "no door in it.")
  ;; Its one topic is its own hook: what is here, and then its name.
  (data (i32.const 776) "\00\08\00\00\01\00\00\00")
  (data (i32.const 2048) "\00\0c\00\00")
  (data (i32.const 3072) "hook:")
  (func (export "wardline:plugin/event-source@0.1.0#init")
    (param $name i32) (param $name_bytes i32)
    (param i32 i32 i32 i32 i32 i32 i32 i32 f32 i32 i32 i32 i32) (result i32)
    (memory.copy (i32.const 3077) (local.get $name) (local.get $name_bytes))
    (i32.store (i32.const 2052) (i32.add (i32.const 5) (local.get $name_bytes)))
    (call $forget)
    (i32.const 768))
  (func (export "wardline:plugin/event-source@0.1.0#on-tick") (param i64) (result i32)
    (call $forget)
    (i32.const 256))
  (func (export "wardline:plugin/messages@0.1.0#on-message")
    (param i32 i32 i32 i32 i64 i32 i32 i32 i32) (result i32)
    (call $forget)
    (i32.const 512)))

// What else of the page is values in, values out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { around, pan, pinch, SPAN_MAX, SPAN_MIN, toTime, toX, zoom } from "../../../host/page/timeline/scale.js";
import { duration } from "../../../host/page/timeline/data.js";
import { bytes, days, micros } from "../../../host/page/units.js";
import { handedBack, insertAt, mistakes, read, toml } from "../../../host/page/zones/model.js";

test("a view zooms around a moment, within bounds", () => {
  const view = { from: 1000, to: 11_000 };
  const near = zoom(view, 0.5, 3000);
  assert.equal(toX(near, 600, 3000), toX(view, 600, 3000));
  assert.equal(zoom(view, 1e-9, 3000).to - zoom(view, 1e-9, 3000).from, SPAN_MIN);
  assert.equal(zoom(view, 1e9, 3000).to - zoom(view, 1e9, 3000).from, SPAN_MAX);
  assert.deepEqual(pan(view, 500), { from: 1500, to: 11_500 });
  assert.deepEqual(around(100, 50), { from: 75, to: 125 });
});

test("what is under two fingers stays under them", () => {
  const view = { from: 0, to: 60_000 };
  const after = pinch(view, 600, [100, 200], [50, 300]);
  assert.ok(Math.abs(toTime(after, 600, 50) - toTime(view, 600, 100)) < 1e-6);
  assert.ok(Math.abs(toTime(after, 600, 300) - toTime(view, 600, 200)) < 1e-6);
  assert.deepEqual(pinch(view, 600, [100, 200], [100, 100]), view);
});

test("durations as the host writes them", () => {
  assert.equal(duration("10s"), 10_000);
  assert.equal(duration("1m 30s"), 90_000);
  assert.equal(duration("500ms"), 500);
  assert.equal(duration(""), 0);
});

test("amounts for people", () => {
  assert.equal(bytes(0), "0 B");
  assert.equal(bytes(999_600), "1 MB");
  assert.equal(bytes(4.24e9), "4.2 GB");
  assert.equal(bytes(null), "–");
  assert.equal(days(1), "1 day");
  assert.equal(days(21.4), "21 days");
  assert.equal(micros(1240), "1.2 ms");
});

test("zones become the plugin's table, and what else it had stays", () => {
  const params = { sensitivity: "high", "minimum-size": 0.01, zones: { "drive way": [[0.1, 0.2], [0.9, 0.2], [0.5, 0.95001]] }, masks: [[[0, 0], [1, 0], [1, 0.1]]] };
  const shapes = read(params);
  assert.equal(toml("motion", params, shapes), `[plugins.motion.params]
sensitivity = "high"
minimum-size = 0.01
masks = [
  [[0, 0], [1, 0], [1, 0.1]],
]

[plugins.motion.params.zones]
"drive way" = [[0.1, 0.2], [0.9, 0.2], [0.5, 0.95]]
`);
  assert.match(toml("m", { secret: "***" }, []), /^# secret is hidden here/m);
  assert.deepEqual(mistakes(shapes), []);
  assert.equal(mistakes([{ kind: "zone", name: "", points: [] }, { kind: "mask", name: "", points: [[0, 0]] }]).length, 3);
  assert.deepEqual(mistakes([...shapes, shapes[0]]), ["There are two zones drive way."]);
});

test("what is handed back takes nothing away that stands beside the params", () => {
  const plugin = { name: "motion", params: { sensitivity: "high" }, users: ["gate"] };
  const alone = handedBack("gate", plugin, []);
  assert.equal(alone.text, '[plugins.motion.params]\nsensitivity = "high"\n');
  assert.match(alone.hint, /in the place of the params of \[plugins.motion\]; the rest of that table stays/);
  const shared = handedBack("gate", { ...plugin, users: ["gate", "yard"] }, []);
  assert.equal(shared.text, '[plugins.motion-gate]\n# here all of [plugins.motion] but its params\n\n[plugins.motion-gate.params]\nsensitivity = "high"\n');
  assert.match(shared.hint, /also looks at yard.*copy the rest of \[plugins.motion\] into it.*"motion-gate" instead of "motion"/);
  assert.match(handedBack("gate", null, []).text, /^\[plugins.motion\]\ncomponent = "analyzer-motion"\n\n\[plugins.motion.params\]\n$/);
});

test("a corner goes into the nearest side", () => {
  /** @type {import("../../../host/page/zones/model.js").Point[]} */
  const square = [[0, 0], [1, 0], [1, 1], [0, 1]];
  assert.equal(insertAt(square, [0.5, 0.05]), 1);
  assert.equal(insertAt(square, [0.95, 0.5]), 2);
  assert.equal(insertAt(square, [0.02, 0.5]), 4);
  assert.equal(insertAt([[0, 0]], [1, 1]), 1);
});

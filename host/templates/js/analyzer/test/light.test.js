import assert from "node:assert/strict";
import { test } from "node:test";

import { Light } from "../src/light.js";

const picture = (level) => new Uint8Array(12).fill(level);

test("it begins, is renewed and ends", () => {
  const light = new Light(100);
  assert.equal(light.look(picture(99)), undefined);
  assert.deepEqual(light.look(picture(100)), { number: 1, phase: "begin" });
  assert.deepEqual(light.look(picture(255)), { number: 1, phase: "update" });
  assert.deepEqual(light.look(picture(0)), { number: 1, phase: "end" });
  assert.deepEqual(light.look(picture(200)), { number: 2, phase: "begin" });
});

test("after a gap it begins anew", () => {
  const light = new Light(100);
  light.look(picture(200));
  light.forget();
  assert.deepEqual(light.look(picture(200)), { number: 2, phase: "begin" });
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { Keeper } from "../src/keeper.js";

test("events close together share a stretch", () => {
  const keeper = new Keeper(10, 20);
  assert.deepEqual(keeper.hear("a", 100), { number: 1, start: 90, end: 120, because: ["a"] });
  assert.deepEqual(keeper.hear("b", 115), { number: 1, start: 90, end: 135, because: ["a", "b"] });
  assert.deepEqual(keeper.hear("c", 146), { number: 2, start: 136, end: 166, because: ["c"] });
});

test("a late event moves the start back", () => {
  const keeper = new Keeper(10, 20);
  keeper.hear("a", 100);
  assert.equal(keeper.hear("b", 95).start, 85);
});

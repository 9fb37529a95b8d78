import assert from "node:assert/strict";
import { test } from "node:test";

import { Schedule, Stretches } from "../src/schedule.js";

const at = (weekday, hour, minute) => ({ weekday, hour, minute });

test("work is from its first minute to before its last", () => {
  const schedule = new Schedule({ days: [1, 2, 3, 4, 5], from: "08:00", to: "18:00" });
  for (const [time, expected] of [
    [at(1, 7, 59), false],
    [at(1, 8, 0), true],
    [at(5, 17, 59), true],
    [at(5, 18, 0), false],
    [at(6, 12, 0), false],
  ]) {
    assert.equal(schedule.atWork(time), expected, JSON.stringify(time));
  }
});

test("a night shift ends on the next day", () => {
  const schedule = new Schedule({ days: [7], from: "22:00", to: "06:00" });
  for (const [time, expected] of [
    [at(7, 21, 59), false],
    [at(7, 22, 0), true],
    [at(1, 5, 59), true],
    [at(1, 6, 0), false],
    [at(1, 23, 0), false],
    [at(7, 5, 0), false],
  ]) {
    assert.equal(schedule.atWork(time), expected, JSON.stringify(time));
  }
});

test("what is kept for long is a stretch of its own", () => {
  const stretches = new Stretches(10, 20);
  assert.equal(stretches.hear("a", 100, true).number, 1);
  assert.deepEqual(stretches.hear("b", 115, true).because, ["a", "b"]);
  const night = stretches.hear("c", 116, false);
  assert.deepEqual([night.number, night.start, night.end], [2, 106, 136]);
});

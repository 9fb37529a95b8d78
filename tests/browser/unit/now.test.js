// The host's present, from the dates of its answers: a right clock is left alone, a wrong one put right.

import assert from "node:assert/strict";
import { test } from "node:test";
import { asking, estimate, narrow, now, skew } from "../../../host/page/now.js";

const NOON = Date.UTC(2026, 10, 28, 12);

/** @typedef {import("../../../host/page/now.js").Bounds} Bounds */

/**
 * What is known of a clock after some answers of a host that is `ahead` of it.
 * @param {number} ahead @param {number[]} took How long each was asked for. @param {Bounds | null} [known]
 */
function after(ahead, took, known = null) {
  let at = NOON + 377;
  for (const each of took) {
    // It is made at some time within the question.
    const date = Math.floor((at + each * 0.3 + ahead) / 1000) * 1000;
    known = narrow(known, date, at + each, each);
    at += 5311;
  }
  return /** @type {Bounds} */ (known);
}

test("a clock that is right is not disturbed, however long an answer takes", () => {
  for (const took of [[3], [40, 12, 3], [8000], [30_000, 5], [900, 4000, 900, 20, 7000]]) {
    for (const ahead of [0, -900, 900]) assert.equal(estimate(after(ahead, took)), 0, `${ahead} ${took}`);
  }
});

test("a clock that is wrong is known to a second at once, and better by and by", () => {
  for (const ahead of [3600_000, -300_000, 4000, -4000]) {
    assert.ok(Math.abs(estimate(after(ahead, [20])) - ahead) <= 520, String(ahead));
    assert.ok(Math.abs(estimate(after(ahead, [20, 30, 5, 9, 14, 3, 60, 8])) - ahead) <= 200, String(ahead));
  }
});

test("a slow answer does not spoil what quick ones told", () => {
  const quick = after(60_000, [5, 5, 5]);
  assert.deepEqual(narrow(quick, NOON + 60_000, NOON + 9000, 9500), quick);
});

test("when a clock is set, what was known before does not count", () => {
  const wrong = after(3600_000, [5, 5]);
  assert.equal(estimate(after(0, [5], wrong)), 0);
});

test("nonsense is no date, and an answer's moves the present", () => {
  for (const date of [null, "", "yesterday"]) asking()(date);
  assert.equal(skew.value, 0);
  asking()(new Date(Date.now() - 3600_000).toUTCString());
  assert.ok(Math.abs(now() - (Date.now() - 3600_000)) < 1000);
  asking()(new Date().toUTCString());
  assert.equal(skew.value, 0);
});

// A value that others follow, while they come and go.

import assert from "node:assert/strict";
import { test } from "node:test";
import { signal } from "../../../host/page/signal.js";

test("who follows no longer is not told, also where that ends while others are", () => {
  const value = signal(0);
  /** @type {string[]} */
  const told = [];
  value.follow((now) => {
    told.push(`first ${now}`);
    if (now === 2) end();
  });
  const end = value.follow((now) => told.push(`second ${now}`));
  value.value = 1;
  value.value = 2;
  value.value = 3;
  assert.deepEqual(told, ["first 1", "second 1", "first 2", "first 3"]);
});

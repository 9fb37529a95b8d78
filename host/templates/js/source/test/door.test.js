import assert from "node:assert/strict";
import { test } from "node:test";

import { read } from "../src/door.js";

const bytes = (text) => new TextEncoder().encode(text);

test("two words are understood", () => {
  assert.equal(read(bytes("open")), "door.opened");
  assert.equal(read(bytes(" closed\n")), "door.closed");
  for (const body of [bytes(""), bytes("opened"), new Uint8Array([255]), new Uint8Array(1000)]) {
    assert.equal(read(body), undefined);
  }
});

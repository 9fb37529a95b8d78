// Live streams: what is made of their records, and of video that can't be decoded.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Sink } from "../../../host/page/live/sink.js";
import { LiveStream, Records } from "../../../host/page/live/stream.js";

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  mock.method(performance, "now", () => Date.now());
});
afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

/** @param {number} view @param {number} kind @param {number[]} payload */
const record = (view, kind, payload) => [view, kind, 0, 0, payload.length >> 8, payload.length & 255, ...payload];
/** @param {number} view @param {number} kind @param {any} payload */
const said = (view, kind, payload) => record(view, kind, [...new TextEncoder().encode(JSON.stringify(payload))]);

test("records come whole, however they are cut", () => {
  /** @type {[number, number, number[]][]} */
  const payloads = [[0, 0, [1, 2, 3]], [3, 1, []], [63, 1, Array.from({ length: 300 }, (_, at) => at % 251)], [1, 2, [9]]];
  const whole = payloads.flatMap(([view, kind, payload]) => record(view, kind, payload));
  for (let cut = 1; cut < 40; cut += 1) {
    const records = new Records();
    /** @type {any[]} */
    const found = [];
    for (let at = 0; at < whole.length; at += cut) {
      records.take(Uint8Array.from(whole.slice(at, at + cut)), (view, kind, payload) => found.push([view, kind, [...payload]]));
    }
    assert.deepEqual(found, payloads, `cut by ${cut}`);
  }
  assert.throws(() => new Records().take(Uint8Array.from([0, 1, 255, 255, 255, 255]), () => {}), /broken/);
});

/** Lets promises go on, as many as one waits for another. */
async function settle() {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}

test("a start within a run is its clock, and after its end or another response a run", async () => {
  const start = (/** @type {number} */ second) => new Date(second * 1000).toISOString();
  const run = (/** @type {number} */ view, /** @type {string} */ codecs, /** @type {number} */ second) => said(view, 0, { codecs, start: start(second), stream: "main" });
  const responses = [
    [...run(0, "avc1", 1), ...run(1, "avc1", 2), ...record(0, 1, [7]), ...run(0, "avc1", 3), ...said(1, 2, { reason: "it is gone" }), ...run(1, "avc1", 4), ...run(0, "hev1", 5)],
    run(0, "hev1", 6),
  ];
  /** @type {string[]} */
  const asked = [];
  mock.method(globalThis, "fetch", async (/** @type {string} */ address) => {
    asked.push(address);
    const bytes = responses.shift();
    return bytes ? new Response(Uint8Array.from(bytes)) : new Promise(() => {});
  });
  /** @type {any[]} */
  const told = [];
  const taker = (/** @type {number} */ view) => ({
    begin: (/** @type {string} */ codecs, /** @type {number} */ at) => told.push([view, "begin", codecs, at / 1000]),
    clock: (/** @type {number} */ at) => told.push([view, "clock", at / 1000]),
    bytes: (/** @type {Uint8Array} */ bytes) => told.push([view, "bytes", ...bytes]),
    gone: (/** @type {string} */ why) => told.push([view, "gone", why]),
  });
  const stream = new LiveStream([{ camera: "gate", stream: "main", taker: taker(0) }, { camera: "yard", stream: "second", taker: taker(1) }]);
  await settle();
  assert.deepEqual(told, [
    [0, "begin", "avc1", 1], [1, "begin", "avc1", 2], [0, "bytes", 7], [0, "clock", 3], [1, "gone", "it is gone"], [1, "begin", "avc1", 4], [0, "begin", "hev1", 5],
  ]);
  mock.timers.tick(1000);
  await settle();
  assert.deepEqual(told.slice(7), [[0, "begin", "hev1", 6]]);
  assert.deepEqual(asked[0], "/api/v1/live?view=gate%3Amain&view=yard%3Asecond");
  stream.stop();
});

/** A browser's video, as far as a sink needs one. */
class Video extends EventTarget {
  /** @type {{ message: string } | null} */
  error = null;
  buffered = { length: 0 };
  src = "";
  removeAttribute() {}
  load() {}
}

class Source extends EventTarget {
  static isTypeSupported = () => true;
  /** @type {Source[]} */
  static all = [];
  readyState = "closed";
  /** What it was given. @type {number[]} */
  taken = [];
  constructor() {
    super();
    Source.all.push(this);
  }
  open() {
    this.readyState = "open";
    this.dispatchEvent(new Event("sourceopen"));
    return this;
  }
  addSourceBuffer() {
    const buffer = Object.assign(new EventTarget(), { updating: false, buffered: { length: 0 }, appendBuffer: (/** @type {Uint8Array} */ bytes) => {
      this.taken.push(...bytes.subarray(0, 9));
    } });
    this.buffer = buffer;
    return buffer;
  }
  fail() {
    this.readyState = "ended";
    this.buffer?.dispatchEvent(new Event("error"));
  }
}

function sink() {
  Source.all = [];
  Object.assign(globalThis, { MediaSource: Source });
  mock.method(URL, "createObjectURL", () => "blob:1");
  const video = new Video();
  const made = new Sink(/** @type {any} */ (video));
  /** @type {string[]} */
  const told = [];
  made.failed = (why) => told.push(why);
  return { sink: made, video, told };
}

const bytes = (/** @type {number[]} */ ...all) => Uint8Array.from(all);

test("video that can't be decoded is begun anew with its head, and what came meanwhile is dropped", () => {
  const { sink: made, told } = sink();
  made.begin("avc1", 0);
  made.append(bytes(1));
  Source.all[0].open();
  assert.deepEqual(Source.all[0].taken, [1]);
  Source.all[0].fail();
  assert.deepEqual(told, ["the stream can't be decoded"]);
  made.append(bytes(2));
  mock.timers.tick(1000);
  made.append(bytes(3));
  assert.equal(Source.all.length, 2);
  assert.deepEqual(Source.all[1].open().taken, [1, 3]);
  assert.equal(told.length, 1);
  made.stop();
});

test("each vain try waits longer, and one that lasted makes it short again", () => {
  const { sink: made } = sink();
  made.begin("avc1", 0);
  made.append(bytes(1));
  /** @type {number[]} */
  const waits = [];
  for (let turn = 0; turn < 9; turn += 1) {
    const count = Source.all.length;
    if (turn === 8) mock.timers.tick(10_001);
    Source.all[count - 1].open().fail();
    const failed = Date.now();
    while (Source.all.length === count) mock.timers.tick(100);
    waits.push(Date.now() - failed);
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 500]);
  made.stop();
  mock.timers.tick(60_000);
  assert.equal(Source.all.length, 10);
});

test("a browser that takes nothing, or gives up, does not make it hoard", () => {
  const { sink: made, video, told } = sink();
  made.begin("avc1", 0);
  const piece = new Uint8Array(8 << 20);
  for (let turn = 0; turn < 4; turn += 1) made.append(piece);
  assert.deepEqual(told, ["the browser is too slow"]);
  mock.timers.tick(1000);
  Source.all[1].open();
  // Ended by the browser, without a word.
  Source.all[1].readyState = "ended";
  made.append(bytes(2));
  assert.match(told[1], /ended the video/);
  mock.timers.tick(2000);
  video.error = { message: "out of memory" };
  video.dispatchEvent(new Event("error"));
  assert.equal(told[2], "out of memory");
  mock.timers.tick(4000);
  assert.equal(Source.all.length, 4);
  made.stop();
});

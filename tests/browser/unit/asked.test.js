// What the page asks of the host, and when: with a host that answers as a test says.

import assert from "node:assert/strict";
import { after, afterEach, beforeEach, mock, test } from "node:test";
import { seen } from "../../../host/page/play/seen.js";
import { lastRecorded, nextRecorded, onDay } from "../../../host/page/player/gaps.js";
import { LineKeeper } from "../../../host/page/timeline/data.js";

const NOW = Date.UTC(2026, 10, 28, 12);
const HOUR = 3_600_000;

/** @type {{ url: URL, signal: AbortSignal | null | undefined, answer: (body: any) => void }[]} */
let asked = [];
const { fetch } = globalThis;

beforeEach(() => {
  asked = [];
  mock.timers.enable({ apis: ["Date"], now: NOW });
  mock.method(performance, "now", () => Date.now());
  globalThis.fetch = (address, init) => new Promise((resolve, reject) => {
    const { signal } = init ?? {};
    signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    asked.push({ url: new URL(String(address), "http://host"), signal, answer: (body) => resolve(Response.json(body)) });
  });
});

afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});
after(() => {
  globalThis.fetch = fetch;
});

/** @param {Record<string, any>} [has] */
const line = (has) => ({ recorded: [], growing: [], gaps: [], spans: [], pins: [], events: [], motion: null, truncated: false, ...has });

/** What was promised is kept. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("a time line that takes long is waited for, also while playback moves the view", async () => {
  let changes = 0;
  const keeper = new LineKeeper("gate", () => (changes += 1), (error) => assert.fail(String(error)));
  const view = { from: NOW - 48 * HOUR, to: NOW - 24 * HOUR };
  keeper.want(view, 600);
  for (let second = 1; second <= 20; second += 1) {
    mock.timers.tick(1000);
    keeper.want({ from: view.from + second * 1000, to: view.to + second * 1000 }, 600);
  }
  assert.equal(asked.length, 1);
  asked[0].answer(line({ truncated: true }));
  await settle();
  assert.equal(changes, 1);
  assert.equal(keeper.line.truncated, true);
  keeper.want(view, 600);
  assert.equal(asked.length, 1, "it is there");
});

test("a time line is asked for again for another view, and where it touches the present", async () => {
  const keeper = new LineKeeper("gate", () => {}, (error) => assert.fail(String(error)));
  keeper.want({ from: NOW - 48 * HOUR, to: NOW - 24 * HOUR }, 600);
  keeper.want({ from: NOW - 480 * HOUR, to: NOW - 456 * HOUR }, 600);
  assert.equal(asked.length, 1, "not at once: a view that moves is many views");
  mock.timers.tick(400);
  const view = { from: NOW - HOUR, to: NOW + 60_000 };
  keeper.want(view, 600);
  assert.equal(asked.length, 2);
  assert.equal(asked[0].signal?.aborted, true);
  asked[1].answer(line());
  await settle();
  keeper.want(view, 600);
  assert.equal(asked.length, 2);
  mock.timers.tick(6000);
  keeper.want(view, 600);
  assert.equal(asked.length, 3);
  keeper.stop();
  await settle();
});

test("where there is video again, also in a file that is written still", async () => {
  const found = nextRecorded("gate", NOW - 3 * HOUR);
  await settle();
  asked[0].answer(line({ recorded: [{ start: new Date(NOW - 5 * HOUR), end: new Date(NOW - 3 * HOUR) }] }));
  await settle();
  asked[1].answer(line({ growing: [new Date(NOW - 60_000)] }));
  assert.equal(await found, NOW - 60_000);
});

test("what is written at the newest moment is nothing more yet", async () => {
  const found = nextRecorded("gate", NOW - 2000);
  await settle();
  asked[0].answer(line({ growing: [new Date(NOW - 60_000)] }));
  assert.equal(await found, null);
});

/** @param {number} start @param {number} end */
const piece = (start, end) => ({ start: new Date(start), end: new Date(end) });

test("a day is shown from the same time on, or from its first video where that is earlier", async () => {
  const day = { from: NOW - 60 * HOUR, to: NOW - 36 * HOUR };
  const morning = [piece(day.from + 6 * HOUR, day.from + 8 * HOUR)];
  const next = [piece(day.to + HOUR, day.to + 2 * HOUR)];
  /** @param {number} wall @param {any[]} has */
  const begins = async (wall, has) => {
    let over = false;
    asked = [];
    const found = onDay("gate", wall, day).finally(() => (over = true));
    while (!over) {
      for (const { url, answer } of asked.splice(0)) {
        const [from, to] = ["from", "to"].map((name) => Date.parse(url.searchParams.get(name) ?? ""));
        answer(line({ recorded: has.filter(({ start, end }) => end > from && start < to) }));
      }
      await settle();
    }
    return found;
  };
  assert.equal(await begins(day.from + 7 * HOUR, [...morning, ...next]), day.from + 7 * HOUR);
  assert.equal(await begins(day.from + 2 * HOUR, [...morning, ...next]), day.from + 2 * HOUR, "what comes later on the day is found by the seek");
  assert.equal(await begins(day.from + 12 * HOUR, [...morning, ...next]), day.from + 6 * HOUR);
  assert.equal(await begins(day.from + 12 * HOUR, next), day.from + 12 * HOUR, "with none on the day");
});

test("where video ends before a gap, in as many questions as it is long", async () => {
  const found = lastRecorded("gate", NOW, NOW - 24 * HOUR);
  await settle();
  asked[0].answer(line());
  await settle();
  asked[1].answer(line({ recorded: [{ start: new Date(NOW - 20 * HOUR), end: new Date(NOW - 12 * HOUR) }, { start: new Date(NOW - 10 * HOUR), end: new Date(NOW - 8 * HOUR) }] }));
  assert.equal(await found, NOW - 8 * HOUR);
  assert.equal(asked.length, 2);
  const none = lastRecorded("gate", NOW, NOW - HOUR / 2);
  await settle();
  asked[2].answer(line());
  assert.equal(await none, null, "nothing is before the first");
});

test("what the host says of itself is read over, and the rest comes a page at a time", async () => {
  const event = (/** @type {number} */ sequence, /** @type {string} */ origin) => ({ sequence, origin, kind: "x", start: new Date(sequence) });
  const found = seen({ camera: "gate", order: "asc" }, 1);
  await settle();
  asked[0].answer({ events: [event(1, "host"), event(2, "host")], next: "2" });
  await settle();
  asked[1].answer({ events: [event(3, "host"), event(4, "motion"), event(5, "door")], next: "5" });
  assert.deepEqual((await found).events.map((one) => one.sequence), [4, 5]);
  assert.equal((await found).next, "5");
  assert.deepEqual(asked.map(({ url }) => url.searchParams.get("cursor")), [null, "2"]);
  const never = seen({}, 1);
  for (let page = 0; page < 30; page += 1) {
    await settle();
    asked[2 + page]?.answer({ events: [event(page, "host")], next: String(page) });
  }
  assert.deepEqual((await never).events, []);
  assert.ok(asked.length < 20, "for ever it does not look");
});

// Events as they are told: each phase folded into what is known of its event.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { EventFeed, put } from "../../../host/page/events/feed.js";

/** @import { EventItem } from "../../../host/page/types.js" */

class Source extends EventTarget {
  static CLOSED = 2;
  /** @type {Source[]} */
  static all = [];
  readyState = 1;
  /** @param {string} url */
  constructor(url) {
    super();
    this.url = url;
    Source.all.push(this);
  }
  close() {
    this.readyState = 2;
  }
  /** @param {any} notice */
  tell(notice) {
    this.dispatchEvent(Object.assign(new Event("notice"), { data: JSON.stringify(notice), lastEventId: String(notice.sequence) }));
  }
}

/** What the host knows, and what it was asked. @type {any[]} */
let stored = [];
/** @type {URL[]} */
let asked = [];
/** @type {EventItem[]} */
let heard = [];

beforeEach(() => {
  [stored, asked, heard, Source.all] = [[], [], [], []];
  Object.assign(globalThis, { EventSource: Source });
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(globalThis, "fetch", async (/** @type {string} */ address) => {
    asked.push(new URL(address, "http://host"));
    return Response.json({ events: stored, next: null });
  });
});
afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

/** @param {(id: string) => EventItem | undefined} [known] */
function listen(known = () => undefined) {
  const feed = new EventFeed({ camera: "gate" }, { known, heard: (item) => heard.push(item) });
  return { feed, source: Source.all[0] };
}

const time = (/** @type {number} */ second) => new Date(Date.UTC(2026, 10, 29) + second * 1000).toISOString();
/** @param {string} phase @param {number} second @param {any} [more] */
const notice = (phase, second, more) => ({ id: "gate/motion/1/7", kind: "motion", phase, time: time(second), camera: "gate", origin: "motion", confidence: 0.5, sequence: 100 + second, regions: [], attributes: [], ...more });
/** @type {EventItem} */
const begun = { sequence: 42, id: "gate/motion/1/7", kind: "motion", camera: "gate", origin: "motion", start: time(0), end: null, open: true, confidence: 0.9, regions: [], zones: ["drive"], attributes: [] };
const zone = (/** @type {string} */ text) => ({ attributes: [{ key: "zone", value: { text } }] });

/** What matters of an event. @param {EventItem} item */
const core = ({ sequence, start, end, open, confidence, zones }) => ({ sequence, start, end, open, confidence, zones });

async function settle() {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test("an event that is heard from its beginning", () => {
  const { feed, source } = listen();
  source.tell(notice("begin", 0, zone("porch")));
  source.tell(notice("update", 2, { confidence: 0.8, ...zone("porch,drive") }));
  source.tell(notice("end", 4));
  assert.deepEqual(heard.map(core), [
    { sequence: 100, start: time(0), end: null, open: true, confidence: 0.5, zones: ["porch"] },
    { sequence: 100, start: time(0), end: null, open: true, confidence: 0.8, zones: ["porch", "drive"] },
    { sequence: 100, start: time(0), end: time(4), open: false, confidence: 0.8, zones: ["porch", "drive"] },
  ]);
  source.tell(notice("instant", 5, { id: "gate/door/1/1" }));
  assert.deepEqual(core(heard[3]), { sequence: 105, start: time(5), end: null, open: false, confidence: 0.5, zones: [] });
  assert.equal(asked.length, 0);
  feed.stop();
});

test("what a view knows of an event stays", () => {
  const { feed, source } = listen((id) => (id === begun.id ? begun : undefined));
  source.tell(notice("end", 30));
  assert.deepEqual(heard.map(core), [{ ...core(begun), end: time(30), open: false }]);
  assert.equal(asked.length, 0);
  feed.stop();
});

test("an event that began unheard is asked for, once, and what is said meanwhile is not lost", async () => {
  stored = [{ ...begun, id: "another" }, begun];
  const { feed, source } = listen();
  source.tell(notice("update", 30));
  source.tell(notice("end", 31));
  assert.equal(heard.length, 0, "no beginning is made up");
  await settle();
  assert.deepEqual(heard.map(core), [{ ...core(begun), end: time(31), open: false }]);
  assert.deepEqual(asked.map((url) => ["camera", "kind", "order"].map((key) => url.searchParams.get(key))), [["gate", "motion", "desc"]]);
  feed.stop();
});

test("of an event that the host does not find nothing is made up, and it is asked for once", async () => {
  const { feed, source } = listen();
  for (let second = 30; second < 35; second += 1) {
    source.tell(notice("update", second));
    await settle();
  }
  assert.equal(asked.length, 1);
  for (let at = 0; at < 50; at += 1) source.tell(notice("end", 40, { id: `gate/motion/2/${at}` }));
  assert.equal(asked.length, 21, "so many at a time");
  await settle();
  assert.deepEqual(heard, []);
  feed.stop();
});

test("after a refusal it goes on where it was", () => {
  const { feed, source } = listen();
  const refuse = (/** @type {Source} */ one) => {
    one.close();
    one.dispatchEvent(new Event("error"));
    mock.timers.tick(5000);
  };
  // Lost, and not refused: the browser itself asks again.
  source.dispatchEvent(new Event("error"));
  mock.timers.tick(5000);
  refuse(source);
  Source.all[1].tell(notice("begin", 0));
  refuse(Source.all[1]);
  refuse(Source.all[2]);
  assert.deepEqual(Source.all.map(({ url }) => url.split("?")[1]), ["camera=gate", "camera=gate", "camera=gate&last-event-id=100", "camera=gate&last-event-id=100"]);
  feed.stop();
  mock.timers.tick(60_000);
  assert.equal(Source.all.length, 4);
});

test("an event stands in a list where it began", () => {
  const item = (/** @type {string} */ id, /** @type {number} */ second) => ({ ...begun, id, start: time(second) });
  const list = [item("c", 30), item("b", 20), item("a", 10)];
  const ids = (/** @type {EventItem[]} */ all) => all.map((one) => one.id).join("");
  assert.equal(ids(put(list, item("d", 40))), "dcba");
  assert.equal(ids(put(list, item("d", 15))), "cbda");
  assert.equal(ids(put(list, item("d", 5))), "cbad");
  assert.equal(ids(put(list, item("b", 20))), "cba");
});

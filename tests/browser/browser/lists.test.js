// Lists of events while events come: what one looks at and presses stays where it is. Against the mock
// host.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mocked, openPage, until } from "./machine.js";

/** @import { Page } from "playwright-core" */

const { mock, browser } = await mocked();

/** An event begins, and is told. @param {string} camera @param {number} [ago] */
function happens(camera, ago = 0) {
  const event = mock.world.begin(camera, "person", Date.now() - ago);
  mock.world.tell(event, "begin", Date.parse(event.start));
  return event;
}

/** @param {Page} page @param {string} row */
async function opened(page, row) {
  await page.waitForSelector(row);
  await until("somebody to listen", () => mock.world.listeners.size > 0);
}

/** Notices which events the page has heard: what is told later is heard after what was told before. @param {Page} page */
const listens = (page) => page.evaluate(() => {
  const page = /** @type {any} */ (globalThis);
  page.heard = [];
  page.ear = new EventSource("/api/v1/events/stream");
  page.ear.addEventListener("notice", (/** @type {any} */ event) => page.heard.push(JSON.parse(event.data).id));
  return new Promise((resolve) => page.ear.addEventListener("open", resolve));
});

/** @param {Page} page @param {any} event */
const heard = (page, event) => until("the event to be heard", () => page.evaluate((id) => /** @type {any} */ (globalThis).heard.includes(id), event.id));

test("a card comes where it belongs, and all others stay", async () => {
  const { page, wrong } = await openPage(browser, "desktop", `${mock.base}/#/events`, { timezoneId: "UTC" });
  await opened(page, ".event-card");
  const cards = await page.$$(".event-card");
  const counts = () => page.$$eval(".day-head .quiet", (all) => all.map((one) => Number(one.textContent)));
  const count = async () => (await counts()).reduce((sum, one) => sum + one, 0);
  const before = await count();
  assert.equal(before, cards.length);
  await cards[1].focus();
  const newest = happens("yard");
  await page.waitForSelector(`.event-card[data-sequence="${newest.sequence}"]`);
  // Told late: it began before what is listed as the newest.
  const late = happens("gate", 30 * 60_000);
  await page.waitForSelector(`.event-card[data-sequence="${late.sequence}"]`);
  assert.equal(await count(), before + 2);
  const sections = await page.$$eval(".event-days section", (all) => all.map((one) => one.querySelectorAll(".event-card").length));
  assert.deepEqual(await counts(), sections);
  for (const card of cards) assert.equal(await card.evaluate((one) => one.isConnected), true);
  assert.equal(await cards[1].evaluate((one) => one === document.activeElement), true);
  const shown = await page.$$eval(".event-card", (all) => all.map((one) => Number(/** @type {HTMLElement} */ (one).dataset.sequence)));
  assert.equal(shown[0], newest.sequence);
  const all = [...mock.world.names.flatMap((name) => mock.world.events(name, Date.now() - 86_400_000 * 3, Date.now()))];
  const start = (/** @type {number} */ sequence) => Date.parse(all.find((one) => one.sequence === sequence)?.start);
  assert.deepEqual(shown.map(start), shown.map(start).toSorted((one, other) => other - one));
  await page.reload();
  await opened(page, ".event-card");
  assert.equal(await page.getAttribute(".event-card >> nth=0", "data-sequence"), String(newest.sequence), "as a list that is asked for anew");
  assert.deepEqual(wrong, []);
});

test("the first event of a list without any, and of a day", async () => {
  mock.world.scenario = "empty";
  const { page, wrong } = await openPage(browser, "desktop", `${mock.base}/#/events`, { timezoneId: "UTC" });
  await opened(page, ".empty");
  const first = happens("gate");
  await page.waitForSelector(`.event-card[data-sequence="${first.sequence}"]`);
  const before = happens("gate", 86_400_000);
  await page.waitForSelector(`.event-card[data-sequence="${before.sequence}"]`);
  const heads = await page.locator(".day-head").allTextContents();
  assert.equal(heads.length, 2);
  assert.match(heads[0], /^Today, .* 1$/);
  assert.doesNotMatch(heads[1], /Today/);
  assert.equal(await page.locator(".empty").count(), 0);
  assert.deepEqual(wrong, []);
});

for (const [where, path, row] of /** @type {const} */ ([["all events", "/events", ".event-card"], ["the latest of a camera", "/live/gate", ".event-row"]])) {
  test(`${where}: a click opens what it began on, whatever comes meanwhile`, async () => {
    const { page, wrong } = await openPage(browser, "desktop", `${mock.base}/#${path}`);
    await opened(page, row);
    await listens(page);
    const pressed = happens("gate");
    const its = `${row}[data-sequence="${pressed.sequence}"]`;
    await page.waitForSelector(its);
    const box = await page.locator(its).boundingBox();
    assert.ok(box);
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await heard(page, happens("gate"));
    mock.world.tell(pressed, "end");
    const last = happens("gate");
    await heard(page, last);
    assert.equal(await page.locator(`${row}[data-sequence="${last.sequence}"]`).count(), 0);
    await page.mouse.up();
    await until("the event", async () => {
      const at = new URLSearchParams((await page.evaluate(() => location.hash)).split("?")[1]).get("at");
      return at && Math.abs(Date.parse(at) - Date.parse(pressed.start)) < 5000 && page.url().includes("/play/gate");
    });
    assert.deepEqual(wrong, []);
  });
}

test("what comes while a card is pressed is there when it is let go", async () => {
  const { page, wrong } = await openPage(browser, "desktop", `${mock.base}/#/events`);
  await opened(page, ".event-card");
  await listens(page);
  const box = await page.locator(".event-card >> nth=0").boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  const event = happens("gate");
  await heard(page, event);
  await page.mouse.move(2, 2);
  await page.mouse.up();
  await page.waitForSelector(`.event-card[data-sequence="${event.sequence}"]`);
  assert.deepEqual(wrong, []);
});

test("the focus stays on its row while the list of a camera is made anew", async () => {
  const { page, wrong } = await openPage(browser, "desktop", `${mock.base}/#/live/gate`);
  await opened(page, ".event-row");
  const sequence = await page.getAttribute(".event-row >> nth=2", "data-sequence");
  await page.focus(".event-row >> nth=2");
  const event = happens("gate");
  await page.waitForSelector(`.event-row[data-sequence="${event.sequence}"]`);
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("data-sequence")), sequence);
  assert.deepEqual(wrong, []);
});

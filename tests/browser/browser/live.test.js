// Live pictures of a real host: how old they are, and what is shown when there are none.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { seen, watch } from "./code.js";
import { barriers, Machine, openBrowser, openPage, sent, until } from "./machine.js";

/** What a picture may be old, in milliseconds. */
const OLD = 2000;
/** Pictures that are looked at. */
const ENOUGH = 60;

/** @type {Machine} */
let machine;
/** @type {Awaited<ReturnType<typeof openBrowser>>} */
let browser;
/** @type {{ log: string, stop: () => Promise<void> }} */
let gate;
let port = 0;

before(async () => {
  machine = await Machine.make();
  port = await machine.port();
  const other = await machine.port();
  gate = await machine.camera("gate", "size=320x192&fps=10&seconds=300&visits=none", port);
  await machine.camera("yard", "size=352x208&fps=10&seconds=300&visits=none&seed=3", other);
  await machine.host(`[cameras.gate]
url = "rtsp://127.0.0.1:${port}/gate"
mode = "continuous"

[cameras.yard]
url = "rtsp://127.0.0.1:${other}/yard"
mode = "continuous"
`);
  await until("both cameras", async () => (await machine.ask("/cameras")).cameras.every((/** @type {any} */ one) => one.connected));
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await machine?.stop();
});

/** How old pictures were when they were shown: all sessions of the log are tried, the main one fits. @param {import("./code.js").Seen[]} pictures @param {string} log */
function ages(pictures, log) {
  const sessions = sent(log);
  const best = sessions.map((times) => pictures.map((one) => one.at - (times.get(/** @type {number} */ (one.number)) ?? Number.NaN)))
    .sort((one, other) => other.filter(Number.isFinite).length - one.filter(Number.isFinite).length)[0];
  return best.filter(Number.isFinite);
}

for (const device of /** @type {const} */ (["desktop", "phone"])) {
  test(`${device}: one camera's picture is at most two seconds old`, async () => {
    const { page, wrong, close } = await openPage(browser, device, `${machine.base}/#/live/gate`);
    await page.waitForSelector(".tile-large[data-delay]");
    await watch(page, ".tile-large video", ".tile-large");
    const pictures = await until("pictures", async () => {
      const all = (await seen(page)).filter((one) => one.number !== null);
      return all.length >= ENOUGH && all;
    });
    const found = ages(pictures, gate.log);
    assert.ok(found.length >= ENOUGH / 2, `${found.length} of ${pictures.length} are known`);
    const worst = Math.max(...found);
    assert.ok(worst <= OLD, `${worst} ms old`);
    assert.ok(Math.min(...found) >= -100, "none is shown before it was sent");
    // What the page itself says is as true as a picture is long.
    const told = Number(await page.getAttribute(".tile-large", "data-delay"));
    assert.ok(told > 0 && told <= OLD, String(told));
    assert.deepEqual(await barriers(page), []);
    assert.deepEqual(wrong, []);
    await close();
  });

  test(`${device}: the grid shows all cameras, over one connection`, async () => {
    const { page, wrong, close } = await openPage(browser, device, `${machine.base}/#/system`);
    /** @type {string[]} */
    const streams = [];
    page.on("request", (request) => /\/live\?/.test(request.url()) && streams.push(request.url()));
    await page.click("nav >> text=Live");
    await until("both pictures", () => page.$$eval(".tile", (tiles) => tiles.length === 2 && tiles.every((tile) => Number(/** @type {HTMLElement} */ (tile).dataset.delay) > 0)));
    for (const tile of await page.$$eval(".tile", (tiles) => tiles.map((one) => Number(/** @type {HTMLElement} */ (one).dataset.delay)))) assert.ok(tile <= OLD, String(tile));
    assert.equal(streams.length, 1, streams.join(" "));
    await (device === "phone" ? page.tap(".tile >> nth=0") : page.click(".tile >> nth=0"));
    await page.waitForSelector(".tile-large[data-delay]");
    assert.deepEqual(wrong, []);
    await close();
  });
}

test("record now is told, and stands among the events", async () => {
  const { page, wrong, close } = await openPage(browser, "desktop", `${machine.base}/#/live/gate`);
  await page.click("text='Record now'");
  await page.waitForSelector(".toast:has-text('kept')");
  await page.waitForSelector(".event-row:has-text('record.now')");
  assert.deepEqual(wrong, []);
  await close();
});

test("a camera that goes is told, and seen again when it is back", async () => {
  const { page, wrong, close } = await openPage(browser, "desktop", `${machine.base}/#/live/gate`);
  await page.waitForSelector(".tile-large[data-delay]");
  await gate.stop();
  await page.waitForSelector(".tile-large:has-text('Camera gone')");
  await page.click("nav >> text=System");
  await page.waitForSelector("text=Camera gate is gone");
  await page.click("nav >> text=Live");
  gate = await machine.camera("gate", "size=320x192&fps=10&seconds=300&visits=none", port);
  await until("both pictures again", () => page.$$eval(".tile", (tiles) => tiles.length === 2 && tiles.every((tile) => Number(/** @type {HTMLElement} */ (tile).dataset.delay) > 0)));
  assert.deepEqual(wrong, []);
  await close();
});

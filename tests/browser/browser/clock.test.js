// A viewer's clock that is wrong: what is shown goes by the host's. Against the mock host.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mocked, openPage, until } from "./machine.js";
import { plays, shown, wall } from "./player.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const { mock, browser } = await mocked();

/** Opens the page with a clock that is off. @param {string} path @param {number} ahead */
async function open(path, ahead) {
  const opened = await openPage(browser, "desktop", "about:blank");
  await opened.page.addInitScript((by) => {
    const { now } = Date;
    Date.now = () => now() + by;
  }, ahead);
  await opened.page.goto(`${mock.base}/#${path}`);
  return opened;
}

for (const [says, ahead] of /** @type {const} */ ([["ahead of", HOUR], ["behind", -10 * MINUTE]])) {
  test(`a clock that is ${says} the host's: live pictures are as old as they are, recordings play up to the present`, async () => {
    const { page, wrong } = await open("/live/gate", ahead);
    await page.waitForSelector(`.toast:has-text("This device's clock is"):has-text('${says}')`);
    await until("a picture's age", async () => {
      const age = Number(await page.getAttribute(".tile-large", "data-delay"));
      return age > 0 && age < 3000;
    });
    const at = Date.now() - 2 * MINUTE;
    await page.evaluate((moment) => (location.hash = `#/play/gate?at=${moment}`), new Date(at).toISOString());
    await until("it to play", async () => Math.abs((await shown(page)) - at) < 10_000 && plays(page));
    await page.click(".play-button");
    await until("a pause", async () => !(await plays(page)));
    const begin = await shown(page);
    await page.keyboard.press("ArrowRight");
    await until("ten seconds on", async () => Math.abs((await shown(page)) - begin - 10_000) < 1000 && (await wall(page)) === (await shown(page)));
    await page.focus(".timeline-canvas");
    await page.keyboard.press("End");
    await until("the newest", async () => Date.now() - (await shown(page)) < 30_000 && (await wall(page)) === (await shown(page)));
    assert.deepEqual(wrong, []);
  });
}

test("a clock that is right is left alone", async () => {
  const { page, wrong } = await open("/live/gate", 0);
  let told = 0;
  page.on("response", (response) => /\/cameras$/.test(response.url()) && (told += 1));
  await until("some answers", () => told >= 2);
  assert.equal(await page.locator(".toast").count(), 0);
  assert.deepEqual(wrong, []);
});

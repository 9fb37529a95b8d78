// Which cameras are on the stage: what is shown, named and kept in the address is the same. Against the
// mock host.

import assert from "node:assert/strict";
import { test } from "node:test";
import { barriers, mocked, openPage, until } from "./machine.js";
import { shown, wall } from "./player.js";

/** @import { Page } from "playwright-core" */

const MINUTE = 60_000;

const { mock, browser } = await mocked();

/** @param {string} path @param {"desktop" | "phone"} [device] */
const open = (path, device = "desktop") => openPage(browser, device, `${mock.base}/#${path}`);

const moment = () => new Date(Date.now() - 5 * MINUTE).toISOString();

/** Waits until these cameras, and no others, are shown, named and in the address, the first one leading. @param {Page} page @param {string[]} names */
const named = (page, names) => until(names.join(), async () => {
  const panes = await page.locator(".pane-name").allTextContents();
  const leads = await page.locator(".pane-name[aria-pressed='true']").allTextContents();
  const { hash, title } = await page.evaluate(() => ({ hash: location.hash, title: document.title }));
  const [path, query] = hash.split("?");
  const others = new URLSearchParams(query).get("with")?.split(",") ?? [];
  return panes.toSorted().join() === names.toSorted().join() && leads.join() === names[0] && title.startsWith(`${names[0]} · `)
    && (await page.textContent("h1")) === `Recordings of ${names.join(", ")}` && [path.replace("#/play/", ""), ...others].join() === names.join()
    && (await page.locator(".chip-name[aria-pressed='true']").allTextContents()).toSorted().join() === names.toSorted().join();
});

test("a camera that is not there is said to be so, with the way to those that are", async () => {
  for (const device of /** @type {const} */ (["desktop", "phone"])) {
    const { page, wrong, close } = await open(`/play/nowhere?at=${moment()}&with=yard`, device);
    await page.waitForSelector(".empty:has-text('There is no camera nowhere')");
    assert.equal(await page.locator(".pane").count(), 0);
    assert.deepEqual(await barriers(page), []);
    await page.click(".empty >> text='yard'");
    await named(page, ["yard"]);
    await page.goBack();
    await page.waitForSelector("text=There is no camera nowhere");
    assert.deepEqual(wrong, []);
    await close();
  }
});

test("a chip shows its camera alone, and a step back those that were there", async () => {
  const { page, wrong } = await open(`/play/gate?at=${moment()}&with=yard`);
  await named(page, ["gate", "yard"]);
  await page.click(".chip-name >> text='gate'");
  await named(page, ["gate"]);
  await page.click(".chip-name >> text='porch'");
  await named(page, ["porch"]);
  await page.goBack();
  await named(page, ["gate"]);
  await page.goBack();
  await named(page, ["gate", "yard"]);
  assert.deepEqual(wrong, []);
});

test("what leads is named and in the address, and a reload shows the same", async () => {
  const { page, wrong } = await open(`/play/gate?at=${moment()}&with=yard,porch`);
  await named(page, ["gate", "yard", "porch"]);
  await page.click(".pane-name >> text='porch'");
  await named(page, ["porch", "gate", "yard"]);
  await page.click("[aria-label='Take porch off the stage']");
  await named(page, ["gate", "yard"]);
  await page.click("[aria-label='Take gate off the stage']");
  await named(page, ["yard"]);
  await page.click("[aria-label='Show gate too, in step']");
  await named(page, ["yard", "gate"]);
  const at = await shown(page);
  await page.reload();
  await named(page, ["yard", "gate"]);
  await until("the same moment", async () => Math.abs((await shown(page)) - at) < MINUTE);
  assert.deepEqual(wrong, []);
});

test("who leaves the recordings, leaves nothing that goes on", async () => {
  const { page, wrong } = await open("/live");
  await page.click("nav >> text=Recordings");
  await until("a picture", () => shown(page));
  await page.click(".play-button");
  const video = await page.$(".pane video");
  assert.ok(video);
  await page.click("nav >> text=Live");
  await page.waitForSelector(".tile");
  await until("the video to be gone", () => video.evaluate((one) => /** @type {HTMLVideoElement} */ (one).paused && !one.hasAttribute("src")));
  assert.deepEqual(wrong, []);
});

test("what was on its way when one went elsewhere changes neither address nor picture", async () => {
  const { page, wrong } = await openPage(browser, "desktop", "about:blank");
  // Everything that is written into the address.
  await page.addInitScript(() => {
    const all = /** @type {any} */ (globalThis);
    all.written = [];
    const replace = history.replaceState.bind(history);
    history.replaceState = (data, unused, url) => {
      all.written.push(String(url));
      replace(data, unused, url);
    };
  });
  /** @type {() => void} */
  let release = () => {};
  const held = new Promise((resolve) => (release = () => resolve(null)));
  let asked = 0;
  await page.route("**/cameras/gate/playback.m3u8*", async (route) => {
    asked += 1;
    await held;
    await route.continue();
  });
  await page.goto(`${mock.base}/#/play/gate?at=${moment()}`);
  await until("the question", () => asked === 1);
  const other = Date.now() - 180 * MINUTE;
  await page.evaluate((at) => (location.hash = `#/play/yard?at=${new Date(at).toISOString()}`), other);
  const near = (/** @type {number} */ at) => Math.abs(at - other) < 30 * MINUTE;
  await until("the other", async () => near(await shown(page)) && near(await wall(page)));
  const answered = page.waitForResponse("**/cameras/gate/playback.m3u8*");
  release();
  await (await answered).finished();
  await named(page, ["yard"]);
  const written = await page.evaluate(() => /** @type {any} */ (globalThis).written);
  const yards = written.filter((/** @type {string} */ one) => one.startsWith("#/play/yard")).map((/** @type {string} */ one) => Date.parse(new URLSearchParams(one.split("?")[1]).get("at") ?? ""));
  assert.ok(yards.length > 0 && yards.every(near), written.join(" "));
  assert.ok(near(await shown(page)));
  assert.equal(asked, 1, "nor is it asked for again");
  assert.deepEqual(wrong, []);
});

test("nothing recorded yet: until something is, or one looks elsewhere", async () => {
  mock.world.scenario = "empty";
  const { page, wrong, close } = await open("/play/gate");
  await page.waitForSelector("text=Nothing recorded yet");
  await page.keyboard.press("ArrowLeft");
  await page.waitForSelector("text=Nothing recorded yet", { state: "hidden" });
  await page.waitForSelector(".pane-message:has-text('Nothing is recorded here')");
  assert.deepEqual(wrong, []);
  await close();
  const second = await open("/play/gate");
  await second.page.waitForSelector("text=Nothing recorded yet");
  mock.world.scenario = "one";
  await second.page.waitForSelector("text=Nothing recorded yet", { state: "hidden" });
  await until("the newest", async () => Math.abs((await shown(second.page)) - Date.now()) < 5 * MINUTE && (await wall(second.page)) > 0);
  assert.deepEqual(second.wrong, []);
});

test("chips stay where they are while cameras tell how they are", async () => {
  const { page, wrong } = await open(`/play/gate?at=${moment()}`);
  await named(page, ["gate"]);
  let told = 0;
  page.on("response", (response) => /\/cameras$/.test(response.url()) && (told += 1));
  await page.focus("[aria-label='Show yard too, in step']");
  const chips = await page.$$(".chip");
  await until("news of the cameras, twice", () => told >= 2);
  await page.keyboard.press("Enter");
  await named(page, ["gate", "yard"]);
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), "Take yard off the stage");
  for (const chip of chips) assert.equal(await chip.evaluate((one) => one.isConnected), true);
  assert.deepEqual(wrong, []);
});

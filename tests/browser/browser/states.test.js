// The page in every state, against the mock host: nothing is wrong on the console, nobody is kept
// out, nothing stands beyond the edge of the screen or is too small for a finger.

import assert from "node:assert/strict";
import { test } from "node:test";
import { barriers, mocked, openPage, until } from "./machine.js";

const { mock, browser } = await mocked();

/** What is there when a view has come. */
const VIEWS = [
  { hash: "#/live", ready: ".tile", scenarios: ["full", "troubles"] },
  { hash: "#/live/gate", ready: ".event-row", scenarios: ["full"] },
  { hash: "#/live", ready: ".empty", scenarios: ["no-camera"] },
  { hash: "#/play/gate", ready: ".wall-time[data-wall]", scenarios: ["full"] },
  { hash: "#/play/gate?with=yard,porch", ready: ".pane-time[data-wall]", scenarios: ["full"] },
  { hash: "#/play/gate", ready: ".empty", scenarios: ["empty"] },
  { hash: "#/events", ready: ".event-card", scenarios: ["full"] },
  { hash: "#/events", ready: ".empty", scenarios: ["empty"] },
  { hash: "#/system", ready: "table", scenarios: ["full", "troubles"] },
  { hash: "#/zones/gate", ready: ".zone-handle", scenarios: ["full"] },
];

/** What a finger would miss, in pixels. A label is pressed for its box. @param {import("playwright-core").Page} page */
const small = (page) => page.$$eval("a:not(.skip), button, label.check, select, textarea, input:not(.check input)", (all) => all
  .map((one) => ({ box: one.getBoundingClientRect(), name: one.getAttribute("aria-label") ?? one.textContent }))
  .filter(({ box }) => box.width > 0 && (box.width < 44 || box.height < 44))
  .map(({ box, name }) => `${name}: ${box.width} x ${box.height}`));

/** Each device in one dress with everything, in the other with what has most colours. */
const DRESSES = /** @type {const} */ ([["desktop", "light", VIEWS], ["phone", "dark", VIEWS], ["desktop", "dark", VIEWS.slice(0, 4)], ["phone", "light", VIEWS.slice(0, 4)]]);

for (const [device, colorScheme, views] of DRESSES) {
  test(`every view and state, ${device}, ${colorScheme}`, async () => {
    for (const { hash, ready, scenarios } of views) {
      for (const scenario of scenarios) {
        mock.world.scenario = /** @type {any} */ (scenario);
        const { page, wrong, close } = await openPage(browser, device, `${mock.base}/${hash}`, { colorScheme });
        await page.waitForSelector(ready);
        const told = `${hash} ${scenario}`;
        assert.deepEqual(await barriers(page), [], told);
        const wide = (await page.evaluate(() => document.documentElement.scrollWidth)) - (page.viewportSize()?.width ?? 0);
        assert.ok(wide <= 0, `${told} is ${wide} px too wide`);
        if (device === "phone") assert.deepEqual(await small(page), [], told);
        assert.deepEqual(wrong, [], told);
        await close();
      }
    }
  });
}

test("dark and light are as the system says, or as one chooses", async () => {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    const { page, wrong, close } = await openPage(browser, "desktop", `${mock.base}/#/system`, { colorScheme });
    await page.waitForSelector("table");
    const dark = () => page.evaluate(() => {
      const { colorScheme, color } = getComputedStyle(document.body);
      const bright = (/** @type {string} */ text) => Number(/\d+/.exec(text)?.[0]) > 128;
      return [colorScheme, bright(getComputedStyle(document.body).backgroundColor), bright(color)].join();
    });
    const says = { light: "light,true,false", dark: "dark,false,true" };
    assert.equal(await dark(), says[colorScheme]);
    for (const chosen of /** @type {const} */ (["light", "dark"])) {
      await page.click(".theme-button");
      await until(chosen, async () => (await dark()) === says[chosen]);
      await page.reload();
      await page.waitForSelector("table");
      assert.equal(await dark(), says[chosen], "the next time, too");
    }
    await page.click(".theme-button");
    await until("the system's", async () => (await dark()) === says[colorScheme]);
    assert.deepEqual(wrong, []);
    await close();
  }
});

test("troubles are told where they are looked for", async () => {
  mock.world.scenario = "troubles";
  const { page, wrong } = await openPage(browser, "desktop", `${mock.base}/#/live`);
  await page.waitForSelector("text=Camera gone");
  await page.waitForSelector("text=connection refused");
  await page.click("nav >> text=System");
  await page.waitForSelector("text=the filesystem is at its floor");
  await page.waitForSelector("text=is quarantined: trapped five times");
  assert.deepEqual(wrong, []);
});

test("all is well only where all is known", async () => {
  const { page, wrong, close } = await openPage(browser, "desktop", "about:blank", { allow: /status of 503/ });
  let refused = true;
  await page.route("**/api/v1/health", (route) => (refused ? route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ detail: "it is busy" }) }) : route.continue()));
  await page.goto(`${mock.base}/#/system`);
  await page.waitForSelector(".banner:has-text('it is busy')");
  assert.equal(await page.locator(".well").count(), 0);
  refused = false;
  await page.waitForSelector(".well:has-text('Everything runs as it should.')");
  assert.equal(await page.locator(".system .banner-danger").count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

test("who sees some cameras is told of these", async () => {
  const { page, wrong, close } = await openPage(browser, "desktop", "about:blank");
  await page.route("**/api/v1/session", (route) => route.fulfill({ json: { user: "ben", role: "viewer", cameras: ["gate"], open: false } }));
  await page.goto(`${mock.base}/#/system`);
  await page.waitForSelector(".well:has-text('Your cameras run as they should.')");
  assert.equal(await page.locator("text=Everything runs").count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

test("a day is another stretch of time in another zone", async () => {
  const { page, wrong } = await openPage(browser, "desktop", "about:blank", { timezoneId: "Asia/Tokyo" });
  /** @type {(string | null)[]} */
  const asked = [];
  page.on("request", (request) => /\/events\?/.test(request.url()) && asked.push(new URL(request.url()).searchParams.get("from")));
  const day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  await page.goto(`${mock.base}/#/events?day=${day}`);
  await page.waitForSelector(".event-card");
  const midnight = Date.parse(`${day}T00:00:00Z`);
  assert.equal(asked[0] && Date.parse(asked[0]), midnight - 9 * 3_600_000);
  await page.click(".time-button");
  await page.click("[role=menuitemradio] >> nth=1");
  // New York is four hours behind, or five.
  await until("New York's day", () => asked.some((from) => from && [4, 5].includes((Date.parse(from) - midnight) / 3_600_000)));
  await until("one day", async () => (await page.locator(".day-head").count()) === 1);
  assert.deepEqual(wrong, []);
});

test("an export says where it is interrupted, and when its files begin", async () => {
  const start = Date.now() - 3_600_000;
  const time = (/** @type {number} */ second) => new Date(start + second * 1000).toISOString();
  const clock = (/** @type {number} */ second) => time(second).slice(11, 19);
  const about = { url: "/mock/film/s000.m4s", bytes: 5_000_000 };
  mock.world.jobs = [{
    id: "1", camera: "gate", from: time(0), to: time(600), state: "done", done: 100, total: 100, error: null,
    files: [{ ...about, name: "gate.mp4", from: time(30), to: time(300), seconds: 270.04 }, { ...about, name: "gate-2.mp4" }],
    interruptions: [
      { start: time(100), end: time(190), why: "gap", detail: "offline: connect to 10.0.0.23" }, { start: time(300), end: time(300), why: "parameters", detail: "" },
      { start: time(400), end: time(340), why: "clock-stepped", detail: "" }, { start: time(500), end: time(502), why: "not-decodable", detail: "" }, { start: time(550), end: time(551), why: "of-the-future", detail: "" },
    ],
  }];
  for (const device of /** @type {const} */ (["desktop", "phone"])) {
    const { page, wrong, close } = await openPage(browser, device, `${mock.base}/#/play/gate`, { timezoneId: "UTC" });
    await page.click("text='Exports'");
    await page.waitForSelector(".job-file");
    const [listed, files] = [await page.locator(".job-breaks li").allTextContents(), await page.locator(".job-file-text .quiet").allTextContents()];
    for (const [at, [second, text]] of /** @type {const} */ ([
      [100, " · 1 min 30 s · nothing is recorded (camera offline: connect to 10.0.0.23)"], [300, " · the camera's settings changed"],
      [400, " · back by 1 min · the recorder's clock was set"], [500, " · 2 s · what is recorded can't be decoded"], [550, " · 1 s · of-the-future"],
    ]).entries()) assert.ok(listed[at].endsWith(clock(second) + text), listed[at]);
    assert.ok(files[0].endsWith(`${clock(30)} · 4 min 30 s · 5 MB`), files[0]);
    assert.equal(files[1], "5 MB", "a host that does not say when");
    assert.deepEqual(await barriers(page), []);
    if (device === "phone") assert.deepEqual(await small(page), []);
    assert.deepEqual(wrong, []);
    await close();
  }
});

test("a live picture goes on after bytes that can't be decoded", async () => {
  for (const hash of ["#/live", "#/live/gate"]) {
    const { page, wrong, close } = await openPage(browser, "desktop", `${mock.base}/${hash}`);
    const shown = () => page.$eval(".tile >> nth=0", (tile) => Number(/** @type {HTMLElement} */ (tile).dataset.delay && /** @type {HTMLElement} */ (tile).dataset.wall));
    await until("a picture", shown);
    mock.world.spoil = 1;
    await until("the nonsense to be sent", () => mock.world.spoil === 0);
    const broken = Date.now();
    await until("a later picture", async () => (await shown()) > broken + 2000);
    assert.deepEqual(wrong, []);
    await close();
  }
});

test("who scrolls through many cameras sees no picture begin anew", async () => {
  mock.world.scenario = "many";
  // So low from the beginning: whatever was in sight of a higher one would have its picture.
  const { page, wrong } = await openPage(browser, "phone", `${mock.base}/#/live`, { viewport: { width: 390, height: 400 } });
  const shown = (/** @type {number} */ at) => page.$eval(`.tile >> nth=${at}`, (tile) => /** @type {HTMLElement} */ (tile).dataset.delay && tile.querySelector("video")?.src);
  const before = await until("a picture", () => shown(4));
  assert.equal(await shown(11), undefined);
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await until("the last picture", () => shown(11));
  assert.equal(await shown(4), before);
  await page.evaluate(() => scrollTo(0, 0));
  await until("the first picture", () => shown(0));
  assert.deepEqual(wrong, []);
});

test("events that go on keep their beginning, and end where they stand", async () => {
  const begun = mock.world.begin("gate", "motion", Date.now() - 180_000);
  const address = (/** @type {string} */ path) => `${mock.base}/#${path}`;
  for (const [path, row] of [["/events", ".event-card"], ["/live/gate", ".event-row"]]) {
    const { page, wrong, close } = await openPage(browser, "desktop", address(path));
    const its = (/** @type {any} */ event) => `${row}[data-sequence="${event.sequence}"]`;
    await page.waitForSelector(`${its(begun)}:has-text("still going on")`);
    const text = await page.textContent(`${its(begun)} .tabular`);
    await until("somebody to listen", () => mock.world.listeners.size > 0);
    // One that is not listed, since it began after the list was asked for, and unheard.
    const unheard = mock.world.begin("gate", "person", Date.now() - 60_000);
    mock.world.tell(unheard, "update");
    await page.waitForSelector(`${its(unheard)}:has-text("still going on")`);
    mock.world.tell(unheard, "end");
    await page.waitForSelector(`${its(unheard)}:has-text("1 min")`);
    mock.world.tell(begun, "update");
    mock.world.tell(begun, "end");
    await page.waitForSelector(`${its(begun)}:has-text("3 min")`);
    assert.equal((await page.textContent(`${its(begun)} .tabular`))?.split(" · ")[0], text?.split(" · ")[0]);
    assert.equal(await page.locator(its(begun)).count(), 1);
    assert.deepEqual(wrong, []);
    await close();
    Object.assign(begun, { end: null, open: true });
    mock.world.said = [begun];
  }
});

test("dialogs keep nobody out: keyboard sheet, calendar, export, area", async () => {
  const { page, wrong } = await openPage(browser, "desktop", `${mock.base}/#/play/gate`);
  await page.waitForSelector(".wall-time[data-wall]");
  for (const open of [() => page.keyboard.press("?"), () => page.click(".day-picker .button"), async () => {
    await page.keyboard.press("i");
    await page.keyboard.press("e");
  }]) {
    await open();
    await page.waitForSelector("dialog[open]");
    assert.deepEqual(await barriers(page), []);
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog[open]", { state: "detached" });
  }
  await page.click("nav >> text=Events");
  await page.click("text=Search here");
  await page.waitForSelector("dialog .area-field");
  assert.deepEqual(await barriers(page), []);
  assert.deepEqual(wrong, []);
});

test("a finger hits what stands in dialogs", async () => {
  const { page, wrong } = await openPage(browser, "phone", `${mock.base}/#/play/gate`);
  await page.waitForSelector(".wall-time[data-wall]");
  for (const open of [".day-picker .button", "text=Exports", "[aria-label='Keyboard shortcuts']"]) {
    await page.tap(open);
    await page.waitForSelector("dialog[open]");
    assert.deepEqual(await small(page), [], open);
    await page.tap("dialog[open] [aria-label='Close']");
    await page.waitForSelector("dialog[open]", { state: "detached" });
  }
  assert.deepEqual(wrong, []);
});

test("everything of the time line can be done with the keyboard", async () => {
  const { page, wrong } = await openPage(browser, "desktop", `${mock.base}/#/play/gate`);
  await page.waitForSelector(".wall-time[data-wall]");
  const wall = () => page.$eval(".wall-time", (one) => Number(/** @type {HTMLElement} */ (one).dataset.wall));
  const begin = await wall();
  await page.keyboard.press("ArrowLeft");
  await until("10 s back", async () => Math.abs((await wall()) - (begin - 10_000)) < 1000);
  await page.focus(".timeline-canvas");
  const value = () => page.getAttribute(".timeline-canvas", "aria-valuetext");
  const before = await value();
  await page.keyboard.press("ArrowUp");
  await until("a nearer view", async () => (await value()) !== before);
  await page.keyboard.press("n");
  await page.keyboard.press("i");
  await page.waitForSelector(".range-bar:not([hidden])");
  await page.keyboard.press("Escape");
  await page.waitForSelector(".range-bar", { state: "hidden" });
  assert.deepEqual(wrong, []);
});

test("several cameras play in step", async () => {
  const at = new Date(Date.now() - 4 * 60_000).toISOString();
  const { page, wrong } = await openPage(browser, "desktop", `${mock.base}/#/play/gate?at=${at}&with=yard,porch`);
  await page.waitForSelector(".pane-time[data-wall]");
  const walls = () => page.$$eval(".pane-time", (all) => all.map((one) => Number(/** @type {HTMLElement} */ (one).dataset.wall)));
  const [begin] = await walls();
  await until("all to be in step, five seconds on", async () => {
    const now = await walls();
    const paused = await page.$$eval(".pane video", (all) => all.some((one) => /** @type {HTMLVideoElement} */ (one).paused));
    return !paused && now.length === 3 && now[0] > begin + 5000 && Math.max(...now) - Math.min(...now) < 400;
  });
  await page.click(".pane-name >> nth=2");
  await until("the third to lead", async () => (await page.getAttribute(".pane-name >> nth=2", "aria-pressed")) === "true");
  assert.deepEqual(wrong, []);
});

test("the lost connection is told, and that it is back", async () => {
  const { page } = await openPage(browser, "desktop", `${mock.base}/#/system`);
  await page.waitForSelector("table");
  await page.context().setOffline(true);
  await page.waitForSelector("text=The connection to Wardline is lost");
  await page.context().setOffline(false);
  await page.waitForSelector("text=The connection to Wardline is lost", { state: "hidden" });
});

test("log in, be refused, log out", async () => {
  Object.assign(mock.world, { scenario: "full", user: "ada", password: "right" });
  const { page, wrong } = await openPage(browser, "phone", `${mock.base}/`, { allow: /401/ });
  await page.fill("#login-user", "ada");
  await page.fill("#login-password", "wrong");
  await page.tap("text=Log in >> nth=-1");
  await page.waitForSelector("text=do not match");
  assert.deepEqual(await barriers(page), []);
  await page.fill("#login-password", "right");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".tile");
  await page.tap("[aria-label^='ada']");
  await page.tap("text=Log out");
  await page.waitForSelector("#login-user");
  assert.deepEqual(wrong, []);
});

test("zones are drawn, moved and handed back as configuration", async () => {
  const { page, wrong } = await openPage(browser, "desktop", `${mock.base}/#/zones/gate`);
  await page.waitForSelector(".zone-handle");
  await page.click(".zone-side .toolbar .button >> nth=0");
  for (const [x, y] of [[0.5, 0.1], [0.7, 0.1], [0.6, 0.3]]) {
    const box = await page.locator(".zone-field").boundingBox();
    assert.ok(box);
    await page.mouse.click(box.x + x * box.width, box.y + y * box.height);
  }
  await page.fill("[aria-label='Name of the zone'] >> nth=1", "path");
  const text = await until("the zone", async () => {
    const text = await page.inputValue("textarea.code");
    return text.includes("\npath = [[") && text;
  });
  const found = /^path = (.*)$/m.exec(text);
  assert.ok(found && JSON.parse(found[1]).length === 3, text);
  assert.match(text, /^driveway = \[\[0\.4, 0\.35\]/m);
  await page.focus(".zone-handle >> nth=0");
  await page.keyboard.press("ArrowRight");
  await until("a moved corner", async () => (await page.inputValue("textarea.code")) !== text);
  assert.deepEqual(wrong, []);
});

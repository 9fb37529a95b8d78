// The player where it is hard: gaps, refusals, clocks that were set back, a slow line. Against the mock
// host, whose answers are changed on their way.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mocked, openPage, until } from "./machine.js";
import { plays, shown, wall } from "./player.js";

/** @import { Page } from "playwright-core" */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A picture of the mock's film. */
const FRAME = 100;

const { mock, browser } = await mocked();

/** The gap that is always some minutes ago. */
const nearGap = () => mock.world.gaps("gate", Date.now() - 20 * MINUTE, Date.now()).at(-1) ?? assert.fail("no gap");

/** @param {number} at */
const link = (at) => `${mock.base}/#/play/gate?at=${new Date(at).toISOString()}`;

/** Opens a moment, paused. @param {number} at @param {{ prepare?: (page: Page) => Promise<unknown>, allow?: RegExp }} [options] */
async function paused(at, { prepare, allow } = {}) {
  const opened = await openPage(browser, "desktop", "about:blank", { allow });
  await prepare?.(opened.page);
  await opened.page.goto(link(at));
  await until("the moment", async () => Math.abs((await shown(opened.page)) - at) < 10_000);
  await opened.page.click(".play-button[aria-label='Pause']");
  await until("a pause", async () => !(await plays(opened.page)));
  return opened;
}

/**
 * Drags the playhead over one moment to another, quicker than a picture comes.
 * @param {Page} page @param {[string, number]} span What is in view: its button, and how long it is. @param {number} over @param {number} to
 */
async function scrub(page, [button, span], over, to) {
  await page.click(`text='${button}'`);
  const head = await wall(page);
  const box = await page.locator(".timeline-canvas").boundingBox();
  assert.ok(box);
  const x = (/** @type {number} */ at) => box.x + (0.5 + (at - head) / span) * box.width;
  await page.route("**/mock/film/*.m4s", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 400));
    await route.continue();
  });
  await page.mouse.move(x(head), box.y + 60);
  await page.mouse.down();
  await page.mouse.move(x(over), box.y + 60);
  await page.mouse.move(x(to), box.y + 60);
  await page.mouse.up();
}

test("a scrub that ends in a gap stands behind it", async () => {
  const gap = nearGap();
  const { page, wrong, close } = await paused(gap.start - 3 * MINUTE);
  await scrub(page, ["10 min", 10 * MINUTE], gap.start - MINUTE, gap.start + 45_000);
  const behind = (/** @type {number} */ at) => at >= gap.end && at < gap.end + 4000;
  await until("the picture behind the gap", async () => behind(await shown(page)) && behind(await wall(page)) && !(await plays(page)));
  await page.waitForSelector(".pane-message", { state: "hidden" });
  await page.click(".play-button");
  await until("it to play", () => plays(page));
  assert.deepEqual(wrong, []);
  await close();
});

test("a scrub while it plays goes on playing, also beyond what the video has", async () => {
  const { page, wrong, close } = await paused(Date.now() - 8 * HOUR);
  await page.click(".play-button");
  await until("it to play", () => plays(page));
  const head = await wall(page);
  await scrub(page, ["6 h", 6 * HOUR], head + 20 * MINUTE, head - 2 * HOUR);
  await until("two hours before, or behind a gap there", async () => {
    const at = await shown(page);
    return at > head - 2.02 * HOUR && at < head - HOUR && (await plays(page));
  });
  await page.waitForSelector(".play-button[aria-label='Pause']");
  assert.deepEqual(wrong, []);
  await close();
});

test("a seek while a picture is stepped to is not lost", async () => {
  const { page, wrong, close } = await paused(Date.now() - 5 * MINUTE);
  const begin = await shown(page);
  await page.evaluate(() => {
    for (const key of [".", "ArrowRight"]) document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  });
  await until("ten seconds on", async () => Math.abs((await shown(page)) - begin - 10_000) <= FRAME && (await wall(page)) === (await shown(page)));
  assert.deepEqual(wrong, []);
  await close();
});

test("what is recorded and can't be had ends with the reason, in a few questions, and is asked for by Play", async () => {
  let asked = 0;
  let refused = false;
  const { page, wrong, close } = await paused(Date.now() - 5 * MINUTE, {
    allow: /status of 503/,
    prepare: async (page) => {
      await page.route("**/api/v1/cameras/**", async (route) => {
        const url = route.request().url();
        if (/timeline|playback/.test(url)) asked += 1;
        if (refused && url.includes("playback.m3u8")) await route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ detail: "the disk is busy" }) });
        else await route.continue();
      });
    },
  });
  refused = true;
  asked = 0;
  await page.click("[aria-label='The day before']");
  await page.waitForSelector(".stage-note:has-text('It stops here: the disk is busy')");
  await page.waitForSelector(".pane-message:has-text('the disk is busy')");
  // Time for a loop to go round.
  await page.waitForTimeout(1000);
  assert.ok(asked < 12, `${asked} questions`);
  refused = false;
  await page.click(".play-button");
  await until("the day before, playing", async () => Math.abs((await shown(page)) - Date.now() + DAY + 5 * MINUTE) < HOUR && plays(page));
  assert.deepEqual(wrong, []);
  await close();
});

test("what the time line has and no playlist is passed over", async () => {
  const target = Date.now() - 26 * HOUR;
  const { page, wrong, close } = await paused(Date.now() - 5 * MINUTE, {
    allow: /status of 404/,
    prepare: (page) => page.route("**/playback.m3u8*", async (route) => {
      const from = Date.parse(new URL(route.request().url()).searchParams.get("from") ?? "");
      if (Math.abs(from - target) < HOUR) await route.fulfill({ status: 404, contentType: "application/problem+json", body: "{}" });
      else await route.continue();
    }),
  });
  await page.evaluate((at) => (location.hash = `#/play/gate?at=${new Date(at).toISOString()}`), target);
  await until("video behind what is damaged", async () => {
    const at = await shown(page);
    return at > target + HOUR && at < target + 6 * HOUR && (await plays(page));
  });
  assert.deepEqual(wrong, []);
  await close();
});

test("backwards, a busy host is asked again, and a long gap is passed at once", async () => {
  const gap = mock.world.gaps("gate", Date.now() - 6 * DAY, Date.now() - 4 * DAY).find((one) => one.end - one.start > 10 * HOUR) ?? assert.fail();
  /** @type {number[]} */
  const moments = [];
  let refusals = 2;
  const { page, wrong, close } = await paused(gap.end + 8000, {
    allow: /status of (404|503)/,
    prepare: (page) => page.route("**/snapshot.jpg*", async (route) => {
      moments.push(Date.parse(new URL(route.request().url()).searchParams.get("at") ?? ""));
      if ((refusals -= 1) >= 0) await route.fulfill({ status: 503, contentType: "application/problem+json", body: "{}" });
      else await route.continue();
    }),
  });
  moments.length = 0;
  await page.click("[aria-label='Play backwards']");
  await until("a moment before the gap", async () => (await wall(page)) < gap.start);
  assert.equal(moments[0], moments[1]);
  assert.equal(moments[1], moments[2], "asked for again, not passed over");
  const within = moments.filter((at) => at > gap.start && at < gap.end);
  assert.ok(within.length <= 2, `asked for ${within.length} pictures in the gap`);
  assert.ok((await wall(page)) > gap.start - MINUTE);
  await page.click("[aria-label='Pause']");
  assert.deepEqual(wrong, []);
  await close();
});

test("the next event is the next one, however little of it can be told apart", async () => {
  // Of the last day nothing is missing: one sees each event where it was.
  const begin = Date.now() - 20 * HOUR;
  const { page, wrong, close } = await paused(begin);
  const events = mock.world.events("gate", begin + MINUTE, begin + 12 * HOUR).map((one) => Date.parse(one.start)).filter((at) => at > begin + MINUTE).slice(0, 3);
  await page.click("text='30 d'");
  for (const [key, at] of /** @type {const} */ ([["n", events[0]], ["n", events[1]], ["n", events[2]], ["p", events[1]], ["p", events[0]]])) {
    await page.keyboard.press(key);
    await until(`${key}: ${new Date(at).toISOString()}`, async () => Math.abs((await shown(page)) - (at - 2000)) <= FRAME && Math.abs((await wall(page)) - (at - 2000)) <= FRAME);
  }
  assert.deepEqual(wrong, []);
  await close();
});

test("a day with more events than are shown at once has them all, a page at a time", async () => {
  const { page, wrong, close } = await paused(Date.now() - 5 * MINUTE, {
    prepare: (page) => page.route(/\/api\/v1\/events\?/, async (route) => {
      const query = new URL(route.request().url()).searchParams;
      const [from, to] = [Date.parse(query.get("from") ?? ""), Math.min(Date.now(), Date.parse(query.get("to") ?? ""))];
      const all = Array.from({ length: 450 }, (_, at) => ({ sequence: 1000 - at, id: `gate/${at}`, kind: "motion", camera: "gate", origin: at % 10 === 0 ? "host" : "motion", start: new Date(to - (at * (to - from)) / 450), end: null, open: false, confidence: 1 }));
      const begin = Number(query.get("cursor") ?? 0);
      const end = begin + Number(query.get("limit"));
      await route.fulfill({ json: { events: all.slice(begin, end), next: end < all.length ? String(end) : null } });
    }),
  });
  const rows = page.locator(".event-row");
  await until("the newest", async () => (await rows.count()) >= 180);
  for (let left = 3; left > 0 && (await page.locator("text='Earlier events'").count()) > 0; left -= 1) {
    const before = await rows.count();
    await page.click("text='Earlier events'");
    await until("more", async () => (await rows.count()) > before);
  }
  assert.equal(await rows.count(), 405);
  assert.deepEqual(wrong, []);
  await close();
});

/** A minute of video, and one of which the first 20 s are of the same time: the clock was set back. @param {number} begin */
function twice(begin) {
  const pieces = (/** @type {number} */ first, /** @type {number} */ at) => [`#EXT-X-PROGRAM-DATE-TIME:${new Date(at).toISOString()}`,
    ...Array.from({ length: 15 }, (_, number) => `#EXTINF:4,\n/mock/film/s${String(first + number).padStart(3, "0")}.m4s`)];
  const body = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:4", "#EXT-X-PLAYLIST-TYPE:VOD", '#EXT-X-MAP:URI="/mock/film/init.mp4"',
    ...pieces(0, begin), "#EXT-X-DISCONTINUITY", ...pieces(15, begin + 40_000), "#EXT-X-ENDLIST", ""].join("\n");
  return (/** @type {Page} */ page) => page.route("**/playback.m3u8*", (route) => route.fulfill({ contentType: "application/vnd.apple.mpegurl", body }));
}

/** Where in their videos the panes are, in seconds. @param {Page} page */
const medias = (page) => page.$$eval(".pane video", (all) => all.map((video) => /** @type {HTMLVideoElement} */ (video).currentTime));

test("where a clock was set back, both videos of a moment can be seen", async () => {
  const begin = Math.floor((Date.now() - HOUR) / 1000) * 1000;
  const { page, wrong, close } = await paused(begin + 50_000, { prepare: twice(begin) });
  const at = await wall(page);
  const [first] = await medias(page);
  assert.ok(Math.abs(first - 50) < 10);
  for (const there of [first + 20, first]) {
    await page.click("text='Show the other'");
    await until(`${there} s`, async () => Math.abs((await medias(page))[0] - there) < 0.3 && Math.abs((await shown(page)) - at) <= FRAME);
  }
  assert.deepEqual(wrong, []);
  await close();
});

test("over a step of the clock, cameras stay in step", async () => {
  const begin = Math.floor((Date.now() - HOUR) / 1000) * 1000;
  const { page, wrong, close } = await paused(begin + 52_000, { prepare: twice(begin) });
  await page.click("[aria-label='Show yard too, in step']");
  await until("two cameras", async () => (await medias(page)).length === 2 && (await medias(page)).every((at) => at > 50));
  await page.evaluate(() => {
    const page = /** @type {any} */ (globalThis);
    page.sought = [];
    const [lead, other] = document.querySelectorAll("video");
    other.addEventListener("seeking", () => page.sought.push(other.currentTime));
    // The other comes to the step well after the one that leads.
    const timer = setInterval(() => {
      if (lead.currentTime < 59.4) return;
      clearInterval(timer);
      other.currentTime = 58.9;
    }, 20);
  });
  await page.click(".play-button");
  await until("both behind the step", async () => {
    const [one, other] = await medias(page);
    return Math.min(one, other) > 63 && Math.abs(one - other) < 1 && (await plays(page));
  });
  const sought = await page.evaluate(() => /** @type {any} */ (globalThis).sought);
  assert.ok(sought.every((/** @type {number} */ at) => at > 50), `back before the step: ${sought}`);
  assert.deepEqual(wrong, []);
  await close();
});

test("fast, key frames are played; slow and paused, all pictures", async () => {
  /** @type {string[]} */
  const asked = [];
  const { page, wrong, close } = await paused(Date.now() - 2 * HOUR, { prepare: async (page) => page.on("request", (request) => request.url().includes("playback.m3u8") && asked.push(request.url())) });
  await page.click(".transport-end .button >> nth=0");
  await page.click("[role=menuitemradio]:has-text('16×')");
  asked.length = 0;
  const begin = await wall(page);
  await page.click(".play-button");
  await until("it to play on", async () => (await plays(page)) && (await wall(page)) > begin + 30_000);
  assert.match(asked.join(), /keys=true&step=2000ms/);
  assert.equal(asked.length, 1, "one playlist, not one for the map and one for the video");
  const fast = await wall(page);
  await page.click(".play-button");
  await until("all pictures", () => asked.length === 2);
  assert.doesNotMatch(asked[1], /keys/);
  await until("the same place", async () => !(await plays(page)) && Math.abs((await shown(page)) - fast) < 60_000 && (await shown(page)) === (await wall(page)));
  assert.deepEqual(wrong, []);
  await close();
});

test("an event that is being recorded is waited for, and then plays", async () => {
  const { page, wrong, close } = await openPage(browser, "desktop", `${mock.base}/#/live/gate`);
  await page.waitForSelector(".event-row");
  await until("somebody to listen", () => mock.world.listeners.size > 0);
  const event = mock.world.begin("gate", "person", Date.now());
  mock.world.tell(event, "begin", Date.parse(event.start));
  await page.click(`.event-row[data-sequence="${event.sequence}"]`);
  await until("the event, playing", async () => (await shown(page)) >= Date.parse(event.start) - FRAME && (await shown(page)) < Date.parse(event.start) + 8000 && (await plays(page)));
  assert.equal(await page.locator(".pane-empty").count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

for (const [ends, act] of /** @type {const} */ ([["a pause", "[aria-label='Pause']"], ["another way", "nav >> text=Live"]])) {
  test(`what is still to be recorded is waited for under a wheel, until ${ends}`, async () => {
    let asked = 0;
    const { page, wrong, close } = await openPage(browser, "desktop", "about:blank", { allow: /status of 404/ });
    await page.route("**/cameras/gate/timeline?*", (route) => route.fulfill({ json: { recorded: [], growing: [], gaps: [], spans: [], pins: [], events: [], motion: null, truncated: null } }));
    await page.route("**/playback.m3u8*", (route) => {
      asked += 1;
      return route.fulfill({ status: 404, contentType: "application/problem+json", body: "{}" });
    });
    await page.goto(link(Date.now()));
    await page.waitForSelector(".pane .spinner:not([hidden])");
    await until("it to be asked for again", () => asked >= 3);
    assert.equal(await page.locator(".pane-message:not([hidden])").count(), 0);
    await page.click(act);
    if (ends === "a pause") await page.waitForSelector(".pane-message:has-text('Nothing is recorded here')");
    else await page.waitForSelector(".tile");
    const before = asked;
    // Time for two more questions.
    await page.waitForTimeout(1200);
    assert.ok(asked <= before + 1, `${asked - before} more`);
    assert.deepEqual(wrong, []);
    await close();
  });
}

test("the calendar leads to the day that is chosen, if only to its first video", async () => {
  // Where it is noon by now: today has video, but none this late.
  const hour = new Date().getUTCHours();
  const { page, wrong, close } = await openPage(browser, "desktop", "about:blank", { timezoneId: `Etc/GMT${hour < 12 ? "-" : "+"}${Math.abs(12 - hour)}` });
  await page.goto(link(Date.now() - 18 * HOUR));
  await until("yesterday", () => shown(page));
  await page.click(".day-picker .button");
  const [day, midnight] = await page.evaluate(() => [new Date().getDate(), new Date().setHours(0, 0, 0, 0)]);
  if (day === 1) await page.click("[aria-label='The month after']");
  await page.click(`.calendar-there >> text="${day}"`);
  await until("the day's first video", async () => {
    const at = await shown(page);
    return at >= midnight && at < midnight + 30 * MINUTE && (await wall(page)) === at;
  });
  assert.deepEqual(wrong, []);
  await close();
});

test("a marked range is shown in the zone that is chosen, with its offset", async () => {
  const { page, wrong, close } = await paused(Date.now() - 5 * MINUTE);
  await page.keyboard.press("i");
  const field = page.locator("[aria-label='The range begins']");
  const own = await field.inputValue();
  assert.match((await page.textContent(".range-text")) ?? "", /UTC/);
  await page.click(".time-button");
  await page.click("[role=menuitemradio] >> nth=1");
  await until("New York's time", async () => (await field.inputValue()) !== own);
  assert.match((await page.textContent(".range-text")) ?? "", /UTC−[45]/);
  assert.deepEqual(wrong, []);
  await close();
});

test("a time line that is cut short says so", async () => {
  const { page, wrong, close } = await paused(Date.now() - 5 * MINUTE, {
    prepare: (page) => page.route("**/timeline?*", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), truncated: true } });
    }),
  });
  await page.waitForSelector(".timeline-note:not([hidden])");
  assert.deepEqual(wrong, []);
  await close();
});

// Recordings of a real host in a real browser: several segments, a gap, and other parameters after
// it. Each picture carries its number, and the camera's log says when that was sent: what the page
// shows as the time of a picture is compared with the time at which the picture was taken.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { now, seen, watch } from "./code.js";
import { barriers, Machine, openBrowser, openPage, sent, until } from "./machine.js";

/** @import { Page } from "playwright-core" */

/** Pictures a second, and how long one is shown, with a millisecond for what is rounded. */
const RATE = 10;
const FRAME = 1000 / RATE + 1;
/** Seconds of each of the two runs. */
const RUN = 14;

const VIDEO = ".pane video";
const CLOCK = ".pane-time";

/** @type {Machine} */
let machine;
/** @type {Awaited<ReturnType<typeof openBrowser>>} */
let browser;
/** When pictures were taken, by the width of their run. @type {Map<number, Map<number, number>>} */
const truth = new Map();
/** @type {{ start: number, end: number }[]} */
let recorded = [];

before(async () => {
  machine = await Machine.make();
  const port = await machine.port();
  const first = await machine.camera("gate", `size=320x192&fps=${RATE}&seconds=120&visits=3-6&noise=1`, port);
  await machine.host(`[plugins.motion]
component = "analyzer-motion"
params = { masks = [[[0, 0], [1, 0], [1, 0.2], [0, 0.2]]] }

[cameras.gate]
url = "rtsp://127.0.0.1:${port}/gate"
mode = "continuous"
keep = "1d"
segment = "4s"
analyzers = ["motion"]
`);
  const long = async (/** @type {number} */ count) => {
    const all = await machine.recorded("gate");
    const one = all[count - 1];
    return one && one.end - one.start > RUN * 1000 ? all : null;
  };
  await until("the first run on disk", () => long(1));
  await first.stop();
  await until("the camera to be gone", async () => !(await machine.ask("/cameras/gate")).connected);
  const second = await machine.camera("gate", `size=352x208&fps=${RATE}&seconds=120&visits=3-6&noise=1&seed=2`, port);
  await until("the second run on disk", () => long(2));
  await second.stop();
  await until("the last file to be complete", async () => {
    const { growing } = await machine.ask(`/cameras/gate/timeline?from=${new Date(Date.now() - 600_000).toISOString()}&to=${new Date().toISOString()}&resolution=1s`);
    return growing.length === 0;
  });
  recorded = await machine.recorded("gate");
  // The session that lasted is the longest; another may have tried and gone.
  const longest = (/** @type {string} */ log) => sent(log).sort((one, other) => other.size - one.size)[0];
  truth.set(320, taken(longest(first.log)));
  truth.set(352, taken(longest(second.log)));
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await machine?.stop();
});

/**
 * When the pictures of a run were taken: evenly. A loaded machine sends one late at times, none early.
 * @param {Map<number, number>} times When each was sent.
 */
function taken(times) {
  const period = 1000 / RATE;
  const first = Math.min(...[...times].map(([number, at]) => at - number * period));
  return new Map([...times.keys()].map((number) => [number, first + number * period]));
}

/** How far what the page says is from when the picture was taken. @param {import("./code.js").Seen} one */
function off(one) {
  const at = one.number === null ? undefined : truth.get(one.width)?.get(one.number);
  return at === undefined ? Number.NaN : one.wall - at;
}

/** What the page shows, once it is at a moment. @param {Page} page @param {number} wall @param {number} slack */
const at = (page, wall, slack) => until(`the picture of ${new Date(wall).toISOString()}`, async () => {
  const shown = await now(page, VIDEO, CLOCK);
  return Math.abs(shown.wall - wall) <= slack && Math.abs(off(shown)) <= FRAME && shown;
});

/** @param {number} wall */
const link = (wall) => `${machine.base}/#/play/gate?at=${new Date(wall).toISOString()}`;

for (const device of /** @type {const} */ (["desktop", "phone"])) {
  const press = (/** @type {Page} */ page, /** @type {string} */ what) => (device === "phone" ? page.tap(what) : page.click(what));

  test(`${device}: over segments, a gap and other parameters, the video's clock is the world's`, async () => {
    const { page, wrong, close } = await openPage(browser, device, link(recorded[0].start));
    await page.waitForSelector(`${CLOCK}[data-wall]`);
    await watch(page, VIDEO, CLOCK);
    await page.waitForSelector(".stage-note:has-text('Skipped')");
    await page.waitForSelector(".stage-note:has-text('ends here'), .stage-note:has-text('newest')");
    const all = await seen(page);
    const coded = all.filter((one) => one.number !== null);
    assert.ok(coded.length > 1.2 * RUN * RATE, `${coded.length} of ${all.length} pictures were read`);
    const wide = coded.filter((one) => !(Math.abs(off(one)) <= FRAME));
    assert.deepEqual(wide.slice(0, 5).map((one) => ({ ...one, off: off(one) })), [], `${wide.length} of ${coded.length} are off by more than a picture`);
    assert.deepEqual([...new Set(coded.map((one) => one.width))], [320, 352]);
    for (let index = 1; index < coded.length; index += 1) assert.ok(coded[index].wall >= coded[index - 1].wall, "time goes on");
    assert.deepEqual(wrong, []);
    await close();
  });

  test(`${device}: seeks to an event, steps pictures, plays backwards`, async () => {
    const { page, wrong, close } = await openPage(browser, device, `${machine.base}/#/play/gate`);
    const row = page.locator(".event-row:has-text('motion')").first();
    await row.waitFor();
    const { events } = await machine.ask("/events?camera=gate&kind=motion&order=desc");
    await (device === "phone" ? row.tap() : row.click());
    await at(page, Date.parse(events[0].start) - 2000, 1.5 * FRAME);
    const begin = await now(page, VIDEO, CLOCK);
    for (const [label, by] of /** @type {const} */ ([["The next picture", 1], ["The picture before", -1]])) {
      const from = /** @type {number} */ ((await now(page, VIDEO, CLOCK)).number);
      for (let step = 1; step <= 3; step += 1) {
        await press(page, `[aria-label='${label}']`);
        await until(`picture ${from + by * step}`, async () => {
          const shown = await now(page, VIDEO, CLOCK);
          return shown.number === from + by * step && Math.abs(off(shown)) <= FRAME;
        });
      }
    }
    assert.equal((await now(page, VIDEO, CLOCK)).number, begin.number);
    await at(page, begin.wall, 1);
    await press(page, "[aria-label='Play backwards']");
    await page.waitForSelector(".reverse:not([hidden])");
    // Over the gap, into the first run.
    await until("a moment before the gap", async () => Number(await page.getAttribute(CLOCK, "data-wall")) < recorded[0].end);
    await press(page, "[aria-label='Pause']");
    await page.waitForSelector(".reverse", { state: "hidden" });
    await until("the video where the pictures ended", async () => Math.abs(off(await now(page, VIDEO, CLOCK))) <= FRAME);
    assert.deepEqual(wrong, []);
    await close();
  });

  test(`${device}: scrubs with previews`, async () => {
    // On a loaded machine a strip may take too long to be made: it is asked for again.
    const { page, wrong, close } = await openPage(browser, device, link(recorded[1].start + 6000), { allow: /status of (408|503)/ });
    await at(page, recorded[1].start + 6000, 20_000);
    await press(page, "[aria-label='Pause']");
    await press(page, "text='1 min'");
    const box = await page.locator(".timeline-canvas").boundingBox();
    assert.ok(box);
    const before = (await now(page, VIDEO, CLOCK)).wall;
    const head = box.x + (box.width * Number(await page.getAttribute(".timeline-canvas", "aria-valuenow"))) / 100;
    const [from, to] = [{ x: head, y: box.y + 44 }, { x: head - 40, y: box.y + 44 }];
    if (device === "phone") {
      const fingers = await page.context().newCDPSession(page);
      const touch = (/** @type {string} */ type, /** @type {{ x: number, y: number }[]} */ touchPoints) => fingers.send("Input.dispatchTouchEvent", /** @type {any} */ ({ type, touchPoints }));
      await touch("touchStart", [from]);
      for (let part = 1; part <= 8; part += 1) await touch("touchMove", [{ x: from.x - 5 * part, y: from.y }]);
      await page.waitForSelector(".preview:not([hidden])");
      await touch("touchEnd", []);
    } else {
      await page.mouse.move(from.x, from.y);
      await page.mouse.down();
      await page.mouse.move(to.x, to.y, { steps: 8 });
      await until("a preview with a picture", () => page.$eval(".preview canvas", (canvas) => {
        const { data } = /** @type {any} */ (canvas).getContext("2d").getImageData(40, 60, 20, 20);
        return data.some((/** @type {number} */ value, /** @type {number} */ index) => index % 4 < 3 && value > 40);
      }));
      await page.mouse.up();
    }
    await until("another picture, with its moment", async () => {
      const shown = await now(page, VIDEO, CLOCK);
      const head = Number(await page.getAttribute(".wall-time", "data-wall"));
      return Math.abs(shown.wall - before) > 500 && Math.abs(off(shown)) <= FRAME && head === shown.wall;
    });
    assert.deepEqual(wrong, []);
    await close();
  });

  test(`${device}: plays sixteen times as fast, and in either zone`, async () => {
    const { page, wrong, close } = await openPage(browser, device, link(recorded[0].start), { timezoneId: "Asia/Kathmandu" });
    await at(page, recorded[0].start, 20_000);
    await press(page, ".transport-end .button >> nth=0");
    await press(page, "[role=menuitemradio]:has-text('16×')");
    await until("sixteen times", () => page.$eval(VIDEO, (video) => /** @type {HTMLVideoElement} */ (video).playbackRate === 16));
    await watch(page, VIDEO, CLOCK);
    await page.waitForSelector(".stage-note:has-text('ends here'), .stage-note:has-text('newest')");
    await until("the last picture, with its moment", async () => {
      const shown = await now(page, VIDEO, CLOCK);
      return Math.abs(off(shown)) <= FRAME && Number(await page.getAttribute(".wall-time", "data-wall")) === shown.wall;
    });
    // Key frames only, and each at its moment.
    const fast = (await seen(page)).filter((one) => one.number !== null);
    assert.ok(fast.length > 3, `${fast.length} pictures were read`);
    assert.deepEqual(fast.filter((one) => !(Math.abs(off(one)) <= FRAME)), []);
    assert.match((await page.textContent(".transport-time")) ?? "", /UTC\+5:45|\d\d:\d\d:\d\d/);
    const wall = Number(await page.getAttribute(".wall-time", "data-wall"));
    const kathmandu = new Date(wall + 345 * 60_000).toISOString().slice(11, 19);
    assert.ok((await page.textContent(".wall-time"))?.startsWith(kathmandu));
    await press(page, ".time-button");
    await press(page, "[role=menuitemradio] >> nth=1");
    await until("the camera's zone", async () => (await page.textContent(".wall-time"))?.startsWith(new Date(wall).toISOString().slice(11, 19)));
    assert.deepEqual(wrong, []);
    await close();
  });

  test(`${device}: marks a range and exports it, and ffprobe finds it right`, async (context) => {
    if (spawnSync("ffprobe", ["-version"]).status !== 0) return context.skip("no ffprobe");
    const { page, wrong, close } = await openPage(browser, device, link(recorded[0].start + 2000));
    await at(page, recorded[0].start + 2000, 20_000);
    await press(page, "[aria-label='Pause']");
    await press(page, "text='Mark start'");
    await page.waitForSelector(".range-bar:not([hidden])");
    const from = Number(await page.getAttribute(".wall-time", "data-wall"));
    const to = from + 5000;
    const field = page.locator("[aria-label='The range ends']");
    await field.fill(new Date(to).toISOString().slice(0, 19));
    await field.dispatchEvent("change");
    await press(page, ".range-bar >> text='Export'");
    assert.deepEqual(await barriers(page), []);
    await press(page, ".export-form .button-main");
    const file = page.locator(".job-done .job-file").first();
    await file.waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), file.click()]);
    const path = join(machine.folder, `${device}.mp4`);
    await download.saveAs(path);
    const probe = spawnSync("ffprobe", ["-v", "error", "-select_streams", "v", "-count_frames", "-show_entries", "stream=nb_read_frames,duration,width", "-of", "json", path]);
    const [stream] = JSON.parse(probe.stdout.toString()).streams;
    assert.equal(probe.stderr.toString(), "");
    assert.equal(stream.width, 320);
    assert.ok(Number(stream.duration) >= 4 && Number(stream.duration) <= 7.5, stream.duration);
    assert.ok(Number(stream.nb_read_frames) >= 4 * RATE, stream.nb_read_frames);
    assert.deepEqual(wrong, []);
    await close();
  });

  test(`${device}: pins a range, and takes the pin away`, async () => {
    const { page, wrong, close } = await openPage(browser, device, link(recorded[1].start + 2000));
    await at(page, recorded[1].start + 2000, 20_000);
    await press(page, "[aria-label='Pause']");
    await press(page, "text='Mark start'");
    await press(page, ".range-bar >> text='Pin'");
    await page.fill("dialog input", `parcel ${device}`);
    await press(page, "dialog >> text='Pin'");
    await page.waitForSelector(".toast:has-text('Pinned')");
    await press(page, ".pin:has-text('parcel') >> text='Unpin'");
    await page.waitForSelector(".toast:has-text('Unpinned')");
    assert.deepEqual(wrong, []);
    await close();
  });

  test(`${device}: finds events by kind and place, with their pictures`, async () => {
    const { page, wrong, close } = await openPage(browser, device, `${machine.base}/#/events`);
    await page.waitForSelector(".event-card");
    await page.selectOption("[aria-label='Kind']", "motion");
    const cards = page.locator(".event-card");
    await until("motion only", async () => (await cards.count()) > 0 && (await cards.allTextContents()).every((text) => text.includes("motion")));
    await until("its picture", () => page.$eval(".event-card img", (image) => /** @type {HTMLImageElement} */ (image).naturalWidth > 0));
    await press(page, "text=Search here");
    for (const [label, value] of [["Left %", "0"], ["Top %", "0"], ["Width %", "4"], ["Height %", "4"]]) await page.fill(`dialog label:has-text('${label}') input`, value);
    await press(page, "dialog >> text='Search here'");
    await page.waitForSelector("text=Nothing found");
    await press(page, "text='Clear'");
    await page.waitForSelector(".event-card");
    assert.deepEqual(await barriers(page), []);
    assert.deepEqual(wrong, []);
    await close();
  });
}

test("deletes what is marked, after asking", async () => {
  const { page, wrong, close } = await openPage(browser, "desktop", link(recorded[0].start + 1000));
  await at(page, recorded[0].start + 1000, 20_000);
  await page.click("[aria-label='Pause']");
  await page.click("text='Mark start'");
  for (const [label, wall] of /** @type {const} */ ([["The range begins", recorded[0].start - 2000], ["The range ends", recorded[0].start + 6000]])) {
    const field = page.locator(`[aria-label='${label}']`);
    await field.fill(new Date(wall).toISOString().slice(0, 19));
    await field.dispatchEvent("change");
  }
  await page.click(".range-bar >> text='Delete'");
  await page.waitForSelector("dialog:has-text('cannot be undone')");
  await page.click("dialog >> text='Cancel'");
  assert.equal((await machine.recorded("gate"))[0].start, recorded[0].start);
  await page.click(".range-bar >> text='Delete'");
  await page.click("dialog >> text='Delete'");
  await page.waitForSelector(".toast:has-text('Deleted')");
  await until("less of it", async () => (await machine.recorded("gate"))[0].start > recorded[0].start);
  assert.deepEqual(wrong, []);
  await close();
});

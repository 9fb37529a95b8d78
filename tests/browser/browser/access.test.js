// Who may see what: users of a real host log in, are refused, see less than others, and log out.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { barriers, Machine, openBrowser, openPage, until, WARDLINE } from "./machine.js";

/** @type {Machine} */
let machine;
/** @type {Awaited<ReturnType<typeof openBrowser>>} */
let browser;

before(async () => {
  machine = await Machine.make();
  const port = await machine.port();
  await machine.camera("gate", "size=320x192&fps=10&seconds=300&visits=none", port);
  await machine.host(["gate", "yard"].map((name) => `[cameras.${name}]\nurl = "rtsp://127.0.0.1:${port}/gate"\nmode = "continuous"\n`).join("\n"));
  await until("both cameras", async () => (await machine.ask("/cameras")).cameras.every((/** @type {any} */ one) => one.connected && one.recording));
  for (const [name, ...more] of [["ada", "--role", "admin"], ["ben", "--role", "viewer", "--camera", "gate"]]) {
    const added = spawnSync(WARDLINE, ["user", "add", name, ...more, "--source", join(machine.folder, "wardline.toml")], { input: `${name}'s password\n` });
    assert.equal(added.status, 0, added.stderr.toString());
  }
  await until("nobody to be let in unasked", async () => (await fetch(`${machine.base}/api/v1/cameras`)).status === 401);
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await machine?.stop();
});

/** Who is not logged in is told so by the host, which browsers note as an error. */
const ALLOW = /401/;

for (const device of /** @type {const} */ (["desktop", "phone"])) {
  const press = (/** @type {import("playwright-core").Page} */ page, /** @type {string} */ what) => (device === "phone" ? page.tap(what) : page.click(what));

  test(`${device}: is refused, logs in, sees, logs out`, async () => {
    const { page, wrong, close } = await openPage(browser, device, `${machine.base}/`, { allow: ALLOW });
    await page.fill("#login-user", "ada");
    await page.fill("#login-password", "not hers at all");
    await press(page, "button[type=submit]");
    await page.waitForSelector("text=do not match");
    assert.deepEqual(await barriers(page), []);
    await page.fill("#login-password", "ada's password");
    await press(page, "button[type=submit]");
    await until("both cameras", async () => (await page.locator(".tile").count()) === 2);
    const [cookie] = await page.context().cookies();
    assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.name], [true, "Strict", "wardline"]);
    await page.reload();
    await page.waitForSelector(".tile");
    await press(page, "[aria-label^='ada']");
    await press(page, "[role=menuitem]:has-text('Log out')");
    await page.waitForSelector("#login-user");
    await until("the session to be over", async () => (await page.request.get(`${machine.base}/api/v1/cameras`)).status() === 401);
    assert.deepEqual(wrong, []);
    await close();
  });
}

test("a viewer sees his camera and no other, and nothing that he may not do", async () => {
  const { page, wrong, close } = await openPage(browser, "desktop", `${machine.base}/`, { allow: ALLOW });
  await page.fill("#login-user", "ben");
  await page.fill("#login-password", "ben's password");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".tile[data-delay]");
  assert.deepEqual(await page.locator(".tile-name").allTextContents(), ["gate"]);
  await page.click(".tile");
  await page.waitForSelector(".tile-large[data-delay]");
  assert.equal(await page.locator("text=Record now").count(), 0);
  await page.click("nav >> text=Recordings");
  await page.waitForSelector(".wall-time[data-wall]");
  await page.click("text='Mark start'");
  await page.waitForSelector(".range-bar:not([hidden])");
  for (const text of ["Export", "Pin", "Delete"]) assert.equal(await page.locator(`.range-bar >> text='${text}'`).count(), 0, text);
  await page.click("nav >> text=System");
  await page.waitForSelector("table");
  assert.equal(await page.locator("text=yard").count(), 0);
  assert.equal((await page.request.get(`${machine.base}/api/v1/cameras/yard`)).status(), 404);
  assert.deepEqual(wrong, []);
  await close();
});

// What a browser test stands on: a host, simulated cameras, a browser. Each is started, waited for by
// what it says, and ended again.

import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { serve } from "../mock/server.js";

/** @import { Browser, Page } from "playwright-core" */

/** Nothing on a loaded machine takes longer; a test that waits for so long has failed. */
export const PATIENCE = 90_000;

/** The program under test. */
export const WARDLINE = process.env.WARDLINE_BIN ?? "";

/** Where a browser is, or nothing. @returns {string | null} */
export function findChromium() {
  for (const name of [process.env.CHROMIUM, "chromium", "chromium-browser"]) {
    if (name && spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0) return spawnSync("which", [name]).stdout.toString().trim() || name;
  }
  return null;
}

/**
 * Waits for a condition; what it says last is told when it never holds.
 * @template T
 * @param {string} what @param {() => Promise<T | null | undefined | false> | T | null | undefined | false} look
 * @returns {Promise<T>}
 */
export async function until(what, look) {
  const end = Date.now() + PATIENCE;
  /** @type {unknown} */
  let last = null;
  while (Date.now() < end) {
    try {
      const found = await look();
      if (found) return found;
      last = found;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain for ${what}: ${last}`);
}

/** A program that runs until it is ended. */
class Program {
  /** @type {string[]} */
  lines = [];
  #exit;

  /** @param {string[]} args @param {string} folder */
  constructor(args, folder) {
    const { RUST_LOG: _, ...env } = process.env;
    this.child = spawn(WARDLINE, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"], env: { ...env, STATE_DIRECTORY: join(folder, "state") } });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      let rest = "";
      stream.on("data", (bytes) => {
        const parts = (rest + bytes).split("\n");
        rest = parts.pop() ?? "";
        this.lines.push(...parts);
      });
    }
    this.#exit = new Promise((resolve) => this.child.on("exit", resolve));
  }

  /** The first line in which a pattern is found. @param {string} what @param {RegExp} pattern */
  async says(what, pattern) {
    return until(what, () => {
      if (this.child.exitCode !== null) throw new Error(`it has ended:\n${this.lines.slice(-20).join("\n")}`);
      return this.lines.map((line) => pattern.exec(line)).find(Boolean);
    });
  }

  /** @param {NodeJS.Signals} [signal] */
  async stop(signal = "SIGINT") {
    this.child.kill(signal);
    await this.#exit;
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(null)));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address ? address.port : 0;
}

/** A folder with cameras and a host in it, all gone with it. */
export class Machine {
  /** @type {Program[]} */
  #running = [];
  #logs = 0;
  /** @type {{ stop: () => void } | null} */
  #page = null;

  /** @param {string} folder */
  constructor(folder) {
    this.folder = folder;
    this.base = "";
    /** Each unit that a camera sent: by camera and width, when picture number N left. @type {Map<string, string>} */
    this.logs = new Map();
  }

  static async make() {
    return new Machine(await mkdtemp(join(tmpdir(), "wardline-browser-")));
  }

  port = freePort;

  /**
   * A camera whose pictures carry their numbers.
   * @param {string} name @param {string} scene Options of a scene. @param {number} port
   */
  async camera(name, scene, port) {
    const log = join(this.folder, `sent-${(this.#logs += 1)}.jsonl`);
    const program = new Program(["simulate", `${name}=scene:code=true&${scene}`, "--loop", "--listen", `127.0.0.1:${port}`, "--log", log], this.folder);
    this.#running.push(program);
    await program.says(`camera ${name}`, /^rtsp:/);
    return { log, stop: () => program.stop("SIGKILL") };
  }

  /** @param {string} config What follows the store and the address. @param {string} [http] More of `[http]`. */
  async host(config, http = "") {
    const file = join(this.folder, "wardline.toml");
    await writeFile(file, `[store]\npath = "store"\nfree-floor = "1MiB"\n\n[http]\nlisten = "127.0.0.1:0"\n${http}\n${config}`);
    const program = new Program(["run", file], this.folder);
    this.#running.push(program);
    const found = await program.says("the host's address", /address"?[:=]"?(127\.0\.0\.1:\d+)/);
    this.base = `http://${found[1]}`;
    if (process.env.WARDLINE_PAGE === "disk") {
      // For work on the page: its files come from the disk, without another build of the host.
      const page = await serve({ to: this.base });
      this.#page = page;
      this.base = page.base;
    }
    return program;
  }

  /** @param {string} path @param {RequestInit} [init] @returns {Promise<any>} */
  async ask(path, init) {
    const response = await fetch(`${this.base}/api/v1${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** What of a camera is on disk, in order. @param {string} camera @returns {Promise<{ start: number, end: number }[]>} */
  async recorded(camera) {
    const from = new Date(Date.now() - 3_600_000).toISOString();
    const to = new Date(Date.now() + 60_000).toISOString();
    const { recorded } = await this.ask(`/cameras/${camera}/timeline?from=${from}&to=${to}&resolution=100ms`);
    return recorded.map((/** @type {any} */ one) => ({ start: Date.parse(one.start), end: Date.parse(one.end) }));
  }

  async stop() {
    this.#page?.stop();
    for (const program of this.#running.reverse()) if (program.child.exitCode === null) await program.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/**
 * When each picture of a camera's session was sent, by number: of the one session that lasted.
 * @param {string} log
 * @returns {Map<number, number>[]} One a session.
 */
export function sent(log) {
  /** @type {Map<string, Map<number, number>>} */
  const sessions = new Map();
  for (const line of readFileSync(log, "utf8").split("\n")) {
    if (!line.endsWith("}")) continue;
    const { session, unit, time } = JSON.parse(line);
    const one = sessions.get(session) ?? new Map();
    one.set(unit, Date.parse(time));
    sessions.set(session, one);
  }
  return [...sessions.values()];
}

/** Devices on which everything must work. */
export const DEVICES = {
  desktop: { viewport: { width: 1440, height: 900 }, hasTouch: false, isMobile: false },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
};

/** @returns {Promise<Browser>} */
export async function openBrowser() {
  const executablePath = findChromium() ?? undefined;
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"] });
}

/**
 * A mock host and a browser for the tests of a file. What fails in one test must not fail the next:
 * neither its world nor its pages are left over.
 */
export async function mocked() {
  const mock = await serve();
  const browser = await openBrowser();
  afterEach(async () => {
    mock.world.reset();
    for (const context of browser.contexts()) await context.close();
  });
  after(async () => {
    await browser.close();
    mock.stop();
  });
  return { mock, browser };
}

/**
 * A page that notes what goes wrong in it.
 * @param {Browser} browser @param {keyof typeof DEVICES} device @param {string} address
 * @param {{ colorScheme?: "light" | "dark", timezoneId?: string, viewport?: { width: number, height: number }, allow?: RegExp }} [options] `allow`: errors that are meant.
 */
export async function openPage(browser, device, address, options = {}) {
  const { allow, ...rest } = options;
  const context = await browser.newContext({ ...DEVICES[device], ...rest, acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  /** @type {string[]} */
  const wrong = [];
  const note = (/** @type {string} */ text) => {
    if (!allow?.test(text)) wrong.push(text);
  };
  page.on("pageerror", (error) => note(`${error.message}\n${error.stack}`));
  page.on("console", (message) => {
    if (message.type() === "error") note(`${message.text()} ${message.location().url}`);
  });
  await page.goto(address);
  return { page, wrong, close: () => context.close() };
}

const AXE = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");

/** What axe finds that keeps people out. @param {Page} page @returns {Promise<string[]>} */
export async function barriers(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => /** @type {any} */ (globalThis).axe.run());
  return violations
    .filter((/** @type {any} */ one) => one.impact === "serious" || one.impact === "critical")
    .map((/** @type {any} */ one) => `${one.id}: ${one.help}: ${one.nodes.map((/** @type {any} */ node) => node.html.slice(0, 160)).join(" | ")}`);
}

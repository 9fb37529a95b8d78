// One camera's recordings as a video whose every picture has its moment: a window of some hours of
// HLS around where one is, exchanged as one moves on.

import * as api from "../api.js";
import { h } from "../dom.js";
import { MINUTE, SECOND } from "../time.js";
import { Source } from "./source.js";
import { read, WallMap } from "./wall.js";

/** What of a window lies before where one begins, and after. */
const BEFORE = 10 * MINUTE;
const AFTER = 110 * MINUTE;
/** Less than this behind the end is not worth a new window. */
const LEAST = 200;
/** How long a picture may take to come after a seek that shows the same one. */
const SAME_PICTURE = 120;

/** @typedef {"empty" | "loading" | "ready" | "nothing" | "failed"} State */
/** @typedef {{ picture: (wall: number) => void, state: () => void, ended: () => void }} Heard */

export class Archive {
  video = h("video", { muted: true, playsinline: true, "disablepictureinpicture": true, preload: "auto", tabindex: "-1" });
  /** @type {State} */
  state = "empty";
  /** For people, where `state` is `failed` or `nothing`. */
  reason = "";
  map = new WallMap([]);
  /** The moment of the picture that is shown. @type {number | null} */
  wall = null;
  /** Seconds from picture to picture, learned while it plays. */
  interval = 0.04;
  /** @type {{ from: number, to: number } | null} */
  #window = null;
  #source = new Source(this.video);
  #mediaTime = 0;
  #turn = 0;
  #seeking = false;
  /** @type {number | null} */
  #next = null;
  #stopped = false;

  /** @param {string} camera @param {Heard} heard */
  constructor(camera, heard) {
    this.camera = camera;
    this.heard = heard;
    this.video.muted = true;
    this.video.setAttribute("aria-label", `Recording of ${camera}`);
    this.video.addEventListener("ended", () => heard.ended());
    for (const event of ["waiting", "playing", "canplay"]) this.video.addEventListener(event, () => heard.state());
    this.#source.failed = (why) => this.#be("failed", why);
    this.#watch();
  }

  /** Whether more must come before it can go on. */
  get isWaiting() {
    return this.state === "loading" || (this.state === "ready" && !this.video.ended && (this.video.seeking || this.video.readyState < 3));
  }

  /**
   * Shows the picture of a moment, or the first one after it. Called again before it is done, the
   * last call counts.
   * @param {number} wall
   */
  async seek(wall) {
    if (this.#seeking) {
      this.#next = wall;
      return;
    }
    this.#seeking = true;
    try {
      for (let target = /** @type {number | null} */ (wall); target !== null && !this.#stopped; target = this.#next) {
        this.#next = null;
        await this.#seekTo(target);
      }
    } finally {
      this.#seeking = false;
    }
  }

  /** @param {number} wall */
  async #seekTo(wall) {
    if (!this.covers(wall)) await this.#load(wall);
    this.#source.settle(this.map);
    const found = this.map.toMedia(wall);
    if (!found) {
      if (this.state !== "failed") this.#be("nothing", "");
      return;
    }
    this.#be("ready", "");
    await this.#seekMedia(found.media);
  }

  /** Whether the window answers for a moment. @param {number} wall */
  covers(wall) {
    if (!this.#window || this.map.isEmpty || this.state === "failed") return false;
    return wall >= this.#window.from && wall < this.#window.to && (this.map.last ?? 0) > wall;
  }

  /** Takes a window around a moment. @param {number} wall */
  async #load(wall) {
    this.#be("loading", "");
    const turn = ++this.#turn;
    const window = { from: wall - BEFORE, to: wall + AFTER };
    const address = api.playlist(this.camera, window.from, window.to);
    try {
      const text = await (await api.request(address)).text();
      if (turn !== this.#turn || this.#stopped) return;
      this.map = new WallMap(read(text));
      this.#window = window;
      const found = this.map.toMedia(wall);
      if (found) await this.#source.open(address, found.media);
      else this.#source.close();
    } catch (error) {
      if (turn !== this.#turn) return;
      this.map = new WallMap([]);
      this.#source.close();
      if (error instanceof api.ApiError && error.status === 404) this.#be("nothing", "");
      else this.#be("failed", error instanceof Error ? error.message : String(error));
    }
  }

  /** Goes on behind the end of the window, if there is more by now: tells that. What is shown stays until then. */
  async more() {
    const before = this.map.last;
    if (before === null) return false;
    const text = await (await api.request(api.playlist(this.camera, before - SECOND, before + AFTER))).text().catch(() => "");
    const after = new WallMap(read(text)).last;
    if (after === null || after <= before + LEAST) return false;
    await this.#load(before);
    await this.seek(before);
    return true;
  }

  /** @param {number} media */
  async #seekMedia(media) {
    const before = this.#mediaTime;
    if (Math.abs(this.video.currentTime - media) > 1e-4 || this.video.readyState < 2) {
      const done = new Promise((resolve) => this.video.addEventListener("seeked", resolve, { once: true }));
      this.video.currentTime = media;
      await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 8000))]);
    }
    await this.#picture(before);
  }

  /** Until another picture is shown, for a short time. @param {number} before Its time in the video. */
  async #picture(before) {
    const end = performance.now() + SAME_PICTURE;
    while (this.#mediaTime === before && performance.now() < end && !this.#stopped) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    if (this.#mediaTime === before && typeof this.video.requestVideoFrameCallback !== "function") this.#shown(this.video.currentTime);
  }

  /** Shows the next picture, or the one before. @param {1 | -1} way */
  async step(way) {
    this.video.pause();
    if (this.state !== "ready" || this.#seeking) return;
    this.#seeking = true;
    const begin = this.#mediaTime;
    try {
      if (way < 0) {
        await this.#seekMedia(Math.max(0, begin - 0.001));
        return;
      }
      // A picture's length is known only when the next one is there: a little further each time.
      for (let reach = this.interval + 0.001; this.#mediaTime === begin && reach < 2; reach += Math.max(0.01, this.interval / 2)) {
        await this.#seekMedia(begin + reach);
      }
    } finally {
      this.#seeking = false;
    }
  }

  play() {
    if (this.state !== "ready") return;
    // A video that has ended would begin anew.
    if (this.video.ended) this.heard.ended();
    else this.video.play().catch(() => {});
  }

  pause() {
    this.video.pause();
  }

  /** @param {number} rate */
  set rate(rate) {
    const within = Math.max(0.0625, Math.min(16, rate));
    if (this.video.playbackRate !== within) this.video.playbackRate = within;
  }

  /** Follows every picture that is shown. */
  #watch() {
    if (typeof this.video.requestVideoFrameCallback === "function") {
      const each = (/** @type {number} */ _now, /** @type {{ mediaTime: number }} */ frame) => {
        if (this.#stopped) return;
        this.video.requestVideoFrameCallback(each);
        this.#shown(frame.mediaTime);
      };
      this.video.requestVideoFrameCallback(each);
      return;
    }
    const video = /** @type {HTMLVideoElement} */ (/** @type {unknown} */ (this.video));
    for (const event of ["timeupdate", "seeked"]) video.addEventListener(event, () => this.#shown(video.currentTime));
  }

  /** @param {number} media */
  #shown(media) {
    const apart = media - this.#mediaTime;
    if (apart > 0.005 && apart < 1 && !this.#seeking && this.video.playbackRate <= 1) {
      this.interval = this.interval > apart * 1.5 || this.interval < apart * 0.6 ? apart : this.interval * 0.8 + apart * 0.2;
    }
    this.#mediaTime = media;
    this.#source.settle(this.map);
    const wall = this.map.toWall(media);
    if (wall === null) return;
    this.wall = wall;
    this.heard.picture(wall);
  }

  /** @param {State} state @param {string} reason */
  #be(state, reason) {
    if (this.state === state && this.reason === reason) return;
    this.state = state;
    this.reason = reason;
    if (state !== "ready") this.video.pause();
    this.heard.state();
  }

  stop() {
    this.#stopped = true;
    this.#turn += 1;
    this.#source.close();
    this.video.remove();
  }
}

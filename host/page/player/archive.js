// One camera's recordings as a video whose every picture has its moment: a window of some hours of
// HLS around where one is, exchanged as one moves on.

import * as api from "../api.js";
import { h } from "../dom.js";
import { now } from "../now.js";
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
  /** @type {{ from: number, to: number, keysApart: number } | null} */
  #window = null;
  /** Until when the map has all that there was to be played when it was asked for. */
  known = 0;
  #keysApart = 0;
  #source = new Source(this.video);
  #mediaTime = 0;
  /** What is done to the video now, and what after it: the last that was asked for. @type {Promise<void> | null} */
  #work = null;
  /** @type {(() => Promise<void>) | null} */
  #next = null;
  #stopped = false;
  /** @type {() => void} */
  #stop = () => {};
  #gone = new Promise((resolve) => (this.#stop = () => resolve(undefined)));

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
   * Shows the picture of a moment, or the first one after it. Done when that is shown, or what was
   * asked for later.
   * @param {number} wall
   * @param {number} [place] Which of several places of the moment; where it is left out, the nearest in the video.
   */
  async show(wall, place) {
    await this.#do(() => this.#seekTo(wall, place === undefined ? this.#mediaTime : this.map.places(wall)[place]));
  }

  /** Where a clock was set back, the other picture of the same moment. @param {number} wall */
  showOther(wall) {
    return this.show(wall, (this.place + 1) % Math.max(1, this.map.places(wall).length));
  }

  /** Which of several places of the moment that is shown. */
  get place() {
    return this.map.places(this.wall ?? 0).findLastIndex((place) => place <= this.#mediaTime + 0.001);
  }

  /** One after the other; of what waits, the last counts. @param {() => Promise<void>} work */
  #do(work) {
    this.#next = work;
    this.#work ??= this.#workOn();
    // Nobody waits for a video that is gone.
    return Promise.race([this.#work, this.#gone]);
  }

  async #workOn() {
    try {
      for (let work = this.#next; work && !this.#stopped; work = this.#next) {
        this.#next = null;
        await work();
      }
    } finally {
      this.#work = null;
    }
  }

  /** @param {number} wall @param {number} [here] Where in the video rather, of several places. */
  async #seekTo(wall, here = this.#mediaTime) {
    if (!this.covers(wall)) {
      await this.#load(wall);
      if (this.state === "failed" || this.#stopped) return;
      here = -1;
    }
    this.#source.settle(this.map);
    const found = this.map.toMedia(wall, here);
    if (!found) return this.#be("nothing", "");
    this.#be("ready", "");
    await this.#seekMedia(found.media);
  }

  /** Whether the window answers for a moment. @param {number} wall */
  covers(wall) {
    if (!this.#window || this.#window.keysApart !== this.#keysApart || this.map.isEmpty || this.state === "failed") return false;
    return wall >= this.#window.from && wall < this.#window.to && (this.map.last ?? 0) > wall;
  }

  /** Plays only key frames, at least so far apart, in milliseconds; 0: all pictures. */
  set keysApart(/** @type {number} */ apart) {
    this.#keysApart = Source.takesKeys ? apart : 0;
  }

  /** Takes a window around a moment. @param {number} wall */
  async #load(wall) {
    this.#be("loading", "");
    const keysApart = this.#keysApart;
    const window = { from: wall - BEFORE, to: wall + AFTER, keysApart };
    const known = Math.min(window.to, now());
    const address = api.playlist(this.camera, window.from, window.to, keysApart);
    try {
      const text = await (await api.request(address)).text();
      if (this.#stopped) return;
      this.map = new WallMap(read(text));
      [this.#window, this.known] = [window, known];
      const found = this.map.toMedia(wall);
      if (found) await this.#source.open(address, text, found.media, keysApart > 0);
      else this.#source.close();
    } catch (error) {
      this.map = new WallMap([]);
      this.#source.close();
      const none = error instanceof api.ApiError && error.status === 404;
      this.known = none ? known : 0;
      if (none) this.#be("nothing", "");
      else this.#be("failed", error instanceof Error ? error.message : String(error));
    }
  }

  /** Goes on behind the end of the window, if there is more by now: tells that. What is shown stays until then. */
  async more() {
    const before = this.map.end;
    if (before === null) return false;
    const text = await (await api.request(api.playlist(this.camera, before - SECOND, before + AFTER))).text();
    const after = new WallMap(read(text)).end;
    if (after === null || after <= before + LEAST) return false;
    // Who has gone elsewhere meanwhile stays there.
    if (this.#work || !this.video.ended) return true;
    await this.#do(async () => {
      await this.#load(before);
      await this.#seekTo(before, Number.POSITIVE_INFINITY);
    });
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

  /** Shows the next picture, or the one before; nothing while it is sought for another. @param {1 | -1} way */
  async step(way) {
    this.video.pause();
    if (this.state === "ready" && !this.#work) await this.#do(() => this.#step(way));
  }

  /** @param {1 | -1} way */
  async #step(way) {
    const begin = this.#mediaTime;
    if (way < 0) {
      await this.#seekMedia(Math.max(0, begin - 0.001));
      return;
    }
    // A picture's length is known only when the next one is there: a little further each time.
    for (let reach = this.interval + 0.001; this.#mediaTime === begin && reach < 2 && !this.#next; reach += Math.max(0.01, this.interval / 2)) {
      await this.#seekMedia(begin + reach);
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
    if (apart > 0.005 && apart < 1 && !this.#work && this.video.playbackRate <= 1) {
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
    this.#stop();
    this.#source.close();
    this.video.remove();
  }
}

// Bytes of a live stream to a video element, by Media Source, near to the newest picture: a little
// faster where it lags, a jump where it lags much. What can't be decoded is left out: the video begins
// anew, with the head of its run, at the next key frame.

import { now } from "../now.js";

/** What lies between what is shown and what has come, in seconds: at first, and at most. */
const AHEAD = 0.35;
const AHEAD_MAX = 1.2;
/** Further behind, it jumps. */
const JUMP = 3;
/** Seconds that are kept behind what is shown. */
const KEPT = 8;
/** Bytes that wait while the browser takes others; then the video is begun anew. */
const WAITING_MAX = 24 << 20;
/** Before it is begun anew, in milliseconds; longer each time, short again for one that lasted. */
const PAUSE = 500;
const PAUSE_MAX = 30_000;
const LASTING = 10_000;

/** @returns {typeof MediaSource | null} */
export function mediaSource() {
  const found = /** @type {any} */ (globalThis).ManagedMediaSource ?? globalThis.MediaSource;
  return found ?? null;
}

export class Sink {
  /** The wall clock at the beginning of the video's own time. @type {number | null} */
  #start = null;
  #type = "";
  /** What a run begins with. @type {Uint8Array | null} */
  #head = null;
  /** @type {MediaSource | null} */
  #media = null;
  /** @type {SourceBuffer | null} */
  #buffer = null;
  /** @type {Uint8Array[]} */
  #waiting = [];
  #bytes = 0;
  #ahead = AHEAD;
  #address = "";
  /** @type {ReturnType<typeof setInterval>} */
  #timer;
  #begun = false;
  #opened = 0;
  #pause = PAUSE;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;
  /** Told why there is no picture; it goes on by itself, where it can. @type {(why: string) => void} */
  failed = () => {};

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.video = video;
    this.video.addEventListener("waiting", this.#stalled);
    this.video.addEventListener("error", this.#wrong);
    this.#timer = setInterval(() => this.#keepUp(), 200);
  }

  /** How far what is shown lies behind the present, in milliseconds; `null`: nothing is shown. */
  get delay() {
    const { wall } = this;
    return wall === null || this.video.readyState < 2 ? null : now() - wall;
  }

  /** The moment of what is shown. */
  get wall() {
    return this.#start === null || !this.#begun ? null : this.#start + this.video.currentTime * 1000;
  }

  /**
   * A run begins; its head comes first.
   * @param {string} codecs @param {number} start The wall clock at decode time 0.
   */
  begin(codecs, start) {
    this.#end();
    this.#start = start;
    this.#type = `video/mp4; codecs="${codecs}"`;
    if (mediaSource()?.isTypeSupported(this.#type)) this.#open();
    else this.failed(`this browser can't play ${codecs}`);
  }

  /** The run goes on; a camera's clock is not the host's, and drifts. @param {number} start */
  clock(start) {
    this.#start = start;
  }

  /** What was shown stays until there is something else. */
  #open() {
    const Media = mediaSource();
    if (!Media) return;
    const media = new Media();
    this.#media = media;
    this.#opened = performance.now();
    if (this.#head) this.#queue(this.#head);
    this.video.disableRemotePlayback = true;
    this.#address = URL.createObjectURL(media);
    this.video.src = this.#address;
    media.addEventListener("sourceopen", () => {
      if (this.#media !== media || this.#buffer) return;
      try {
        const buffer = media.addSourceBuffer(this.#type);
        this.#buffer = buffer;
        buffer.addEventListener("updateend", () => this.#next());
        buffer.addEventListener("error", () => this.#media === media && this.#broken("the stream can't be decoded"));
      } catch (error) {
        this.#broken(error instanceof Error ? error.message : String(error));
      }
      this.#next();
    }, { once: true });
  }

  /** @param {Uint8Array} bytes Whole boxes. */
  append(bytes) {
    this.#head ??= bytes;
    if (!this.#media) return;
    this.#queue(bytes);
    if (this.#bytes > WAITING_MAX) this.#broken("the browser is too slow");
    else this.#next();
  }

  /** @param {Uint8Array} bytes */
  #queue(bytes) {
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
  }

  #next() {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating) return;
    try {
      if (this.#media?.readyState !== "open") throw new Error("the browser has ended the video");
      const { buffered } = buffer;
      const first = buffered.length > 0 ? buffered.start(0) : 0;
      if (this.#begun && this.video.currentTime - first > 2 * KEPT) {
        buffer.remove(first, this.video.currentTime - KEPT);
        return;
      }
      const bytes = this.#joined();
      if (bytes) buffer.appendBuffer(/** @type {BufferSource} */ (bytes));
      else this.#first();
    } catch (error) {
      this.#broken(error instanceof Error ? error.message : String(error));
    }
  }

  #joined() {
    if (this.#waiting.length === 0) return null;
    const joined = this.#waiting.length === 1 ? this.#waiting[0] : new Uint8Array(this.#bytes);
    if (this.#waiting.length > 1) {
      let at = 0;
      for (const part of this.#waiting) {
        joined.set(part, at);
        at += part.length;
      }
    }
    this.#waiting = [];
    this.#bytes = 0;
    return joined;
  }

  /** Begins to play as soon as there is something. */
  #first() {
    const { buffered } = this.video;
    if (this.#begun || buffered.length === 0) return;
    this.#begun = true;
    this.video.currentTime = Math.max(buffered.start(0), buffered.end(buffered.length - 1) - this.#ahead);
    this.video.play().catch(() => {});
  }

  #keepUp() {
    const { buffered } = this.video;
    if (!this.#begun || buffered.length === 0 || document.hidden) return;
    const end = buffered.end(buffered.length - 1);
    const behind = end - this.video.currentTime;
    const inside = this.video.currentTime >= buffered.start(buffered.length - 1);
    if (behind > JUMP || (!inside && behind > 0)) {
      this.video.currentTime = Math.max(buffered.start(buffered.length - 1), end - this.#ahead);
      return;
    }
    const over = behind - this.#ahead;
    const rate = over > 1 ? 1.25 : over > 0.25 ? 1.1 : over < -this.#ahead / 2 ? 0.95 : 1;
    if (this.video.playbackRate !== rate) this.video.playbackRate = rate;
    if (this.video.paused) this.video.play().catch(() => {});
  }

  #stalled = () => {
    if (this.#begun) this.#ahead = Math.min(AHEAD_MAX, this.#ahead + 0.15);
  };

  #wrong = () => {
    if (this.#media && this.video.error) this.#broken(this.video.error.message || "the stream can't be played");
  };

  /** What comes until it is begun anew is dropped. @param {string} why */
  #broken(why) {
    if (!this.#media) return;
    this.#close();
    if (performance.now() - this.#opened > LASTING) this.#pause = PAUSE;
    this.#again = setTimeout(() => this.#open(), this.#pause);
    this.#pause = Math.min(PAUSE_MAX, this.#pause * 2);
    this.failed(why);
  }

  #close() {
    this.#waiting = [];
    this.#bytes = 0;
    this.#buffer = null;
    this.#media = null;
    this.#begun = false;
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = "";
  }

  #end() {
    clearTimeout(this.#again);
    this.#close();
    this.#head = null;
  }

  stop() {
    clearInterval(this.#timer);
    this.video.removeEventListener("waiting", this.#stalled);
    this.video.removeEventListener("error", this.#wrong);
    this.#end();
    this.video.removeAttribute("src");
    this.video.load();
  }
}

// Bytes of a live stream to a video element, by Media Source, near to the newest picture: a little
// faster where it lags, a jump where it lags much.

/** What lies between what is shown and what has come, in seconds: at first, and at most. */
const AHEAD = 0.35;
const AHEAD_MAX = 1.2;
/** Further behind, it jumps. */
const JUMP = 3;
/** Seconds that are kept behind what is shown. */
const KEPT = 8;
/** Bytes that wait while the browser takes others; then the stream is begun anew. */
const WAITING_MAX = 24 << 20;

/** @returns {typeof MediaSource | null} */
export function mediaSource() {
  const found = /** @type {any} */ (globalThis).ManagedMediaSource ?? globalThis.MediaSource;
  return found ?? null;
}

export class Sink {
  /** The wall clock at the beginning of the video's own time. @type {number | null} */
  #start = null;
  /** @type {MediaSource | null} */
  #media = null;
  /** @type {SourceBuffer | null} */
  #buffer = null;
  /** @type {Uint8Array[]} */
  #waiting = [];
  #bytes = 0;
  #ahead = AHEAD;
  #address = "";
  #timer = 0;
  #begun = false;
  /** Told when it can't go on. @type {(why: string) => void} */
  failed = () => {};

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.video = video;
    this.video.addEventListener("waiting", this.#stalled);
    this.#timer = setInterval(() => this.#keepUp(), 200);
  }

  /** How far what is shown lies behind the present, in milliseconds; `null`: nothing is shown. */
  get delay() {
    if (this.#start === null || !this.#begun || this.video.readyState < 2) return null;
    return Date.now() - (this.#start + this.video.currentTime * 1000);
  }

  /** The moment of what is shown. */
  get wall() {
    return this.#start === null || !this.#begun ? null : this.#start + this.video.currentTime * 1000;
  }

  /** A stream begins. @param {string} codecs @param {number} start The wall clock at decode time 0. */
  begin(codecs, start) {
    this.end();
    const Media = mediaSource();
    const type = `video/mp4; codecs="${codecs}"`;
    if (!Media || !Media.isTypeSupported(type)) {
      this.failed(`this browser can't play ${codecs}`);
      return;
    }
    const media = new Media();
    this.#media = media;
    this.#start = start;
    this.#begun = false;
    this.video.disableRemotePlayback = true;
    this.#address = URL.createObjectURL(media);
    this.video.src = this.#address;
    media.addEventListener("sourceopen", () => {
      if (this.#media !== media || this.#buffer) return;
      const buffer = media.addSourceBuffer(type);
      this.#buffer = buffer;
      buffer.addEventListener("updateend", () => this.#next());
      buffer.addEventListener("error", () => this.#media === media && this.failed("the stream can't be decoded"));
      this.#next();
    }, { once: true });
  }

  /** @param {Uint8Array} bytes */
  append(bytes) {
    if (!this.#media) return;
    this.#waiting.push(bytes);
    this.#bytes += bytes.length;
    if (this.#bytes > WAITING_MAX) {
      this.failed("the browser is too slow");
      return;
    }
    this.#next();
  }

  #next() {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating || this.#media?.readyState !== "open") return;
    try {
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
      if (error instanceof DOMException && error.name === "QuotaExceededError" && this.video.currentTime > 1) {
        buffer.remove(0, this.video.currentTime - 0.5);
        return;
      }
      this.failed(error instanceof Error ? error.message : String(error));
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

  /** The stream is over; what was shown stays until another begins. */
  end() {
    this.#waiting = [];
    this.#bytes = 0;
    this.#buffer = null;
    this.#media = null;
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = "";
  }

  stop() {
    clearInterval(this.#timer);
    this.video.removeEventListener("waiting", this.#stalled);
    this.end();
    this.#start = null;
    this.video.removeAttribute("src");
    this.video.load();
  }
}

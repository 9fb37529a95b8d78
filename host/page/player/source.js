// How a playlist gets into a video element: by hls.js, or by the browser where it can play one but
// has no Media Source.

import Hls, { Events, ErrorTypes } from "../vendor/hls.light.min.mjs";

/** @import { WallMap } from "./wall.js" */

/** Seconds that are fetched ahead, of all pictures and of key frames only: these are played many times as fast. */
const AHEAD = { all: 20, keys: 240 };
/** How often a media error is mended before it is told. */
const MENDS = 3;

export class Source {
  /** @type {any} */
  #hls = null;
  #mends = 0;
  #unsettled = false;
  /** Told when it can't go on. @type {(why: string) => void} */
  failed = () => {};

  /** @param {HTMLVideoElement} video */
  constructor(video) {
    this.video = video;
  }

  /** Whether playlists of key frames only can be played: a browser's own player shows none. */
  static get takesKeys() {
    return Hls.isSupported();
  }

  /**
   * Opens a playlist at a moment of its video, in seconds; done when it can be sought in.
   * @param {string} address @param {string} text What is there. @param {number} media @param {boolean} keys Has key frames only.
   */
  async open(address, text, media, keys) {
    this.close();
    if (!Hls.isSupported()) return this.#openNative(address);
    const ahead = keys ? AHEAD.keys : AHEAD.all;
    const hls = new Hls({
      enableWorker: false,
      startPosition: media,
      pLoader: given(text),
      maxBufferLength: ahead,
      maxMaxBufferLength: 3 * ahead,
      backBufferLength: 30,
      maxBufferHole: 0.3,
      nudgeOnVideoHole: true,
      // Each answer comes from this host: it is there, or it is not.
      fragLoadPolicy: { default: { maxTimeToFirstByteMs: 10_000, maxLoadTimeMs: 60_000, timeoutRetry: { maxNumRetry: 2, retryDelayMs: 500, maxRetryDelayMs: 2000 }, errorRetry: { maxNumRetry: 3, retryDelayMs: 500, maxRetryDelayMs: 4000 } } },
    });
    this.#hls = hls;
    this.#mends = 0;
    hls.on(Events.ERROR, (/** @type {string} */ _event, /** @type {any} */ data) => this.#wrong(hls, data));
    for (const event of [Events.LEVEL_UPDATED, Events.LEVEL_PTS_UPDATED, Events.FRAG_BUFFERED]) {
      hls.on(event, () => {
        this.#unsettled = true;
      });
    }
    const ready = new Promise((resolve) => hls.once(Events.LEVEL_LOADED, resolve));
    const broken = new Promise((resolve) => hls.on(Events.ERROR, (/** @type {string} */ _event, /** @type {any} */ data) => data.fatal && resolve(null)));
    hls.attachMedia(this.video);
    hls.loadSource(address);
    await Promise.race([ready, broken]);
    await Promise.race([broken, new Promise((resolve) => this.video.readyState >= 1 ? resolve(null) : this.video.addEventListener("loadedmetadata", resolve, { once: true }))]);
  }

  /** @param {string} address */
  async #openNative(address) {
    this.video.src = address;
    await new Promise((resolve) => {
      this.video.addEventListener("loadedmetadata", resolve, { once: true });
      this.video.addEventListener("error", resolve, { once: true });
    });
    if (this.video.error) this.failed("this browser can't play the recording");
  }

  /**
   * Takes over where pieces begin in the video as it is played: hls.js moves them by what it finds
   * in them.
   * @param {WallMap} map
   */
  settle(map) {
    const details = this.#hls?.levels?.[0]?.details;
    if (!this.#unsettled || !details || details.fragments.length !== map.pieces.length) return;
    this.#unsettled = false;
    details.fragments.forEach((/** @type {any} */ fragment, /** @type {number} */ at) => {
      map.pieces[at].start = fragment.start;
    });
  }

  /** @param {any} hls @param {any} data */
  #wrong(hls, data) {
    if (!data.fatal || hls !== this.#hls) return;
    if (data.type === ErrorTypes.MEDIA_ERROR && this.#mends < MENDS) {
      this.#mends += 1;
      hls.recoverMediaError();
      return;
    }
    const codec = /codec/i.test(data.details ?? "") || data.details === "bufferAddCodecError";
    this.failed(codec ? "this browser can't play the camera's codec" : `the recording can't be played (${data.details})`);
  }

  close() {
    this.#hls?.destroy();
    this.#hls = null;
    if (this.video.hasAttribute("src")) {
      this.video.removeAttribute("src");
      this.video.load();
    }
  }
}

/**
 * Hands hls.js the playlist that is here already: so that it plays what the map is of, though more may
 * have been recorded meanwhile. Key frames it would take for something to seek in only, did it know.
 * @param {string} text
 */
const given = (text) => class extends Hls.DefaultConfig.loader {
  /** @param {any} context @param {any} _config @param {any} callbacks */
  load(context, _config, callbacks) {
    this.context = context;
    const now = performance.now();
    this.stats.loading = { start: now, first: now, end: now };
    queueMicrotask(() => {
      if (!this.context) return;
      callbacks.onSuccess({ url: context.url, data: text.replace("#EXT-X-I-FRAMES-ONLY\n", ""), code: 200 }, this.stats, context, null);
    });
  }
};

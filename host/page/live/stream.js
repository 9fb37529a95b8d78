// Cameras' live streams, all over one response: browsers open six connections to a host at most, and
// a grid would leave none for anything else. It is asked for again as often as it ends.
//
// A record is `u8 view, u8 kind, u32 length (big endian), payload`: a run begins, or its clock is
// another (0, JSON), bytes of it (1), it is over or there is none (2, JSON).

import * as api from "../api.js";

/**
 * @typedef {object} Taker Of one view.
 * @property {(codecs: string, start: number) => void} begin A run begins; the wall clock at its time 0.
 * @property {(start: number) => void} clock The same of a run that goes on.
 * @property {(bytes: Uint8Array) => void} bytes Whole boxes of it, its head first.
 * @property {(why: string) => void} gone It is over, or there is none.
 *
 * @typedef {{ camera: string, stream: "main" | "second", taker: Taker }} View
 */

const HEAD = 6;
/** A longer record is nonsense. */
const RECORD_MAX = 64 << 20;
/** Before the next try, in milliseconds; longer each time, short again once something came. */
const PAUSE = 500;
const PAUSE_MAX = 5000;
/** A response that says nothing for so long is given up: the network hangs. */
const SILENCE = 15_000;
/** Views of one response. */
export const VIEWS_MAX = 64;

/** Puts records together from pieces of any size. */
export class Records {
  /** @type {Uint8Array} */
  #rest = new Uint8Array(0);

  /**
   * @param {Uint8Array} bytes
   * @param {(view: number, kind: number, payload: Uint8Array) => void} each
   */
  take(bytes, each) {
    let all = bytes;
    if (this.#rest.length > 0) {
      all = new Uint8Array(this.#rest.length + bytes.length);
      all.set(this.#rest);
      all.set(bytes, this.#rest.length);
    }
    let at = 0;
    while (all.length - at >= HEAD) {
      const length = new DataView(all.buffer, all.byteOffset + at + 2, 4).getUint32(0);
      if (length > RECORD_MAX) throw new Error("the live stream is broken");
      if (all.length - at < HEAD + length) break;
      each(all[at], all[at + 1], all.subarray(at + HEAD, at + HEAD + length));
      at += HEAD + length;
    }
    this.#rest = all.slice(at);
  }
}

export class LiveStream {
  #end = new AbortController();
  #pause = PAUSE;
  /** The codecs of the runs that go on, by view. @type {Map<number, string>} */
  #runs = new Map();

  /** @param {View[]} views At most `VIEWS_MAX`. */
  constructor(views) {
    this.views = views;
    void this.#run();
  }

  async #run() {
    while (!this.#end.signal.aborted) {
      try {
        await this.#once();
      } catch (error) {
        if (this.#end.signal.aborted) return;
        const lost = error instanceof api.ApiError && error.status === 0;
        const why = lost ? "connection lost" : error instanceof Error ? error.message : String(error);
        for (const { taker } of this.views) taker.gone(why);
      }
      await new Promise((resolve) => setTimeout(resolve, this.#pause));
      this.#pause = Math.min(PAUSE_MAX, this.#pause * 2);
    }
  }

  async #once() {
    const turn = new AbortController();
    const stop = () => turn.abort();
    const hush = () => turn.abort(new Error("nothing has come for a while"));
    this.#end.signal.addEventListener("abort", stop, { once: true });
    let silent = setTimeout(hush, SILENCE);
    this.#runs.clear();
    try {
      const names = this.views.map(({ camera, stream }) => `${camera}:${stream}`);
      const response = await api.request(api.live(names), { signal: turn.signal });
      if (!response.body) throw new Error("the stream is empty");
      const reader = response.body.getReader();
      const records = new Records();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(silent);
        silent = setTimeout(hush, SILENCE);
        this.#pause = PAUSE;
        records.take(value, (view, kind, payload) => this.#record(view, kind, payload));
      }
    } finally {
      clearTimeout(silent);
      this.#end.signal.removeEventListener("abort", stop);
    }
  }

  /** @param {number} view @param {number} kind @param {Uint8Array} payload */
  #record(view, kind, payload) {
    const taker = this.views[view]?.taker;
    if (!taker) return;
    if (kind === 1) {
      // A copy: the piece that it came with is not kept for it.
      taker.bytes(payload.slice());
      return;
    }
    const said = JSON.parse(new TextDecoder().decode(payload));
    if (kind === 0) {
      const goesOn = this.#runs.get(view) === said.codecs;
      this.#runs.set(view, said.codecs);
      if (goesOn) taker.clock(Date.parse(said.start));
      else taker.begin(said.codecs, Date.parse(said.start));
    } else if (kind === 2) {
      this.#runs.delete(view);
      taker.gone(said.reason ?? "the camera is gone");
    }
  }

  stop() {
    this.#end.abort();
  }
}

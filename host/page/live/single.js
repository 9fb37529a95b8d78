// One camera's live stream over one response, asked for again as often as it ends.

import * as api from "../api.js";

/** @typedef {{ begin: (codecs: string, start: number) => void, bytes: (bytes: Uint8Array) => void, gone: (why: string) => void }} Taker */

/** Before the next try, in milliseconds; longer each time, short again once something came. */
const PAUSE = 400;
const PAUSE_MAX = 5000;
/** A stream that says nothing for so long is given up: the camera or the network hangs. */
const SILENCE = 10_000;

export class Single {
  #end = new AbortController();
  #pause = PAUSE;

  /** @param {string} camera @param {"main" | "second"} stream @param {Taker} taker */
  constructor(camera, stream, taker) {
    this.camera = camera;
    this.stream = stream;
    this.taker = taker;
    void this.#run();
  }

  async #run() {
    while (!this.#end.signal.aborted) {
      try {
        await this.#once();
      } catch (error) {
        if (this.#end.signal.aborted) return;
        const status = error instanceof api.ApiError ? error.status : -1;
        this.taker.gone(status === 0 ? "connection lost" : error instanceof Error ? error.message : String(error));
      }
      await new Promise((resolve) => setTimeout(resolve, this.#pause));
      this.#pause = Math.min(PAUSE_MAX, this.#pause * 2);
    }
  }

  async #once() {
    const turn = new AbortController();
    const stop = () => turn.abort();
    this.#end.signal.addEventListener("abort", stop, { once: true });
    let silent = setTimeout(stop, SILENCE);
    try {
      const response = await api.request(api.liveVideo(this.camera, this.stream), { signal: turn.signal });
      const codecs = response.headers.get("x-wardline-codecs") ?? "avc1.640028";
      const start = Date.parse(response.headers.get("x-wardline-start") ?? "");
      if (!response.body) throw new Error("the stream is empty");
      this.taker.begin(codecs, Number.isFinite(start) ? start : Date.now());
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(silent);
        silent = setTimeout(stop, SILENCE);
        this.#pause = PAUSE;
        this.taker.bytes(value);
      }
    } finally {
      clearTimeout(silent);
      this.#end.signal.removeEventListener("abort", stop);
    }
  }

  stop() {
    this.#end.abort();
  }
}

// Backwards, from key frame to key frame: pictures that the host makes, over the video.

import * as api from "../api.js";
import { h } from "../dom.js";

/** The least time between two pictures. */
const PACE = 125;
/** Where no picture is, so far back is tried next. */
const LEAP = 10_000;

export class Reverse {
  image = h("img", { class: "reverse", alt: "", hidden: true });
  #running = false;
  #last = "";

  /** @param {string} camera */
  constructor(camera) {
    this.camera = camera;
  }

  /**
   * Goes back from a moment until stopped.
   * @param {number} from
   * @param {number} speed
   * @param {number} width
   * @param {(wall: number) => void} shown
   * @param {(at: number) => number | null} back The moment to go on from where there is no video at one; `null`: there is none before.
   * @param {() => void} ended
   */
  async run(from, speed, width, shown, back, ended) {
    this.#running = true;
    let wished = from;
    let begun = performance.now();
    let origin = from;
    while (this.#running) {
      const found = await this.#picture(wished, width).catch(() => null);
      if (!this.#running) return;
      if (found !== null && found <= wished) shown(found);
      const wait = PACE - ((performance.now() - begun) % PACE);
      await new Promise((resolve) => setTimeout(resolve, wait));
      let next = origin - (performance.now() - begun) * speed;
      if (found === null) {
        next = Math.min(next, wished - LEAP);
        origin = next;
        begun = performance.now();
      } else if (next >= found) {
        // A key frame is shown as long as it is the last one.
        await new Promise((resolve) => setTimeout(resolve, (next - found) / speed));
        next = found - 1;
      }
      const there = back(next);
      if (there === null) {
        ended();
        return;
      }
      if (there !== next) {
        origin = there;
        begun = performance.now();
      }
      wished = there;
    }
  }

  /** @param {number} at @param {number} width @returns {Promise<number | null>} The moment that is shown. */
  async #picture(at, width) {
    const response = await api.request(api.snapshot(this.camera, at, width)).catch((error) => {
      if (error instanceof api.ApiError && error.status === 404) return null;
      throw error;
    });
    if (!response) return null;
    const time = Date.parse(response.headers.get("x-wardline-time") ?? "");
    const address = URL.createObjectURL(await response.blob());
    if (!this.#running) {
      URL.revokeObjectURL(address);
      return null;
    }
    this.image.src = address;
    this.image.hidden = false;
    if (this.#last) URL.revokeObjectURL(this.#last);
    this.#last = address;
    return Number.isFinite(time) ? time : at;
  }

  stop() {
    this.#running = false;
    this.image.hidden = true;
    if (this.#last) URL.revokeObjectURL(this.#last);
    this.#last = "";
  }
}

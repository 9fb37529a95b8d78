// Backwards, from key frame to key frame: pictures that the host makes, over the video.

import * as api from "../api.js";
import { h } from "../dom.js";

/** The least time between two pictures. */
const PACE = 125;
/** Where the time line has video and there is no picture, so far back is tried next. */
const LEAP = 10_000;
/** So long after a picture that could not be had just now it is asked for again. */
const AGAIN = 1000;
/** Refusals that are of one picture, or of one moment of asking. */
const PASSING = [404, 408, 422, 429];
/** So many pictures in a row that can't be decoded are one camera's codec rather than damage. */
const UNREADABLE = 5;

/**
 * @typedef {object} Heard
 * @property {(wall: number) => void} shown
 * @property {(at: number) => number | null} back The moment to go on from where there is known to be no video at one; `null`: there is none before.
 * @property {(at: number) => Promise<number | null>} before The same, asked of the host.
 * @property {(why: string) => void} ended `why`: where it does not end with the recordings.
 */

export class Reverse {
  image = h("img", { class: "reverse", alt: "", hidden: true });
  /** Of the run that goes on. @type {object | null} */
  #turn = null;
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
   * @param {Heard} heard
   */
  async run(from, speed, width, heard) {
    const turn = {};
    this.#turn = turn;
    let [wished, origin, begun] = [from, from, performance.now()];
    let unreadable = 0;
    for (;;) {
      const found = await this.#picture(wished, width, turn).catch((error) => error);
      if (this.#turn !== turn) return;
      /** @type {number | null} */
      let next = wished;
      if (typeof found === "number") {
        unreadable = 0;
        if (found <= wished) heard.shown(found);
        await pause(PACE - ((performance.now() - begun) % PACE));
        next = origin - (performance.now() - begun) * speed;
        if (next >= found) {
          // A key frame is shown as long as it is the last one.
          await pause((next - found) / speed);
          next = found - 1;
        }
        const there = heard.back(next);
        if (there === next) {
          wished = next;
          continue;
        }
        next = there;
      } else {
        const status = found instanceof api.ApiError ? found.status : 0;
        if (status === 422) unreadable += 1;
        if (unreadable >= UNREADABLE || (status >= 400 && status < 500 && !PASSING.includes(status))) {
          heard.ended(found.message);
          return;
        }
        next = await around(status, wished, heard);
      }
      if (this.#turn !== turn) return;
      if (next === null) {
        heard.ended("");
        return;
      }
      [wished, origin, begun] = [next, next, performance.now()];
    }
  }

  /**
   * The moment of the picture that is shown now.
   * @param {number} at @param {number} width @param {object} turn
   * @returns {Promise<number>}
   */
  async #picture(at, width, turn) {
    const response = await api.request(api.snapshot(this.camera, at, width));
    const time = Date.parse(response.headers.get("x-wardline-time") ?? "");
    const address = URL.createObjectURL(await response.blob());
    if (this.#turn !== turn) {
      URL.revokeObjectURL(address);
      return at;
    }
    this.image.src = address;
    this.image.hidden = false;
    if (this.#last) URL.revokeObjectURL(this.#last);
    this.#last = address;
    return Number.isFinite(time) ? time : at;
  }

  stop() {
    this.#turn = null;
    this.image.hidden = true;
    if (this.#last) URL.revokeObjectURL(this.#last);
    this.#last = "";
  }
}

/**
 * Where to go on when there was no picture of a moment: before the gap that it lies in, where it has
 * none; at the same moment, after a while, where it could not be had just now.
 * @param {number} status @param {number} wished @param {Heard} heard
 */
async function around(status, wished, heard) {
  if (status === 422) return wished - LEAP;
  if (status === 404) {
    const there = await heard.before(wished).catch(() => Number.POSITIVE_INFINITY);
    if (there === null || there < wished) return there && there - 1;
    if (there === wished) return wished - LEAP;
  }
  await pause(AGAIN);
  return wished;
}

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

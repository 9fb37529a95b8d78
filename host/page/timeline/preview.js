// Small pictures over the time line while one looks for a moment: cells of strips, asked for in
// blocks and kept.

import * as api from "../api.js";
import { h } from "../dom.js";
import { now } from "../now.js";
import { clock, MINUTE, SECOND } from "../time.js";

const CELLS = 60;
const WIDTH = 192;
const KEPT = 24;
/** A strip that did not come is asked for again after so long. */
const AGAIN = 1500;
/** Steps from cell to cell: few, so that strips are asked for again and again, here and in the host's cache. */
const STEPS = [SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE, 180 * MINUTE];

/** How far back a picture may be where none is at a moment: key frames may be seconds apart. */
const BACK = 12 * SECOND;
/** Darker than this all over, a cell is one without a picture. */
const BLACK = 12;

/** @typedef {{ image: HTMLImageElement, ready: boolean, failed: boolean, there: boolean[] }} Strip `there`: which cells have a picture. */

export class Preview {
  #canvas = h("canvas", { width: WIDTH, height: (WIDTH * 9) / 16 });
  #time = h("span", { class: "tabular" });
  #note = h("span", { class: "quiet" });
  element = h("div", { class: "preview", hidden: true, "aria-hidden": "true" }, this.#canvas, h("div", { class: "preview-text" }, this.#time, this.#note));
  /** @type {Map<string, Strip>} */
  #strips = new Map();
  /** @type {{ camera: string, at: number, span: number, zone: string } | null} */
  #shown = null;

  /**
   * Shows the picture nearest to a moment, `x` pixels from the left of the time line.
   * @param {string} camera @param {number} at @param {number} span What is in view, in milliseconds.
   * @param {string} zone @param {number} x @param {number} width @param {string} note
   */
  show(camera, at, span, zone, x, width, note) {
    this.#shown = { camera, at, span, zone };
    this.element.hidden = false;
    this.#time.textContent = clock(at, zone, span < 20 * SECOND ? "millisecond" : "second");
    this.#note.textContent = note;
    const half = WIDTH / 2 + 8;
    this.element.style.left = `${Math.max(half, Math.min(width - half, x))}px`;
    this.#draw();
  }

  hide() {
    this.#shown = null;
    this.element.hidden = true;
  }

  #draw() {
    if (!this.#shown) return;
    const { camera, at, span } = this.#shown;
    const step = STEPS.find((step) => step >= span / 300) ?? STEPS[STEPS.length - 1];
    const block = step * CELLS;
    const from = Math.floor(at / block) * block;
    const strip = this.#strip(camera, from, step);
    const context = this.#canvas.getContext("2d");
    if (!context) return;
    if (!strip.ready) {
      if (strip.failed) context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
      return;
    }
    const { naturalWidth, naturalHeight } = strip.image;
    const cell = naturalWidth / CELLS;
    let index = Math.min(CELLS - 1, Math.floor((at - from) / step));
    const least = Math.max(0, index - Math.floor(BACK / step));
    const wished = index;
    while (index > least && !strip.there[index]) index -= 1;
    if (!strip.there[index]) index = wished;
    const tall = Math.round((WIDTH * naturalHeight) / cell);
    if (this.#canvas.height !== tall) this.#canvas.height = tall;
    context.drawImage(strip.image, index * cell, 0, cell, naturalHeight, 0, 0, WIDTH, tall);
  }

  /** @param {string} camera @param {number} from @param {number} step @returns {Strip} */
  #strip(camera, from, step) {
    // What reaches into the present is asked for again as it grows.
    const growing = from + step * CELLS > now() ? Math.floor(now() / (step * 5)) : 0;
    const key = `${camera} ${from} ${step} ${growing}`;
    let strip = this.#strips.get(key);
    if (strip) return strip;
    const image = new Image();
    strip = { image, ready: false, failed: false, there: [] };
    const made = strip;
    image.onload = () => {
      made.ready = true;
      made.there = there(image);
      this.#draw();
    };
    image.onerror = () => {
      made.failed = true;
      this.#draw();
      setTimeout(() => {
        this.#strips.delete(key);
        this.#draw();
      }, AGAIN);
    };
    image.src = api.strip(camera, from, step, CELLS, WIDTH);
    this.#strips.set(key, strip);
    if (this.#strips.size > KEPT) this.#strips.delete(/** @type {string} */ (this.#strips.keys().next().value));
    return strip;
  }
}

/** Which cells of a strip have a picture. @param {HTMLImageElement} image @returns {boolean[]} */
function there(image) {
  const [across, down] = [8, 4];
  const canvas = h("canvas", { width: CELLS * across, height: down });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return [];
  context.drawImage(image, 0, 0, canvas.width, down);
  const { data } = context.getImageData(0, 0, canvas.width, down);
  return Array.from({ length: CELLS }, (_, cell) => {
    for (let row = 0; row < down; row += 1) {
      for (let column = 1; column < across - 1; column += 1) {
        const at = (row * canvas.width + cell * across + column) * 4;
        if (data[at] > BLACK || data[at + 1] > BLACK || data[at + 2] > BLACK) return true;
      }
    }
    return false;
  });
}

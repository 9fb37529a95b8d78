// Which tiles get which stream: those in sight, over one response, or one each where the host has
// none of many.

import { Undo } from "../signal.js";
import { cameras } from "../state.js";
import { Many } from "./many.js";
import { Single } from "./single.js";
import { Tile } from "./tile.js";

/** Streams of their own, where there is none of many: the browser's connections are few. */
const SINGLES = 3;
/** Tiles come and go while one scrolls: the streams are exchanged once that is over. */
const SETTLE = 250;
/** A page that nobody sees gives its streams back after so long. */
const HIDDEN = 10_000;

export class Grid {
  #undo = new Undo();
  /** @type {Set<Tile>} */
  #seen = new Set();
  /** @type {{ stop: () => void }[]} */
  #streams = [];
  #timer = 0;
  #many = true;
  #carried = "";

  /** @param {Tile[]} tiles */
  constructor(tiles) {
    this.tiles = tiles;
    const sight = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const tile = tiles.find((one) => one.element === entry.target);
        if (!tile) continue;
        if (entry.isIntersecting) this.#seen.add(tile);
        else this.#seen.delete(tile);
      }
      this.#later(SETTLE);
    }, { rootMargin: "25%" });
    for (const tile of tiles) sight.observe(tile.element);
    this.#undo.add(() => sight.disconnect());
    this.#undo.listen(document, "visibilitychange", () => this.#later(document.hidden ? HIDDEN : 0));
  }

  /** @param {number} wait */
  #later(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#carry(), wait);
  }

  #carry() {
    const seen = document.hidden ? [] : this.tiles.filter((tile) => this.#seen.has(tile));
    const key = seen.map((tile) => tile.camera).join("\n");
    if (key === this.#carried) return;
    this.#carried = key;
    for (const stream of this.#streams.splice(0)) stream.stop();
    if (seen.length === 0) return;
    if (Tile.needsPlaylist) {
      for (const tile of seen) tile.without(false);
    } else if (this.#many && seen.length > 1) {
      const views = seen.map((tile) => ({ camera: tile.camera, stream: streamOf(tile.camera), taker: tile.taker }));
      this.#streams = [new Many(views, () => {
        this.#many = false;
        this.#carried = "";
        this.#carry();
      })];
    } else {
      this.#streams = seen.slice(0, SINGLES).map((tile) => new Single(tile.camera, streamOf(tile.camera), tile.taker));
      for (const tile of seen.slice(SINGLES)) tile.without(true);
    }
  }

  stop() {
    clearTimeout(this.#timer);
    this.#undo.run();
    for (const stream of this.#streams) stream.stop();
    for (const tile of this.tiles) tile.stop();
  }
}

/** The second stream where there is one: small pictures need no more. @param {string} camera @returns {"main" | "second"} */
function streamOf(camera) {
  return cameras.value?.find((one) => one.name === camera)?.streams?.second ? "second" : "main";
}

// Which tiles get a stream: those in sight, over one response. Who scrolls gets those that come into
// sight over another, so that no picture begins anew that is there already.

import { Undo } from "../signal.js";
import { cameras } from "../state.js";
import { LiveStream, VIEWS_MAX } from "./stream.js";
import { mediaSource } from "./sink.js";

/** @import { Tile } from "./tile.js" */

/** Tiles come and go while one scrolls: the streams are exchanged once that is over. */
const SETTLE = 250;
/** Responses at a time; with more, all tiles go over one again: a browser opens six connections. */
const STREAMS_MAX = 3;
/** A page that nobody sees gives its streams back after so long. */
const HIDDEN = 10_000;

export class Grid {
  #undo = new Undo();
  /** @type {Set<Tile>} */
  #seen = new Set();
  /** @type {LiveStream[]} */
  #streams = [];
  #timer = 0;

  /** @param {Tile[]} tiles @param {{ large?: boolean }} [options] `large`: small streams are not enough. */
  constructor(tiles, { large = false } = {}) {
    this.tiles = tiles;
    this.large = large;
    const sight = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        const tile = tiles.find((one) => one.element === entry.target);
        if (!tile) continue;
        if (entry.isIntersecting) this.#seen.add(tile);
        else this.#seen.delete(tile);
      }
      this.#later(this.#streams.length === 0 ? 0 : SETTLE);
    }, { rootMargin: "25%" });
    for (const tile of tiles) sight.observe(tile.element);
    this.#undo.add(() => sight.disconnect());
    this.#undo.listen(document, "visibilitychange", () => this.#later(document.hidden ? HIDDEN : 0));
    // A second stream may have come, or gone.
    this.#undo.add(cameras.follow(() => document.hidden || this.#later(SETTLE)));
  }

  /** @param {number} wait */
  #later(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#carry(), wait);
  }

  #carry() {
    const seen = document.hidden ? [] : this.tiles.filter((tile) => this.#seen.has(tile));
    if (mediaSource() === null) {
      for (const tile of seen) tile.playPlain();
      return;
    }
    const views = seen.map((tile) => ({ camera: tile.camera, stream: this.#streamOf(tile.camera), taker: tile.taker }));
    /** @param {LiveStream} one @param {string} camera */
    const viewOf = (one, camera) => one.views.find((view) => view.camera === camera);
    // Kept is what serves some of them, and none by another stream than it should.
    let kept = this.#streams.filter((one) => views.some(({ camera }) => viewOf(one, camera)))
      .filter((one) => views.every(({ camera, stream }) => (viewOf(one, camera)?.stream ?? stream) === stream));
    let missing = views.filter(({ camera }) => !kept.some((one) => viewOf(one, camera)));
    if (missing.length > 0 && kept.length >= STREAMS_MAX) [kept, missing] = [[], views];
    for (const one of this.#streams) if (!kept.includes(one)) one.stop();
    this.#streams = kept;
    for (let at = 0; at < missing.length; at += VIEWS_MAX) this.#streams.push(new LiveStream(missing.slice(at, at + VIEWS_MAX)));
  }

  /** Small pictures need no more than the second stream, where there is one. @param {string} camera @returns {"main" | "second"} */
  #streamOf(camera) {
    return !this.large && cameras.value?.find((one) => one.name === camera)?.streams?.second ? "second" : "main";
  }

  stop() {
    clearTimeout(this.#timer);
    this.#undo.run();
    for (const stream of this.#streams) stream.stop();
    for (const tile of this.tiles) tile.stop();
  }
}

// Which moment of the world a moment of a video is: the map between the two, from a playlist.

/** @typedef {{ wall: number, start: number, length: number, fresh: boolean }} Piece `wall` and nothing else in milliseconds since 1970; `start` and `length` in seconds of the video; `fresh`: does not continue what comes before. */

/** Closer than this, two pieces are one run: rounding, not a gap. */
const SEAM = 100;

/**
 * Reads what a media playlist (RFC 8216) says of time.
 * @param {string} text
 * @returns {Piece[]}
 */
export function read(text) {
  /** @type {Piece[]} */
  const pieces = [];
  let start = 0;
  let length = 0;
  let fresh = true;
  /** @type {number | null} */
  let wall = null;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#EXTINF:")) length = Number.parseFloat(line.slice(8)) || 0;
    else if (line.startsWith("#EXT-X-PROGRAM-DATE-TIME:")) wall = moment(line.slice(25));
    else if (line.startsWith("#EXT-X-DISCONTINUITY") && !line.startsWith("#EXT-X-DISCONTINUITY-SEQUENCE")) fresh = true;
    else if (line !== "" && !line.startsWith("#")) {
      const before = pieces.at(-1);
      const at = wall ?? (before ? before.wall + before.length * 1000 : Number.NaN);
      if (Number.isFinite(at)) pieces.push({ wall: at, start, length, fresh });
      start += length;
      wall = null;
      fresh = false;
    }
  }
  return pieces;
}

/** Milliseconds with a fraction: `Date.parse` drops what is below one. @param {string} text */
export function moment(text) {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? "";
  const whole = Date.parse(text.replace(/\.\d+/, ""));
  return fraction ? whole + Number(`0.${fraction}`) * 1000 : whole;
}

/** @typedef {{ first: number, from: number, to: number }} Run The number of its first piece; its moments, the last one is after its end. */

/**
 * Within a run wall time goes on as the video does. From run to run it may go back: where a clock was
 * set back, there is video twice for the same moments.
 */
export class WallMap {
  /** @type {Run[]} */
  #runs = [];

  /** @param {Piece[]} pieces In order of the video. */
  constructor(pieces) {
    this.pieces = pieces;
    pieces.forEach((piece, at) => {
      const to = piece.wall + piece.length * 1000;
      const run = this.#runs.at(-1);
      if (run && !piece.fresh && piece.wall - run.to < SEAM) run.to = Math.max(run.to, to);
      else this.#runs.push({ first: at, from: piece.wall, to });
    });
    // Two that abut do so but for rounding: there is no moment between them, and none twice.
    this.#runs.forEach((run, at) => {
      const next = this.#runs[at + 1];
      if (next && Math.abs(next.from - run.to) < SEAM) run.to = next.from;
    });
  }

  get isEmpty() {
    return this.pieces.length === 0;
  }

  /** The earliest moment. */
  get first() {
    return this.isEmpty ? null : Math.min(...this.#runs.map((run) => run.from));
  }

  /** The moment after the latest. */
  get last() {
    return this.isEmpty ? null : Math.max(...this.#runs.map((run) => run.to));
  }

  /** The moment after the end of the video: not the latest, where a clock was set back. */
  get end() {
    return this.#runs.at(-1)?.to ?? null;
  }

  /** @param {number} media Seconds. @returns {number | null} */
  toWall(media) {
    const piece = this.pieces[Math.max(0, this.#countWhere(0, this.pieces.length, (one) => one.start <= media + 1e-6) - 1)];
    return piece ? piece.wall + (media - piece.start) * 1000 : null;
  }

  /**
   * Where a moment is in the video; where nothing is recorded then, the first that comes after it. Of
   * several places the one in the run that holds `here`, else the first.
   * @param {number} wall
   * @param {number} [here] Seconds of the video.
   * @returns {{ media: number, wall: number, exact: boolean } | null}
   */
  toMedia(wall, here = -1) {
    const places = this.places(wall);
    if (places.length > 0) {
      const run = this.#runAt(here);
      return { media: places.find((place) => this.#runAt(place) === run) ?? places[0], wall, exact: true };
    }
    const next = this.#runs.filter((run) => run.from > wall).sort((one, other) => one.from - other.from)[0];
    return next ? { media: this.pieces[next.first].start, wall: next.from, exact: false } : null;
  }

  /** All places of a moment in the video, in its order: several where a clock was set back. @param {number} wall */
  places(wall) {
    return this.#runs.filter((run) => wall >= run.from && wall < run.to).map((run) => {
      const end = this.#runs[this.#runs.indexOf(run) + 1]?.first ?? this.pieces.length;
      const piece = this.pieces[Math.max(run.first, this.#countWhere(run.first, end, (one) => one.wall <= wall) - 1)];
      return Math.min(piece.start + (wall - piece.wall) / 1000, piece.start + Math.max(0, piece.length - 0.001));
    });
  }

  /** Whether there is video at a moment. @param {number} wall */
  has(wall) {
    return this.#runs.some((run) => wall >= run.from && wall < run.to);
  }

  /** Until when there is video without a gap from a moment on: itself, where there is none at it. @param {number} wall */
  until(wall) {
    return this.#runs.reduce((end, run) => (run.from <= end && run.to > end ? run.to : end), wall);
  }

  /** The moment itself where there is video at it, else the last one before it; `null`: there is none. @param {number} wall */
  before(wall) {
    const ends = this.#runs.filter((run) => run.from <= wall).map((run) => (wall < run.to ? wall : run.to - 1));
    return ends.length > 0 ? Math.max(...ends) : null;
  }

  /** @param {number} media @returns {Run | undefined} */
  #runAt(media) {
    return this.#runs.findLast((run) => this.pieces[run.first].start <= media + 1e-6);
  }

  /**
   * The end of the pieces from one on for which a test holds that holds for the first of them only.
   * @param {number} from @param {number} to
   * @param {(piece: Piece) => boolean} test
   */
  #countWhere(from, to, test) {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (test(this.pieces[middle])) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

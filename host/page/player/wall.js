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

export class WallMap {
  /** @param {Piece[]} pieces In order of the video. */
  constructor(pieces) {
    this.pieces = pieces;
  }

  get isEmpty() {
    return this.pieces.length === 0;
  }

  get first() {
    return this.pieces.length > 0 ? this.pieces[0].wall : null;
  }

  /** The moment after the last. */
  get last() {
    const piece = this.pieces.at(-1);
    return piece ? piece.wall + piece.length * 1000 : null;
  }

  /** @param {number} media Seconds. @returns {number | null} */
  toWall(media) {
    const piece = this.pieces[Math.max(0, this.#countWhere((one) => one.start <= media + 1e-6) - 1)];
    return piece ? piece.wall + (media - piece.start) * 1000 : null;
  }

  /**
   * Where a moment is in the video; where nothing is recorded then, the first that comes after it.
   * @param {number} wall
   * @returns {{ media: number, wall: number, exact: boolean } | null}
   */
  toMedia(wall) {
    const at = this.#countWhere((one) => one.wall <= wall);
    const piece = this.pieces[at - 1];
    const next = this.pieces[at];
    if (piece) {
      const end = piece.wall + piece.length * 1000;
      // What lies between two that abut but for rounding belongs to the first.
      if (wall < end || (next && next.wall - end < SEAM && wall < next.wall)) {
        const media = Math.min(piece.start + (wall - piece.wall) / 1000, piece.start + Math.max(0, piece.length - 0.001));
        return { media, wall, exact: true };
      }
    }
    return next ? { media: next.start, wall: next.wall, exact: false } : null;
  }

  /** Whether there is video at a moment. @param {number} wall */
  has(wall) {
    return this.toMedia(wall)?.exact ?? false;
  }

  /**
   * For how many pieces a test holds that holds for the first ones only.
   * @param {(piece: Piece) => boolean} test
   */
  #countWhere(test) {
    let low = 0;
    let high = this.pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (test(this.pieces[middle])) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

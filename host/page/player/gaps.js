// Where there is video again, after or before a moment.

import * as api from "../api.js";
import { DAY, HOUR, MINUTE, SECOND } from "../time.js";

/** @import { WallMap } from "./wall.js" */

/** Looked through one after the other: most gaps are short. */
const REACHES = [HOUR, DAY, 40 * DAY, 400 * DAY];

/**
 * The first moment at or after one at which a camera has video; `null`: it has none.
 * @param {string} camera @param {number} wall
 * @returns {Promise<number | null>}
 */
export async function nextRecorded(camera, wall) {
  const now = Date.now();
  let from = wall;
  for (const reach of REACHES) {
    const to = Math.min(from + reach, now + MINUTE);
    if (to <= from) return null;
    const { recorded } = await api.timeline(camera, from, to, Math.max(SECOND, reach / 2000));
    const found = recorded
      .map(({ start, end }) => ({ start: Date.parse(start), end: Date.parse(end) }))
      .filter(({ end }) => end > wall + SECOND / 2)
      .sort((one, other) => one.start - other.start)[0];
    if (found) return Math.max(wall, found.start);
    from = to;
  }
  return null;
}

/**
 * A moment itself where there may be video at it, else the end of what is before it; `null`: nothing
 * is. What lies before the window is not known: it may be.
 * @param {WallMap} map @param {number} at @param {number} first The first moment of the camera's video.
 */
export function recordedBefore(map, at, first) {
  if (at < first) return null;
  if (map.first === null || at < map.first || map.has(at)) return at;
  const before = map.pieces.findLast((piece) => piece.wall < at);
  return before ? Math.min(at, before.wall + before.length * SECOND - 1) : at;
}

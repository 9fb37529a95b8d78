// Where there is video again, after or before a moment.

import * as api from "../api.js";
import { now } from "../now.js";
import { DAY, HOUR, MINUTE, SECOND } from "../time.js";

/** @import { Archive } from "./archive.js" */
/** @import { WallMap } from "./wall.js" */
/** @import { Stretch } from "../timeline/scale.js" */

/** Looked through one after the other: most gaps are short. */
const REACHES = [HOUR, DAY, 40 * DAY, 400 * DAY];

/**
 * The first moment at or after one at which a camera has video; `null`: it has none.
 * @param {string} camera @param {number} wall
 * @returns {Promise<number | null>}
 */
export async function nextRecorded(camera, wall) {
  const present = now();
  let from = wall;
  for (const reach of REACHES) {
    const to = Math.min(from + reach, present + MINUTE);
    if (to <= from) return null;
    const { recorded, growing } = await api.timeline(camera, from, to, Math.max(SECOND, reach / 2000));
    const found = recorded.map(({ start, end }) => ({ start: Date.parse(start), end: Date.parse(end) }))
      .concat(growing.map((start) => ({ start: Date.parse(start), end: present })).filter(({ start }) => start > wall))
      .filter(({ end }) => end > wall + SECOND / 2)
      .sort((one, other) => one.start - other.start)[0];
    if (found) return Math.max(wall, found.start);
    from = to;
  }
  return null;
}

/**
 * Where to begin on a day: at a moment of it, or where video goes on after that; with none until the
 * day's end, at the day's first.
 * @param {string} camera @param {number} wall @param {Stretch} day
 */
export async function onDay(camera, wall, day) {
  const later = await nextRecorded(camera, wall);
  if (later !== null && later < day.to) return wall;
  const first = await nextRecorded(camera, day.from);
  return first !== null && first < day.to ? first : wall;
}

/** When a camera has video at or after a moment; `null`: it has none. @param {Archive} archive @param {number} wall */
export async function nextOf(archive, wall) {
  const found = archive.map.toMedia(wall);
  if (found) return found.wall;
  if (archive.state === "failed") throw new Error(archive.reason);
  return nextRecorded(archive.camera, Math.max(wall, archive.known));
}

/** The first of the moments that are known; `why`: what kept one from being known. @param {Promise<number | null>[]} moments */
export async function soonest(moments) {
  const all = await Promise.allSettled(moments);
  const known = all.flatMap((one) => (one.status === "fulfilled" && one.value !== null ? [one.value] : []));
  const failed = all.find((one) => one.status === "rejected");
  return { at: known.length > 0 ? Math.min(...known) : null, why: failed ? String(failed.reason?.message ?? failed.reason) : "" };
}

/**
 * The end of the last video before a moment of a camera: the moment itself, where it has video at it;
 * `null`: it has none before.
 * @param {string} camera @param {number} wall @param {number} first The first moment of the camera's video.
 * @returns {Promise<number | null>}
 */
export async function lastRecorded(camera, wall, first) {
  let to = wall;
  for (const reach of REACHES) {
    const from = Math.max(first, to - reach);
    if (from >= to) return null;
    const { recorded } = await api.timeline(camera, from, to, Math.max(SECOND, reach / 2000));
    const ends = recorded.filter(({ start }) => Date.parse(start) < to).map(({ end }) => Math.min(wall, Date.parse(end)));
    if (ends.length > 0) return Math.max(...ends);
    to = from;
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
  if (map.first === null || at < map.first) return at;
  return map.before(at);
}

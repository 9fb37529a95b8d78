// Which stretch of time is in view, and where in it a moment lies. Values only.

import { DAY, SECOND } from "../time.js";

/** The least and the most that is in view. */
export const SPAN_MIN = SECOND;
export const SPAN_MAX = 32 * DAY;

/** @typedef {{ from: number, to: number }} Stretch */

/** @param {Stretch} view @param {number} width @param {number} at */
export const toX = (view, width, at) => ((at - view.from) / (view.to - view.from)) * width;

/** @param {Stretch} view @param {number} width @param {number} x */
export const toTime = (view, width, x) => view.from + (x / width) * (view.to - view.from);

/**
 * The view `factor` times as wide, with `around` at the place where it was.
 * @param {Stretch} view @param {number} factor @param {number} around
 * @returns {Stretch}
 */
export function zoom(view, factor, around) {
  const span = view.to - view.from;
  const wished = Math.min(SPAN_MAX, Math.max(SPAN_MIN, span * factor));
  const part = (around - view.from) / span;
  const from = around - part * wished;
  return { from, to: from + wished };
}

/** @param {Stretch} view @param {number} by Milliseconds. @returns {Stretch} */
export const pan = (view, by) => ({ from: view.from + by, to: view.to + by });

/** @param {number} at @param {number} span @returns {Stretch} */
export const around = (at, span) => ({ from: at - span / 2, to: at + span / 2 });

/**
 * The view after two fingers moved: what was under each stays under it.
 * @param {Stretch} view @param {number} width
 * @param {[number, number]} before Where they were, in pixels.
 * @param {[number, number]} now
 * @returns {Stretch}
 */
export function pinch(view, width, before, now) {
  const first = toTime(view, width, before[0]);
  const second = toTime(view, width, before[1]);
  const apart = now[1] - now[0];
  if (Math.abs(apart) < 8 || first === second) return view;
  const span = Math.min(SPAN_MAX, Math.max(SPAN_MIN, ((second - first) / apart) * width));
  const middle = (first + second) / 2;
  const from = middle - ((now[0] + now[1]) / 2 / width) * span;
  return { from, to: from + span };
}

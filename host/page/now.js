// The present of the host. All that is recorded has the host's time, and a viewer's own clock may be
// wrong: how far it is off is learned from the host's answers.

import { signal } from "./signal.js";

/** @typedef {{ low: number, high: number }} Bounds Between these the host's clock is ahead of the viewer's, in milliseconds. */

/** What the `Date` of an answer leaves out: it has whole seconds. */
const ROUNDED = 1000;
/** A clock that is less than this off for certain is taken for right. */
const RIGHT = 2000;

/** How far the host's clock is ahead of the viewer's, in milliseconds; 0: the viewer's is right. */
export const skew = signal(0);

/** @type {Bounds | null} */
let bounds = null;

/** The host's present, in milliseconds since 1970. */
export const now = () => Date.now() + skew.value;

/**
 * What is known after an answer: each narrows it, the more the quicker it came. One that contradicts
 * what was known comes after a clock was set: then it alone counts.
 * @param {Bounds | null} before @param {number} date What the answer says. @param {number} came When it came, by the viewer's clock. @param {number} took How long it was asked for.
 * @returns {Bounds}
 */
export function narrow(before, date, came, took) {
  const said = { low: date - came, high: date - came + ROUNDED + took };
  if (!before || said.low > before.high || said.high < before.low) return said;
  return { low: Math.max(before.low, said.low), high: Math.min(before.high, said.high) };
}

/** How far off a clock is taken to be. @param {Bounds} known */
export const estimate = ({ low, high }) => (low > RIGHT || high < -RIGHT ? Math.round((low + high) / 2) : 0);

/**
 * Begins to time a question; what it gives is called with the answer's `Date`.
 * @returns {(date: string | null) => void}
 */
export function asking() {
  const [asked, begun] = [Date.now(), performance.now()];
  return (date) => {
    const said = Date.parse(date ?? "");
    if (!Number.isFinite(said)) return;
    const came = Date.now();
    // While the machine sleeps, one of the two may stand still.
    const took = Math.max(came - asked, performance.now() - begun);
    bounds = narrow(bounds, said, came, took);
    skew.value = estimate(bounds);
  };
}

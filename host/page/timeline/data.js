// What a camera's time line holds around the view, asked for as the view moves, and kept.

import * as api from "../api.js";
import { now } from "../now.js";
import { SECOND } from "../time.js";

/** @import { TimelineAnswer } from "../types.js" */
/** @import { Stretch } from "./scale.js" */

/** @typedef {{ start: number, end: number }} Piece */
/** @typedef {Piece & { reason: string, open: boolean }} GapPiece */
/** @typedef {Piece & { policy: string, label: string, id: string }} SpanPiece */
/** @typedef {Piece & { kind: string, origin: string, count: number, sequence: number }} EventPiece */
/** @typedef {Piece & { id: string, label: string }} PinPiece */
/** @typedef {Stretch & { resolution: number }} Extent What was asked for; `resolution` in milliseconds. */

/**
 * @typedef {object} Line
 * @property {Piece[]} recorded In order of start.
 * @property {number[]} growing
 * @property {GapPiece[]} gaps
 * @property {SpanPiece[]} spans
 * @property {PinPiece[]} pins
 * @property {EventPiece[]} events
 * @property {{ start: number, step: number, values: number[] } | null} motion
 * @property {boolean} truncated There is more of something than the host sends.
 */

/** @type {Line} */
export const EMPTY = { recorded: [], growing: [], gaps: [], spans: [], pins: [], events: [], motion: null, truncated: false };

/** @param {string} text */
const ms = (text) => Date.parse(text);

/** `10s`, `1m 30s`, `500ms` in milliseconds. @param {string} text */
export function duration(text) {
  /** @type {Record<string, number>} */
  const units = { ms: 1, s: SECOND, m: 60 * SECOND, h: 3600 * SECOND, d: 86_400 * SECOND };
  let sum = 0;
  for (const [, number, unit] of String(text).matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)/g)) sum += Number(number) * units[unit];
  return sum;
}

/**
 * @param {TimelineAnswer} answer
 * @param {number} present
 * @returns {Line}
 */
export function line(answer, present) {
  const piece = (/** @type {{ start: string, end: string | null }} */ of) => ({ start: ms(of.start), end: of.end ? ms(of.end) : present });
  return {
    recorded: answer.recorded.map(piece).sort((one, other) => one.start - other.start),
    growing: answer.growing.map(ms),
    gaps: answer.gaps.map((gap) => ({ ...piece(gap), reason: gap.reason, open: gap.end === null })),
    spans: answer.spans.map((span) => ({ ...piece(span), policy: span.policy, label: span.label, id: span.id })),
    pins: answer.pins.map((pin) => ({ ...piece(pin), id: pin.id, label: pin.label })),
    // What the host says of itself is in the bands already: what is recorded, what is missing and why.
    events: (answer.events ?? []).filter((mark) => mark.origin !== "host").map((mark) => ({
      ...piece({ start: mark.start, end: mark.end ?? mark.start }), kind: mark.kind, origin: mark.origin,
      count: mark.count, sequence: mark.sequence,
    })).sort((one, other) => one.start - other.start),
    motion: answer.motion && answer.motion.values.length > 0
      ? { start: ms(answer.motion.start), step: duration(answer.motion.step), values: answer.motion.values }
      : null,
    truncated: Boolean(answer.truncated),
  };
}

/** How long what touches the present is good for. */
const STALE = 5 * SECOND;

/** A view that moves on is asked for again so long after. */
const PACE = 300;

/** One camera's line, wider than the view by a view on each side. */
export class LineKeeper {
  line = EMPTY;
  /** @type {Extent | null} */
  #have = null;
  #answered = 0;
  /** @type {{ extent: Extent, at: number, abort: AbortController } | null} */
  #running = null;

  /**
   * @param {string} camera
   * @param {() => void} changed
   * @param {(error: unknown) => void} failed
   */
  constructor(camera, changed, failed) {
    this.camera = camera;
    this.changed = changed;
    this.failed = failed;
  }

  /** Asks, where what there is does not do for this view. @param {Stretch} view @param {number} width @param {boolean} [anew] */
  want(view, width, anew = false) {
    const span = view.to - view.from;
    const resolution = Math.max(1, span / Math.max(200, width));
    const [present, moment] = [now(), performance.now()];
    const does = (/** @type {Extent | null | undefined} */ extent) => extent && extent.from <= view.from && extent.to >= view.to
      && extent.resolution <= resolution * 1.5 && extent.resolution >= resolution / 4;
    const stale = view.to > present - STALE && moment - this.#answered > STALE;
    if (!anew && does(this.#have) && !stale) return;
    // What is on its way may take long: it is not begun again for a view that it answers.
    if (!anew && this.#running && (does(this.#running.extent) || moment - this.#running.at < PACE)) return;
    this.#ask({ from: view.from - span, to: Math.max(view.to, Math.min(view.to + span, present + span)), resolution });
  }

  /** @param {Extent} extent */
  #ask(extent) {
    this.#running?.abort.abort();
    const running = { extent, at: performance.now(), abort: new AbortController() };
    this.#running = running;
    api.timeline(this.camera, extent.from, extent.to, extent.resolution, running.abort.signal).then(
      (answer) => {
        if (this.#running !== running) return;
        this.#running = null;
        this.#have = extent;
        this.#answered = performance.now();
        this.line = line(answer, now());
        this.changed();
      },
      (error) => {
        if (this.#running === running) this.#running = null;
        if (!running.abort.signal.aborted) this.failed(error);
      },
    );
  }

  stop() {
    this.#running?.abort.abort();
  }
}

/**
 * The piece that holds a moment.
 * @template {Piece} T
 * @param {T[]} pieces @param {number} at
 * @returns {T | undefined}
 */
export const pieceAt = (pieces, at) => pieces.find((piece) => piece.start <= at && at < piece.end);

// The time line: shows what there is, and lets one move through it by mouse, finger and keyboard.

import { h } from "../dom.js";
import { now } from "../now.js";
import { Undo } from "../signal.js";
import { clock, date, DAY, HOUR, length, MINUTE, SECOND } from "../time.js";
import { EMPTY, LineKeeper, pieceAt } from "./data.js";
import { draw, GAP_WORDS, height, lanes, palette } from "./draw.js";
import { Hands } from "./hands.js";
import { Preview } from "./preview.js";
import { around, pan, toX, zoom } from "./scale.js";

/** @import { Line } from "./data.js" */
/** @import { Stretch } from "./scale.js" */

/** How wide the stretch is that the buttons show. */
const SPANS = [
  { label: "1 min", span: MINUTE }, { label: "10 min", span: 10 * MINUTE }, { label: "1 h", span: HOUR },
  { label: "6 h", span: 6 * HOUR }, { label: "1 d", span: DAY }, { label: "7 d", span: 7 * DAY }, { label: "30 d", span: 30 * DAY },
];

/**
 * @typedef {object} Wishes
 * @property {(camera: string) => string} zone The zone in which times of a camera are shown.
 * @property {(at: number, moving: boolean) => void} seek Someone wants to see a moment; `moving`: is still choosing.
 * @property {(range: Stretch | null) => void} ranged
 * @property {(error: unknown) => void} failed
 * @property {() => void} changed There is more to be shown.
 */

export class Timeline {
  /** @type {Stretch} */
  view;
  /** @type {number | null} */
  playhead = null;
  /** @type {Stretch | null} */
  range = null;
  /** @type {number | null} */
  hover = null;
  /** @type {string | null} */
  chosen = null;
  /** Whether the view goes with the playhead. */
  following = true;
  width = 600;
  #undo = new Undo();
  /** @type {LineKeeper[]} */
  #keepers = [];
  #due = 0;
  #preview = new Preview();
  canvas = h("canvas", {
    class: "timeline-canvas", tabindex: "0", role: "slider", "aria-label": "Time line",
    "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 50,
  });
  #note = h("p", { class: "timeline-note", role: "status", hidden: true }, "Not all is shown: zoom in.");
  element = h("div", { class: "timeline" }, this.#preview.element, this.canvas, this.#note);
  spans = h("div", { class: "segmented timeline-spans", role: "group", "aria-label": "Stretch of time in view" },
    SPANS.map(({ label, span }) => h("button", { type: "button", data: { span }, on: { click: () => this.#showSpan(span) } }, label)));

  /** @param {Stretch} view @param {Wishes} wishes */
  constructor(view, wishes) {
    this.view = view;
    this.wishes = wishes;
    const sizes = new ResizeObserver(() => this.#size());
    sizes.observe(this.element);
    this.#undo.add(() => sizes.disconnect());
    this.#undo.listen(document, "theme", () => this.redraw());
    this.#undo.every(() => this.#want(), 2 * SECOND);
    const hands = new Hands(this);
    this.#undo.add(() => hands.stop());
  }

  /** @param {string[]} names The first one leads: its events and its preview are shown. */
  setCameras(names) {
    for (const keeper of this.#keepers) if (!names.includes(keeper.camera)) keeper.stop();
    this.#keepers = names.map((name) => this.#keepers.find((keeper) => keeper.camera === name)
      ?? new LineKeeper(name, () => { this.redraw(); this.wishes.changed(); }, this.wishes.failed));
    this.#size();
    this.#want();
  }

  /** What is known of the leading camera. @returns {Line | null} */
  get line() {
    return this.#keepers[0]?.line ?? null;
  }

  /** @param {string} camera @returns {Line | null} */
  lineOf(camera) {
    return this.#keepers.find((keeper) => keeper.camera === camera)?.line ?? null;
  }

  get zone() {
    return this.wishes.zone(this.#keepers[0]?.camera ?? "");
  }

  #middle() {
    return (this.view.from + this.view.to) / 2;
  }

  /** A stretch of this length around the playhead, with little of what is still to come. @param {number} span */
  #showSpan(span) {
    const wished = around(this.playhead ?? this.#middle(), span);
    this.show(pan(wished, Math.min(0, now() + span * 0.1 - wished.to)));
  }

  /** @param {Stretch} view */
  show(view) {
    this.view = view;
    this.#want();
    this.redraw();
  }

  /** @param {number} factor @param {number} [at] */
  zoomBy(factor, at) {
    const middle = at ?? (this.playhead !== null && this.playhead > this.view.from && this.playhead < this.view.to ? this.playhead : this.#middle());
    this.show(zoom(this.view, factor, middle));
  }

  /** @param {number} by */
  panBy(by) {
    this.following = false;
    this.show(pan(this.view, by));
  }

  /** Where playback is. @param {number | null} at @param {boolean} [centre] */
  setPlayhead(at, centre = false) {
    this.playhead = at;
    if (at !== null) {
      const span = this.view.to - this.view.from;
      const inside = at >= this.view.from && at <= this.view.to;
      if (centre) this.view = around(at, span);
      else if (this.following && !inside) this.view = { from: at - span * 0.1, to: at + span * 0.9 };
      if (inside && at < this.view.to - span * 0.02) this.following = true;
      this.#want();
    }
    this.redraw();
  }

  /** @param {Stretch | null} range */
  setRange(range) {
    this.range = range && range.to - range.from >= 1 ? range : null;
    this.redraw();
    this.wishes.ranged(this.range);
  }

  /** Reads everything anew: something was pinned or deleted. */
  refresh() {
    for (const keeper of this.#keepers) keeper.want(this.view, this.width, true);
  }

  /** Shows the picture at a moment over the line. @param {number | null} at */
  peek(at) {
    this.hover = at;
    const camera = this.#keepers[0]?.camera;
    const line = this.line;
    if (at === null || camera === undefined || !line || line.recorded.length + line.growing.length === 0) {
      this.#preview.hide();
    } else {
      const x = toX(this.view, this.width, at);
      this.#preview.show(camera, at, this.view.to - this.view.from, this.zone, x, this.width, this.#says(at));
    }
    this.redraw();
  }

  /** What there is at a moment, in a few words. @param {number} at */
  #says(at) {
    const line = this.line;
    if (!line) return "";
    const slack = ((this.view.to - this.view.from) / this.width) * 3;
    const event = line.events.find((one) => at >= one.start - slack && at <= Math.max(one.end, one.start) + slack);
    if (event) return event.count > 1 ? `${event.count} × ${event.kind}` : event.kind;
    if (pieceAt(line.recorded, at) || line.growing.some((start) => at >= start && at <= now())) return "";
    const gap = pieceAt(line.gaps, at);
    return gap ? `${GAP_WORDS[gap.reason] ?? gap.reason}, ${length(gap.end - gap.start)}` : at > now() ? "not yet" : "not recorded";
  }

  #want() {
    for (const keeper of this.#keepers) keeper.want(this.view, this.width);
  }

  #size() {
    const kinds = lanes(this.line ?? EMPTY);
    const tall = height(this.#rows(), kinds);
    const wide = this.element.clientWidth;
    if (wide === 0) return;
    const scale = devicePixelRatio || 1;
    this.width = wide;
    if (this.canvas.width !== Math.round(wide * scale) || this.canvas.height !== Math.round(tall * scale)) {
      this.canvas.width = Math.round(wide * scale);
      this.canvas.height = Math.round(tall * scale);
      this.canvas.style.height = `${tall}px`;
    }
    this.redraw();
  }

  #rows() {
    return this.#keepers.map((keeper) => ({ camera: keeper.camera, line: keeper.line }));
  }

  redraw() {
    if (this.#due) return;
    this.#due = requestAnimationFrame(() => {
      this.#due = 0;
      this.#paint();
    });
  }

  #paint() {
    const context = this.canvas.getContext("2d");
    if (!context || this.#keepers.length === 0) return;
    const rows = this.#rows();
    this.#note.hidden = !rows.some(({ line }) => line.truncated);
    const kinds = lanes(rows[0].line);
    const scale = devicePixelRatio || 1;
    if (Math.round(height(rows, kinds) * scale) !== this.canvas.height) this.#size();
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const { view, width, zone, playhead, hover, range, chosen } = this;
    draw(context, { view, width, rows, kinds, zone, playhead, hover, range, chosen, now: now() }, palette(this.element));
    this.#tell();
  }

  /** Says to assistive technology where one is, and which stretch is in view. */
  #tell() {
    const at = this.playhead ?? this.#middle();
    const span = this.view.to - this.view.from;
    const part = Math.max(0, Math.min(100, Math.round(((at - this.view.from) / span) * 100)));
    const text = `${date(at, this.zone)}, ${clock(at, this.zone)}; ${length(span)} in view`;
    if (this.canvas.getAttribute("aria-valuetext") !== text) {
      this.canvas.setAttribute("aria-valuetext", text);
      this.canvas.setAttribute("aria-valuenow", String(part));
    }
    for (const button of this.spans.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Math.abs(Math.log(span / Number(button.dataset.span))) < 0.05));
    }
  }

  stop() {
    this.#undo.run();
    for (const keeper of this.#keepers) keeper.stop();
    if (this.#due) cancelAnimationFrame(this.#due);
  }
}

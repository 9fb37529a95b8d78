// Mouse, fingers, wheel and keys on the time line.
//
// A mouse scrubs in the bands, moves the line by its ruler, and marks a range with shift. One finger
// moves the line below the playhead, which stays in the middle; two zoom it.

import { now } from "../now.js";
import { RULER } from "./draw.js";
import { pan, pinch, toTime, toX, zoom } from "./scale.js";

/** @import { Timeline } from "./timeline.js" */
/** @import { Stretch } from "./scale.js" */

/** @typedef {"scrub" | "pan" | "range" | "from" | "to" | "centre" | "pinch"} Grip */

/** How near to an edge of the range a press takes hold of it, in pixels. */
const GRASP = 8;

export class Hands {
  /** @type {Map<number, { x: number, y: number }>} */
  #down = new Map();
  /** @type {Grip | null} */
  #grip = null;
  #moved = 0;
  #begin = 0;
  /** @type {Stretch} */
  #view = { from: 0, to: 1 };
  /** @type {[number, number]} */
  #apart = [0, 1];
  #anchor = 0;

  /** @param {Timeline} timeline */
  constructor(timeline) {
    this.timeline = timeline;
    const { canvas } = timeline;
    canvas.addEventListener("pointerdown", this.#press);
    canvas.addEventListener("pointermove", this.#move);
    canvas.addEventListener("pointerup", this.#release);
    canvas.addEventListener("pointercancel", this.#release);
    canvas.addEventListener("pointerleave", this.#leave);
    canvas.addEventListener("wheel", this.#wheel, { passive: false });
    canvas.addEventListener("keydown", this.#key);
  }

  stop() {
    this.#down.clear();
  }

  /** @param {PointerEvent | WheelEvent} event */
  #x(event) {
    return event.clientX - this.timeline.canvas.getBoundingClientRect().left;
  }

  /** @param {PointerEvent} event */
  #y(event) {
    return event.clientY - this.timeline.canvas.getBoundingClientRect().top;
  }

  /** @param {number} x */
  #at(x) {
    return toTime(this.timeline.view, this.timeline.width, x);
  }

  /** @param {PointerEvent} event @returns {Grip} */
  #gripOf(event) {
    const { range, view, width } = this.timeline;
    const x = this.#x(event);
    const slack = event.pointerType === "touch" ? 3 * GRASP : GRASP;
    if (range) {
      if (Math.abs(toX(view, width, range.from) - x) < slack) return "from";
      if (Math.abs(toX(view, width, range.to) - x) < slack) return "to";
    }
    if (event.shiftKey) return "range";
    if (event.pointerType === "touch") return "centre";
    return this.#y(event) < RULER ? "pan" : "scrub";
  }

  /** @param {PointerEvent} event */
  #press = (event) => {
    if (event.button !== 0) return;
    this.timeline.canvas.setPointerCapture(event.pointerId);
    const x = this.#x(event);
    this.#down.set(event.pointerId, { x, y: this.#y(event) });
    this.#view = this.timeline.view;
    if (this.#down.size === 2) {
      const [one, other] = [...this.#down.values()].map((finger) => finger.x);
      this.#apart = [one, other];
      this.#leaveAt(this.#grip);
      this.#grip = "pinch";
      return;
    }
    this.#grip = this.#gripOf(event);
    this.#begin = x;
    this.#moved = 0;
    this.#anchor = this.#at(x);
    if (this.#grip === "scrub") this.#scrub(x, true);
  };

  /** @param {PointerEvent} event */
  #move = (event) => {
    const x = this.#x(event);
    const finger = this.#down.get(event.pointerId);
    if (!finger) {
      if (event.pointerType !== "touch") {
        const ruler = this.#y(event) < RULER;
        this.timeline.canvas.style.cursor = this.#cursor(this.#gripOf(event));
        this.timeline.peek(ruler ? null : this.#at(x));
      }
      return;
    }
    finger.x = x;
    this.#moved = Math.max(this.#moved, Math.abs(x - this.#begin));
    const { timeline } = this;
    const perPixel = (this.#view.to - this.#view.from) / timeline.width;
    if (this.#grip === "pinch") {
      const [one, other] = [...this.#down.values()].map((finger) => finger.x);
      if (other === undefined) return;
      timeline.following = false;
      timeline.show(pinch(this.#view, timeline.width, this.#apart, [one, other]));
    } else if (this.#grip === "scrub") {
      this.#scrub(x, true);
    } else if (this.#grip === "pan" && this.#moved > 2) {
      timeline.following = false;
      timeline.show(pan(this.#view, (this.#begin - x) * perPixel));
    } else if (this.#grip === "centre" && this.#moved > 4) {
      timeline.show(pan(this.#view, (this.#begin - x) * perPixel));
      const middle = (timeline.view.from + timeline.view.to) / 2;
      timeline.playhead = middle;
      timeline.peek(middle);
      timeline.wishes.seek(middle, true);
    } else if (this.#grip === "range" && this.#moved > 2) {
      const now = this.#at(x);
      timeline.setRange({ from: Math.min(this.#anchor, now), to: Math.max(this.#anchor, now) });
    } else if ((this.#grip === "from" || this.#grip === "to") && timeline.range) {
      const { from, to } = timeline.range;
      const now = this.#at(x);
      timeline.setRange(this.#grip === "from" ? { from: Math.min(now, to - 1), to } : { from, to: Math.max(now, from + 1) });
      timeline.peek(now);
    }
  };

  /** @param {PointerEvent} event */
  #release = (event) => {
    const x = this.#x(event);
    if (!this.#down.delete(event.pointerId)) return;
    const { timeline } = this;
    const grip = this.#grip;
    if (this.#down.size > 0) {
      // One finger of two is up: what it did is done, the other one begins nothing.
      this.#grip = null;
      return;
    }
    this.#grip = null;
    if (event.type === "pointercancel") {
      this.#leaveAt(grip);
      return;
    }
    if (grip === "scrub") this.#scrub(x, false);
    else if (grip === "centre" || grip === "pan") {
      if (this.#moved <= 4) {
        timeline.setPlayhead(this.#at(x), grip === "centre");
        timeline.wishes.seek(timeline.playhead ?? this.#at(x), false);
      } else if (grip === "centre") timeline.wishes.seek((timeline.view.from + timeline.view.to) / 2, false);
    }
    if (event.pointerType === "touch" || grip === "from" || grip === "to") timeline.peek(null);
  };

  /** Another finger came, or the browser took this one: what was chosen so far is chosen. @param {Grip | null} grip */
  #leaveAt(grip) {
    const { timeline } = this;
    timeline.peek(null);
    const chose = grip === "scrub" || (grip === "centre" && this.#moved > 4);
    if (chose && timeline.playhead !== null) timeline.wishes.seek(timeline.playhead, false);
  }

  #leave = () => {
    if (this.#down.size === 0) this.timeline.peek(null);
  };

  /** @param {number} x @param {boolean} moving */
  #scrub(x, moving) {
    const at = this.#at(Math.max(0, Math.min(this.timeline.width, x)));
    this.timeline.playhead = at;
    this.timeline.peek(at);
    this.timeline.wishes.seek(at, moving);
  }

  /** @param {WheelEvent} event */
  #wheel = (event) => {
    event.preventDefault();
    const { timeline } = this;
    const span = timeline.view.to - timeline.view.from;
    const lines = event.deltaMode === 1 ? 16 : 1;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      timeline.panBy((((event.deltaX || event.deltaY) * lines) / timeline.width) * span);
      return;
    }
    const strength = event.ctrlKey ? 0.01 : 0.002;
    timeline.following = false;
    timeline.show(zoom(timeline.view, Math.exp(event.deltaY * lines * strength), this.#at(this.#x(event))));
    timeline.peek(this.#at(this.#x(event)));
  };

  /** Keys that mean the line only while it has the focus. @param {KeyboardEvent} event */
  #key = (event) => {
    const { timeline } = this;
    const span = timeline.view.to - timeline.view.from;
    const at = timeline.playhead ?? (timeline.view.from + timeline.view.to) / 2;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => this.#jump(at - span / 50), ArrowRight: () => this.#jump(at + span / 50),
      PageUp: () => this.#jump(at - span / 4), PageDown: () => this.#jump(at + span / 4),
      Home: () => this.#jump(timeline.view.from), End: () => this.#jump(timeline.view.to),
      ArrowUp: () => timeline.zoomBy(1 / 1.5), ArrowDown: () => timeline.zoomBy(1.5),
    };
    const act = event.ctrlKey || event.metaKey || event.altKey || event.shiftKey ? undefined : keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };

  /** @param {number} at */
  #jump(at) {
    const wall = Math.min(at, now());
    this.timeline.following = true;
    this.timeline.setPlayhead(wall);
    this.timeline.wishes.seek(wall, false);
  }

  /** @param {Grip} grip */
  #cursor(grip) {
    if (grip === "from" || grip === "to") return "ew-resize";
    return grip === "pan" ? "grab" : grip === "range" ? "crosshair" : "default";
  }
}

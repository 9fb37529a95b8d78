// Polygons over a camera's picture: drawn and moved by mouse, finger and keyboard.

import { h, s } from "../dom.js";
import { insertAt, part } from "./model.js";

/** @import { Point, Shape } from "./model.js" */

/** So much moves a corner with an arrow key; with shift ten times as much. */
const STEP = 0.005;

export class Drawing {
  /** @type {Shape[]} */
  shapes = [];
  chosen = -1;
  #svg = s("svg", { class: "zone-drawing", viewBox: "0 0 1000 1000", preserveAspectRatio: "none" });
  #handles = h("div", { class: "zone-handles" });
  element;

  /** @param {HTMLElement} picture @param {() => void} changed */
  constructor(picture, changed) {
    this.changed = changed;
    this.element = h("div", { class: "zone-field" }, picture, this.#svg, this.#handles);
    this.element.addEventListener("pointerdown", (event) => this.#press(event));
  }

  /** @param {PointerEvent} event @returns {Point} */
  #place(event) {
    const box = this.element.getBoundingClientRect();
    return [part((event.clientX - box.left) / box.width), part((event.clientY - box.top) / box.height)];
  }

  /** A press in the picture adds a corner to the chosen shape. @param {PointerEvent} event */
  #press(event) {
    const shape = this.shapes[this.chosen];
    if (event.button !== 0 || !shape || (event.target instanceof Element && event.target.closest(".zone-handle"))) return;
    event.preventDefault();
    const at = this.#place(event);
    shape.points.splice(insertAt(shape.points, at), 0, at);
    this.draw();
    this.changed();
  }

  draw() {
    this.#svg.replaceChildren(...this.shapes.map((shape, index) => s("polygon", {
      class: `zone-shape zone-${shape.kind}${index === this.chosen ? " zone-chosen" : ""}`,
      points: shape.points.map(([x, y]) => `${x * 1000},${y * 1000}`).join(" "), "vector-effect": "non-scaling-stroke",
    })));
    const shape = this.shapes[this.chosen];
    this.#handles.replaceChildren(...(shape?.points ?? []).map((_, index) => this.#handle(shape, index)));
  }

  /** @param {Shape} shape @param {number} index */
  #handle(shape, index) {
    const handle = h("button", { type: "button", class: "zone-handle", "aria-label": `Corner ${index + 1}; arrows move it, Delete takes it away` });
    const put = () => {
      const [x, y] = shape.points[index];
      handle.style.left = `${x * 100}%`;
      handle.style.top = `${y * 100}%`;
      const polygon = this.#svg.children[this.chosen];
      polygon?.setAttribute("points", shape.points.map(([px, py]) => `${px * 1000},${py * 1000}`).join(" "));
    };
    put();
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.focus();
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointermove", (event) => {
      if (!handle.hasPointerCapture(event.pointerId)) return;
      shape.points[index] = this.#place(event);
      put();
      this.changed();
    });
    handle.addEventListener("dblclick", () => this.#remove(shape, index));
    handle.addEventListener("keydown", (event) => {
      const by = event.shiftKey ? STEP * 10 : STEP;
      /** @type {Record<string, Point>} */
      const moves = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] };
      const move = moves[event.key];
      if (move) {
        const [x, y] = shape.points[index];
        shape.points[index] = [part(x + move[0]), part(y + move[1])];
        put();
        this.changed();
      } else if (event.key === "Delete" || event.key === "Backspace") this.#remove(shape, index);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    return handle;
  }

  /** @param {Shape} shape @param {number} index */
  #remove(shape, index) {
    shape.points.splice(index, 1);
    this.draw();
    const left = this.#handles.children[Math.min(index, shape.points.length - 1)];
    if (left instanceof HTMLElement) left.focus();
    this.changed();
  }
}

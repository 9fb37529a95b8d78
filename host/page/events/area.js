// A rectangle drawn on a camera's picture, in parts of it: "has anything moved here?"

import * as api from "../api.js";
import { dialog } from "../dialog.js";
import { h, s } from "../dom.js";

/** @typedef {{ x: number, y: number, width: number, height: number }} Area */

/** Smaller than this it is a slip of the hand. */
const LEAST = 0.01;

/**
 * Asks for a rectangle on a camera's picture.
 * @param {string} camera @param {number | null} at The moment of the picture; `null`: now.
 * @param {Area | null} before
 * @returns {Promise<Area | null | undefined>} `null`: none any more; `undefined`: as before.
 */
export function chooseArea(camera, at, before) {
  return new Promise((resolve) => {
    /** @type {Area | null} */
    let area = before;
    /** @type {Area | null | undefined} */
    let answer;
    const shape = s("rect", { class: "area-shape", "vector-effect": "non-scaling-stroke" });
    const drawing = s("svg", { class: "area-drawing", viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" }, shape);
    const picture = h("img", { alt: `Picture of ${camera}`, src: api.snapshot(camera, at, 960), draggable: "false" });
    const field = h("div", { class: "area-field" }, picture, drawing);
    const inputs = /** @type {const} */ (["x", "y", "width", "height"]).map((key) => {
      const input = h("input", { type: "number", min: 0, max: 100, step: 1, on: { input: () => typed() } });
      return { key, input, label: h("label", { class: "field field-small" }, { x: "Left %", y: "Top %", width: "Width %", height: "Height %" }[key], input) };
    });
    const show = () => {
      shape.toggleAttribute("hidden", area === null);
      for (const key of /** @type {const} */ (["x", "y", "width", "height"])) shape.setAttribute(key, String(area?.[key] ?? 0));
      for (const { key, input } of inputs) if (document.activeElement !== input) input.value = area ? String(Math.round(area[key] * 100)) : "";
      use.disabled = area === null;
    };
    const typed = () => {
      const values = inputs.map(({ input }) => Math.max(0, Math.min(1, Number(input.value || 0) / 100)));
      const [x, y] = values;
      const [width, height] = [Math.min(values[2], 1 - x), Math.min(values[3], 1 - y)];
      area = width >= LEAST && height >= LEAST ? { x, y, width, height } : null;
      show();
    };
    const use = h("button", { type: "button", class: "button button-main", on: { click: () => { answer = area; box.close(); } } }, "Search here");
    const none = h("button", { type: "button", class: "button", on: { click: () => { answer = null; box.close(); } } }, "Whole picture");
    drag(field, (found) => {
      area = found;
      show();
    });
    const box = dialog(`Where in the picture of ${camera}?`, [
      h("p", { class: "quiet" }, "Draw a rectangle. Events are found whose regions touch it."), field,
      h("div", { class: "fields" }, inputs.map(({ label }) => label)),
    ], [none, use], () => resolve(answer));
    box.classList.add("dialog-wide");
    show();
  });
}

/** @param {HTMLElement} field @param {(area: Area | null) => void} drawn */
function drag(field, drawn) {
  /** @type {{ x: number, y: number } | null} */
  let begin = null;
  const place = (/** @type {PointerEvent} */ event) => {
    const box = field.getBoundingClientRect();
    const within = (/** @type {number} */ value) => Math.max(0, Math.min(1, value));
    return { x: within((event.clientX - box.left) / box.width), y: within((event.clientY - box.top) / box.height) };
  };
  field.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    field.setPointerCapture(event.pointerId);
    begin = place(event);
  });
  field.addEventListener("pointermove", (event) => {
    if (!begin) return;
    const now = place(event);
    const [x, y] = [Math.min(begin.x, now.x), Math.min(begin.y, now.y)];
    const [width, height] = [Math.abs(begin.x - now.x), Math.abs(begin.y - now.y)];
    drawn(width < LEAST || height < LEAST ? null : { x, y, width, height });
  });
  for (const end of ["pointerup", "pointercancel"]) field.addEventListener(end, () => (begin = null));
}

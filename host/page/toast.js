// Short notes on what was done or failed, said to those who do not see them too.

import { h, iconButton } from "./dom.js";

const STAYS = 6000;

/** @type {HTMLElement | null} */
let box = null;

export function toasts() {
  box ??= h("div", { class: "toasts", role: "status", "aria-live": "polite", popover: "manual" });
  return box;
}

/**
 * @param {string} text
 * @param {{ kind?: "plain" | "danger", action?: { label: string, act: () => void }, key?: string }} [options]
 *   A note with a `key` takes the place of the one before it.
 */
export function toast(text, options = {}) {
  const place = toasts();
  if (options.key) place.querySelector(`[data-key="${options.key}"]`)?.remove();
  const note = h("div", { class: `toast${options.kind === "danger" ? " toast-danger" : ""}`, data: options.key ? { key: options.key } : {} },
    h("span", {}, text));
  if (options.action) {
    const { label, act } = options.action;
    note.append(h("button", { type: "button", class: "button button-quiet", on: { click: () => { note.remove(); act(); } } }, label));
  }
  note.append(iconButton("close", "Dismiss", () => note.remove()));
  while (place.childElementCount >= 3) place.firstElementChild?.remove();
  place.append(note);
  // Over what has come since, a dialog too.
  if (place.matches(":popover-open")) place.hidePopover();
  place.showPopover();
  if (options.kind !== "danger") setTimeout(() => note.remove(), STAYS);
}

/** @param {unknown} error @param {string} [what] */
export function complain(error, what) {
  const why = error instanceof Error ? error.message : String(error);
  toast(what ? `${what}: ${why}` : why, { kind: "danger", key: "complaint" });
}

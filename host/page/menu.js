// A short menu below a button.

import { h, icon } from "./dom.js";

/** @typedef {{ label: string, act?: () => void, chosen?: boolean, danger?: boolean }} Entry */

/**
 * Opens a menu; it closes with a choice, Escape, or a press elsewhere. Entries without `act` are text.
 * @param {HTMLElement} anchor
 * @param {Entry[]} entries
 */
export function menu(anchor, entries) {
  const choices = entries.some((entry) => entry.chosen !== undefined);
  const items = entries.map((entry) => entry.act === undefined
    ? h("p", { class: "menu-text", role: "presentation" }, entry.label)
    : h("button", {
        type: "button", class: `menu-item${entry.danger ? " danger" : ""}`, tabindex: "-1",
        role: choices ? "menuitemradio" : "menuitem",
        ...(choices ? { "aria-checked": String(entry.chosen === true) } : {}),
        on: { click: () => { close(); entry.act?.(); } },
      }, h("span", { class: "menu-mark" }, entry.chosen ? "✓" : ""), entry.label));
  const buttons = items.filter((item) => item instanceof HTMLButtonElement);
  const list = h("div", { class: "menu", role: "menu", "aria-label": anchor.getAttribute("aria-label") ?? (anchor.title || "Menu") }, items);
  const close = () => {
    list.remove();
    anchor.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
  };
  /** @param {Event} event */
  const outside = (event) => {
    if (event.target instanceof Node && !list.contains(event.target)) close();
  };
  list.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    if (event.key === "Escape" || event.key === "Tab") { close(); anchor.focus(); }
    else if (event.key === "ArrowDown") buttons[(at + 1) % buttons.length]?.focus();
    else if (event.key === "ArrowUp") buttons[(at - 1 + buttons.length) % buttons.length]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  document.body.append(list);
  const box = anchor.getBoundingClientRect();
  const { width, height } = list.getBoundingClientRect();
  const left = Math.max(8, Math.min(innerWidth - width - 8, box.right - width));
  const below = box.bottom + 4 + height < innerHeight - 8;
  list.style.left = `${left}px`;
  list.style.top = `${below ? box.bottom + 4 : Math.max(8, box.top - height - 4)}px`;
  anchor.setAttribute("aria-expanded", "true");
  document.addEventListener("pointerdown", outside, true);
  buttons[0]?.focus();
  return close;
}

/**
 * A button that says what is chosen, with a menu of all.
 * @template T
 * @param {string} name
 * @param {{ value: T, label: string }[]} options
 * @param {T} first
 * @param {(value: T) => void} choose
 */
export function chooser(name, options, first, choose) {
  let now = first;
  const label = h("span", { class: "tabular" });
  const button = h("button", { type: "button", class: "button button-quiet", "aria-haspopup": "menu", title: name }, h("span", { class: "unseen" }, `${name}: `), label, icon("down"));
  const show = () => {
    label.textContent = options.find((option) => option.value === now)?.label ?? "";
  };
  const set = (/** @type {T} */ value) => {
    now = value;
    show();
    choose(value);
  };
  button.addEventListener("click", () =>
    menu(button, options.map((option) => ({ label: option.label, chosen: option.value === now, act: () => set(option.value) }))));
  show();
  return { element: button, set };
}

// A window in the page, with the browser's own dialog: focus stays in it, Escape closes it.

import { h, iconButton } from "./dom.js";

/**
 * @param {string} title
 * @param {(HTMLElement | string)[]} body
 * @param {HTMLElement[]} [actions]
 * @param {() => void} [closed]
 */
export function dialog(title, body, actions = [], closed = () => {}) {
  const heading = h("h2", { id: `dialog-${Math.random().toString(36).slice(2)}` }, title);
  const element = h("dialog", { class: "dialog", "aria-labelledby": heading.id },
    h("div", { class: "dialog-head" }, heading, iconButton("close", "Close", () => element.close())),
    h("div", { class: "dialog-body" }, body),
    actions.length > 0 && h("div", { class: "dialog-actions" }, actions),
  );
  element.addEventListener("close", () => {
    element.remove();
    closed();
  });
  element.addEventListener("click", (event) => {
    if (event.target === element) element.close();
  });
  document.body.append(element);
  element.showModal();
  return element;
}

/**
 * Asks before something that cannot be taken back.
 * @param {string} title
 * @param {(HTMLElement | string)[]} body
 * @param {string} act
 * @param {{ danger?: boolean }} [options]
 * @returns {Promise<boolean>}
 */
export function confirm(title, body, act, options = {}) {
  return new Promise((resolve) => {
    let answer = false;
    const yes = h("button", {
      type: "button", class: options.danger ? "button button-danger" : "button button-main",
      on: { click: () => { answer = true; element.close(); } },
    }, act);
    const no = h("button", { type: "button", class: "button", on: { click: () => element.close() } }, "Cancel");
    const element = dialog(title, body, [no, yes], () => resolve(answer));
    no.focus();
  });
}

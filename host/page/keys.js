// Keyboard shortcuts: which there are now, what they do, and the sheet that shows them.

import { dialog } from "./dialog.js";
import { h } from "./dom.js";

/** @typedef {{ keys: string, says: string, act: () => void, repeats?: boolean }} Shortcut `keys`: names as in `KeyboardEvent.key`, or `Shift+` with one; several between spaces. */

/** @type {{ where: string, list: Shortcut[] }[]} */
const groups = [];

/**
 * Adds shortcuts; gives what takes them away again.
 * @param {string} where @param {Shortcut[]} list
 */
export function shortcuts(where, list) {
  const group = { where, list };
  groups.push(group);
  return () => {
    groups.splice(groups.indexOf(group), 1);
  };
}

/** @param {KeyboardEvent} event */
function name(event) {
  const key = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const shifted = event.shiftKey && (event.key.length > 1 || /[a-z]/i.test(event.key));
  return shifted ? `Shift+${key}` : key;
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof Element ? event.target : null;
  // Who writes, or chooses from a list, means the letter.
  if (target?.closest("input:not([type=range]):not([type=checkbox]), textarea, select, dialog, [role=menu]")) return;
  const pressed = name(event);
  // A button is pressed by the space bar, a slider moved by the arrows.
  if (pressed === "Space" && target?.closest("button, a, summary, input")) return;
  if (pressed.startsWith("Arrow") && target?.closest("input")) return;
  for (const { list } of [...groups].reverse()) {
    const found = list.find((shortcut) => shortcut.keys.split(" ").includes(pressed));
    if (!found) continue;
    event.preventDefault();
    if (!event.repeat || found.repeats) found.act();
    return;
  }
});

/** @type {Record<string, string>} */
const SHOWN = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", "Shift+ArrowLeft": "⇧ ←", "Shift+ArrowRight": "⇧ →", Escape: "Esc" };

export function shortcutSheet() {
  if (document.querySelector("dialog[open]")) return;
  const tables = groups.map(({ where, list }) => h("section", {},
    h("h3", {}, where),
    h("dl", { class: "keys" }, list.map(({ keys, says }) => h("div", {},
      h("dt", {}, keys.split(" ").map((key) => h("kbd", {}, SHOWN[key] ?? key.replace("Shift+", "⇧ ").toUpperCase().replace("SPACE", "Space")))),
      h("dd", {}, says)))),
  ));
  dialog("Keyboard", [h("div", { class: "key-groups" }, tables)]);
}

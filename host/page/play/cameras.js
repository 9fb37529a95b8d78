// Which cameras are on the stage: one, or several in step.

import { fill, h, keepFocus } from "../dom.js";
import { cameras } from "../state.js";

/** @import { PlayerView } from "../views/play.js" */
/** @import { Undo } from "../signal.js" */

/** More could not be played at once by most machines. */
const MOST = 9;
/** A press that lasts so long is a long one. */
const LONG = 500;

/**
 * A chip for each camera. They stay the same elements while there are the same cameras, so that none
 * goes from under a finger.
 * @param {PlayerView} player @param {Undo} undo
 */
export function cameraPicker(player, undo) {
  const element = h("div", { class: "chips", role: "group", "aria-label": "Cameras; with shift or a long press, several" });
  /** @type {ReturnType<typeof chip>[]} */
  let chips = [];
  let shown = "";
  const show = () => {
    const names = [...new Set([...(cameras.value ?? []).map((one) => one.name), ...player.cameras])];
    if (names.join("\n") !== shown) {
      shown = names.join("\n");
      chips = names.map((name) => chip(player, name, names.length > 1));
      keepFocus(element, () => fill(element, chips.map((one) => one.element)));
    }
    for (const one of chips) one.show();
  };
  undo.add(cameras.follow(show, { now: true }));
  return { element, show };
}

/** @param {PlayerView} player @param {string} name @param {boolean} several */
function chip(player, name, several) {
  const held = { timer: 0, long: false };
  const toggle = () => {
    const now = player.cameras;
    const next = now.includes(name) ? now.filter((one) => one !== name) : [...now, name].slice(0, MOST);
    if (next.length > 0) player.setCameras(next);
  };
  const only = () => {
    if (player.cameras.length > 1 || player.lead !== name) player.setCameras([name], { back: true });
  };
  const main = h("button", {
    type: "button", class: "chip-name",
    on: {
      click: (/** @type {MouseEvent} */ event) => {
        if (held.long) held.long = false;
        else if (event.shiftKey || event.ctrlKey || event.metaKey) toggle();
        else only();
      },
      pointerdown: () => {
        held.long = false;
        held.timer = setTimeout(() => {
          held.long = true;
          toggle();
        }, LONG);
      },
      pointerup: () => clearTimeout(held.timer),
      pointerleave: () => clearTimeout(held.timer),
      contextmenu: (/** @type {Event} */ event) => held.long && event.preventDefault(),
    },
  }, name);
  const add = several ? h("button", { type: "button", class: "chip-add", on: { click: toggle } }) : null;
  const element = h("span", { class: "chip" }, main, add);
  const show = () => {
    const on = player.cameras.includes(name);
    element.classList.toggle("chip-on", on);
    main.setAttribute("aria-pressed", String(on));
    if (!add) return;
    add.textContent = on ? "−" : "+";
    add.title = on ? "Take off the stage" : "Show too, in step";
    add.setAttribute("aria-label", on ? `Take ${name} off the stage` : `Show ${name} too, in step`);
  };
  return { element, show };
}

// Which cameras are on the stage: one, or several in step.

import { fill, h } from "../dom.js";
import { navigate } from "../route.js";
import { cameras } from "../state.js";

/** @import { PlayerView } from "../views/play.js" */
/** @import { Undo } from "../signal.js" */

/** More could not be played at once by most machines. */
const MOST = 9;

/** @param {PlayerView} player @param {Undo} undo */
export function cameraPicker(player, undo) {
  const box = h("div", { class: "chips", role: "group", "aria-label": "Cameras; with shift or a long press, several" });
  const toggle = (/** @type {string} */ name) => {
    const now = player.cameras;
    const next = now.includes(name) ? now.filter((one) => one !== name) : [...now, name].slice(0, MOST);
    if (next.length > 0) player.setCameras(next);
    show();
  };
  const only = (/** @type {string} */ name) => {
    if (player.cameras.length === 1 && player.cameras[0] === name) return;
    const at = player.wall ?? player.timeline.playhead;
    navigate({ view: "play", camera: name, ...(at === null ? {} : { query: { at: new Date(at).toISOString() } }) });
  };
  const chip = (/** @type {string} */ name, /** @type {boolean} */ several) => {
    const on = player.cameras.includes(name);
    const held = { timer: 0, long: false };
    return h("span", { class: `chip${on ? " chip-on" : ""}` },
      h("button", {
        type: "button", class: "chip-name", "aria-pressed": String(on),
        on: {
          click: (/** @type {MouseEvent} */ event) => {
            if (held.long) held.long = false;
            else if (event.shiftKey || event.ctrlKey || event.metaKey) toggle(name);
            else only(name);
          },
          pointerdown: () => {
            held.timer = setTimeout(() => {
              held.long = true;
              toggle(name);
            }, 500);
          },
          pointerup: () => clearTimeout(held.timer),
          pointerleave: () => clearTimeout(held.timer),
          contextmenu: (/** @type {Event} */ event) => held.long && event.preventDefault(),
        },
      }, name),
      several && h("button", {
        type: "button", class: "chip-add", "aria-label": on ? `Take ${name} off the stage` : `Show ${name} too, in step`, title: on ? "Take off the stage" : "Show too, in step",
        on: { click: () => toggle(name) },
      }, on ? "−" : "+"));
  };
  const show = () => {
    const names = (cameras.value ?? []).map((one) => one.name);
    for (const name of player.cameras) if (!names.includes(name)) names.push(name);
    fill(box, names.map((name) => chip(name, names.length > 1)));
  };
  undo.add(cameras.follow(show, { now: true }));
  return box;
}

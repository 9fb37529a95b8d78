// What stands where there is nothing to show yet, and what to do about it.

import { h, icon } from "../dom.js";
import { address } from "../route.js";

/** @import { Icon } from "../dom.js" */

/**
 * @param {Icon} picture @param {string} title @param {...(Node | string)} text
 */
export function empty(picture, title, ...text) {
  return h("div", { class: "empty" }, icon(picture), h("h2", {}, title), h("p", { class: "quiet" }, text));
}

export function noCamera() {
  const sample = `[cameras.gate]\nurl = "rtsp://camera.local/stream"\nmode = "both"\nkeep = "7d"`;
  return h("div", { class: "empty" }, icon("camera"),
    h("h2", {}, "No camera yet"),
    h("p", { class: "quiet" }, "Write one into the configuration, then run ", h("code", {}, "wardline reload"), ". It shows up here by itself."),
    h("pre", { class: "sample", tabindex: "0" }, sample));
}

/** Of a camera that is gone, or that one does not see. @param {string} name @param {string[]} known */
export function noSuchCamera(name, known) {
  return h("div", { class: "empty" }, icon("camera"),
    h("h2", {}, "There is no camera ", h("code", {}, name)),
    h("p", { class: "quiet" }, known.length > 0 ? "It is gone, or it is not yours to see. There are:" : "There is none at all."),
    h("div", { class: "empty-ways" }, known.map((one) => h("a", { class: "button", href: address({ view: "play", camera: one }) }, one))));
}

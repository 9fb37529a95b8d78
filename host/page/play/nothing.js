// What stands over the stage while there is nothing to show on it.

import { fill, h } from "../dom.js";
import { cameras } from "../state.js";
import { empty } from "../views/empty.js";

/** @import { Stage } from "../player/stage.js" */

/** Whether there are no recordings of a camera. @param {string} camera */
function isEmpty(camera) {
  const known = cameras.value?.find((one) => one.name === camera);
  return !known?.first && !known?.bytes;
}

export class Nothing {
  element = h("div", { class: "stage-nothing", hidden: true });

  /** @param {Stage} stage */
  constructor(stage) {
    this.stage = stage;
  }

  get isShown() {
    return !this.element.hidden;
  }

  /** Says why, where there are no recordings of any of some cameras: tells whether it does. @param {string[]} names */
  show(names) {
    const nothing = names.every(isEmpty);
    if (nothing) fill(this.element, empty("recordings", "Nothing recorded yet", reason(names[0])));
    this.#set(nothing);
    return nothing;
  }

  hide() {
    this.#set(false);
  }

  /** @param {boolean} shown */
  #set(shown) {
    this.element.hidden = !shown;
    this.stage.element.inert = shown;
  }
}

/** @param {string} camera */
function reason(camera) {
  const known = cameras.value?.find((one) => one.name === camera);
  if (known && !known.connected) return "The camera does not deliver.";
  return known?.mode === "events" ? "It records when a policy asks for it, or when you do." : "The first minutes are on their way.";
}

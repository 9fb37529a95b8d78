// One camera on the stage: its video, what lies over it, and why there is none.

import { fill, h, icon } from "../dom.js";
import { clock } from "../time.js";
import { Archive } from "./archive.js";
import { Reverse } from "./reverse.js";

export class Pane {
  #name;
  #time = h("span", { class: "pane-time tabular" });
  #message = h("div", { class: "pane-message", hidden: true });
  #spinner = h("div", { class: "spinner", hidden: true, role: "progressbar", "aria-label": "Loading" });
  #late = 0;
  /** Set by the stage where the others play and this one has nothing. */
  absent = false;
  /** Set by the stage where what is asked for is still to be recorded. */
  awaited = false;

  /**
   * @param {string} camera
   * @param {(camera: string) => string} zone
   * @param {{ picture: (wall: number) => void, state: () => void, ended: () => void, lead: () => void }} heard
   */
  constructor(camera, zone, heard) {
    this.camera = camera;
    this.zone = zone;
    this.#name = h("button", { type: "button", class: "pane-name", title: "Show this camera's time line", on: { click: heard.lead } }, camera);
    this.archive = new Archive(camera, {
      picture: (wall) => {
        this.showTime(wall);
        heard.picture(wall);
      },
      state: () => {
        this.update();
        heard.state();
      },
      ended: heard.ended,
    });
    this.reverse = new Reverse(camera);
    this.element = h("figure", { class: "pane" }, this.archive.video, this.reverse.image,
      h("figcaption", { class: "pane-bar" }, this.#name, this.#time), this.#message, this.#spinner);
  }

  /** @param {number} wall */
  showTime(wall) {
    this.#time.textContent = clock(wall, this.zone(this.camera), "millisecond").slice(0, -1);
    this.#time.dataset.wall = String(wall);
  }

  /** Says what is the matter, where something is. */
  update() {
    const { state, reason } = this.archive;
    const waiting = this.awaited || (!this.absent && this.archive.isWaiting);
    // What is there at once shows no wheel.
    clearTimeout(this.#late);
    if (waiting && this.#spinner.hidden) this.#late = setTimeout(() => (this.#spinner.hidden = false), 250);
    else if (!waiting) this.#spinner.hidden = true;
    const text = state === "failed" ? reason : !this.awaited && (this.absent || state === "nothing") ? "Nothing is recorded here" : "";
    this.element.classList.toggle("pane-empty", text !== "");
    this.#message.hidden = text === "";
    fill(this.#message, state === "failed" && icon("warning"), h("span", {}, text));
  }

  /** @param {boolean} leads @param {boolean} alone */
  mark(leads, alone) {
    this.element.classList.toggle("pane-lead", leads && !alone);
    this.#name.setAttribute("aria-pressed", String(leads));
  }

  stop() {
    clearTimeout(this.#late);
    this.archive.stop();
    this.reverse.stop();
    this.element.remove();
  }
}

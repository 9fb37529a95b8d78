// One camera, live: its picture, how old that is, whether it is recorded, and why it is missing.

import * as api from "../api.js";
import { fill, h, icon } from "../dom.js";
import { Undo } from "../signal.js";
import { dateTime } from "../time.js";
import { cameras, zoneOf } from "../state.js";
import { Sink } from "./sink.js";

/** @import { Taker } from "./stream.js" */

/** A stream that has ended is asked for again; the reason is shown when that lasts. */
const PATIENCE = 1500;
/** A playlist that could not be played is tried again after so long. */
const PLAIN_AGAIN = 5000;
/** Older than this, the delay is said to be too long. */
const OLD = 3000;

export class Tile {
  video = h("video", { muted: true, playsinline: true, autoplay: true, "disablepictureinpicture": true, tabindex: "-1" });
  #still = h("img", { class: "tile-still", alt: "" });
  #state = h("span", { class: "tile-state" });
  #delay = h("span", { class: "tile-delay tabular" });
  #message = h("div", { class: "pane-message", hidden: true });
  #spinner = h("div", { class: "spinner", hidden: true, role: "progressbar", "aria-label": "Connecting" });
  #undo = new Undo();
  #gone = "";
  #goneAt = 0;
  #playing = false;
  #plain = false;
  sink = new Sink(this.video);

  /** @param {string} camera @param {"figure" | "a"} kind */
  constructor(camera, kind) {
    this.camera = camera;
    this.video.muted = true;
    this.video.setAttribute("aria-label", `Live picture of ${camera}`);
    const name = h("span", { class: "tile-name" }, camera);
    const inner = [this.#still, this.video, this.#message, this.#spinner, h("div", { class: "pane-bar" }, name, this.#state, this.#delay)];
    this.element = kind === "a"
      ? h("a", { class: "tile pane", href: `#/live/${encodeURIComponent(camera)}` }, inner)
      : h("figure", { class: "tile pane tile-large" }, inner);
    this.sink.failed = (why) => this.#lost(why);
    this.video.addEventListener("playing", () => {
      this.#playing = true;
      this.#gone = "";
      this.#update();
    });
    this.#still.addEventListener("error", () => this.#still.removeAttribute("src"));
    // Where nothing has ever come there is no picture to ask for.
    const known = cameras.value?.find((one) => one.name === camera);
    if (known?.connected || known?.last) this.#still.src = api.snapshot(camera, null, 640);
    this.#undo.add(cameras.follow(() => this.#update()));
    this.#undo.every(() => this.#update(), 500);
    this.#update();
  }

  /** @returns {Taker} */
  get taker() {
    return {
      begin: (codecs, start) => this.sink.begin(codecs, start),
      clock: (start) => this.sink.clock(start),
      bytes: (bytes) => this.sink.append(bytes),
      gone: (why) => this.#lost(why),
    };
  }

  /** The video comes from a playlist, and some seconds late: for browsers without Media Source. */
  playPlain() {
    if (this.#plain) return;
    this.#plain = true;
    this.sink.stop();
    const load = () => (this.video.src = api.livePlaylist(this.camera));
    this.#undo.listen(this.video, "error", () => this.#lost("the stream can't be played"));
    this.#undo.every(() => this.video.error && load(), PLAIN_AGAIN);
    load();
  }

  /** @param {string} why */
  #lost(why) {
    if (this.#gone === "") this.#goneAt = performance.now();
    this.#gone = why;
    this.#playing = false;
    this.#update();
  }

  #update() {
    const known = cameras.value?.find((one) => one.name === this.camera);
    const away = known && !known.connected;
    const lasting = this.#gone !== "" && performance.now() - this.#goneAt > PATIENCE;
    const delay = this.sink.delay;
    const shown = away || lasting;
    this.#message.hidden = !shown;
    this.#spinner.hidden = Boolean(shown) || this.#playing;
    this.element.classList.toggle("tile-gone", Boolean(shown));
    if (shown) {
      const what = !known?.configured ? "Not configured any more" : away ? "Camera gone" : "No picture";
      const since = away && known?.since ? `since ${dateTime(Date.parse(known.since), zoneOf(this.camera))}` : "";
      fill(this.#message, icon("warning"), h("strong", {}, what), since && h("span", {}, since),
        h("span", { class: "tile-detail" }, known?.detail ?? (lasting && !away ? this.#gone : "")));
    }
    const recording = known?.recording && !known.stalled;
    const not = known?.stalled ? "not recorded" : known?.mode === "off" ? "recording off" : "";
    fill(this.#state, recording ? [h("span", { class: "dot dot-rec" }), "REC"] : not);
    this.#delay.textContent = delay === null || shown ? "" : `${(Math.max(0, delay) / 1000).toFixed(1)} s`;
    this.#delay.classList.toggle("late", delay !== null && delay > OLD);
    this.#delay.title = "How old the picture is";
    if (delay !== null) this.element.dataset.delay = String(Math.round(delay));
    else delete this.element.dataset.delay;
    const { wall } = this.sink;
    if (wall !== null) this.element.dataset.wall = String(wall);
  }

  stop() {
    this.#undo.run();
    this.sink.stop();
    this.element.remove();
  }
}

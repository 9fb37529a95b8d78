// A range of time, and what can be done with it: export, pin, delete.

import * as api from "../api.js";
import { confirm } from "../dialog.js";
import { fill, h, icon, iconButton } from "../dom.js";
import { exportDialog } from "./exports.js";
import { may, zoneOf } from "../state.js";
import { bytes } from "../units.js";
import { dateTime, fromInput, length, offsetName, offsetNote, SECOND, toInput } from "../time.js";
import { complain, toast } from "../toast.js";

/** @import { PlayerView } from "../views/play.js" */
/** @import { Stretch } from "../timeline/scale.js" */

/** What a range is when only one end is marked. */
const FIRST = 30 * SECOND;

export class RangeBar {
  #text = h("div", { class: "range-text tabular" });
  /** @type {Stretch | null} */
  #range = null;
  #pins = h("div", { class: "range-pins" });
  #shownPins = "";
  #count = h("span", { class: "quiet tabular" });
  #offset = h("span", { class: "quiet tabular" });
  buttons;
  element;

  /** @param {PlayerView} player */
  constructor(player) {
    this.player = player;
    this.buttons = h("div", { class: "range-buttons", role: "group", "aria-label": "Mark a range" },
      h("button", { type: "button", class: "button button-quiet", title: "A range begins here (I)", on: { click: () => this.mark("from") } }, "Mark start"),
      h("button", { type: "button", class: "button button-quiet", title: "A range ends here (O)", on: { click: () => this.mark("to") } }, "Mark end"),
      may("operator") && h("button", { type: "button", class: "button button-quiet", on: { click: () => exportDialog() } }, icon("download"), "Exports"));
    this.element = h("section", { class: "range-bar", "aria-label": "Marked range", hidden: true },
      this.#text,
      h("div", { class: "range-actions" },
        may("operator") && h("button", { type: "button", class: "button button-main", on: { click: () => this.export() } }, icon("download"), "Export"),
        may("operator") && h("button", { type: "button", class: "button", on: { click: () => void this.pin() } }, icon("pin"), "Pin"),
        may("admin") && h("button", { type: "button", class: "button button-danger-quiet", on: { click: () => void this.remove() } }, icon("trash"), "Delete"),
        iconButton("close", "No range", () => player.timeline.setRange(null))),
      this.#pins);
  }

  /** One end of the range is where the playhead is. @param {"from" | "to"} end */
  mark(end) {
    const at = this.player.wall ?? this.player.timeline.playhead;
    if (at === null) return;
    const now = this.player.timeline.range;
    const range = end === "from"
      ? { from: at, to: now && now.to > at ? now.to : at + FIRST }
      : { from: now && now.from < at ? now.from : at - FIRST, to: at };
    this.player.timeline.setRange(range);
  }

  /** @param {Stretch | null} range */
  show(range) {
    this.#range = range;
    this.element.hidden = range === null;
    if (!range) return;
    const zone = zoneOf(this.player.lead);
    const field = (/** @type {"from" | "to"} */ end, /** @type {string} */ label) => {
      const input = h("input", { type: "datetime-local", step: 1, value: toInput(range[end], zone), "aria-label": label });
      input.addEventListener("change", () => {
        const at = fromInput(input.value, zone, this.#range?.[end]);
        if (at === null || !this.#range) return;
        const next = { ...this.#range, [end]: at };
        if (next.from < next.to) this.player.timeline.setRange(next);
        else input.value = toInput(this.#range[end], zone);
      });
      return input;
    };
    const has = this.#text.firstElementChild !== null && this.#text.contains(document.activeElement);
    if (!has) fill(this.#text, field("from", "The range begins"), h("span", { "aria-hidden": "true" }, "–"), field("to", "The range ends"), this.#offset, this.#count);
    // Two where the range lies over a change of the clocks.
    this.#offset.textContent = [...new Set([offsetName(range.from, zone), offsetName(range.to, zone)])].join(" – ");
    this.#count.textContent = length(range.to - range.from);
    this.#showPins(range);
  }

  /** In another time zone. */
  redraw() {
    this.#text.replaceChildren();
    this.show(this.#range);
  }

  /** The time line has more: a pin, perhaps. */
  refresh() {
    if (this.#range) this.#showPins(this.#range);
  }

  /** @param {Stretch} range */
  #showPins(range) {
    const pins = (this.player.timeline.line?.pins ?? []).filter((pin) => pin.start < range.to && pin.end > range.from);
    const zone = zoneOf(this.player.lead);
    const key = JSON.stringify([pins, zone]);
    if (key === this.#shownPins) return;
    this.#shownPins = key;
    fill(this.#pins, pins.map((pin) => h("span", { class: "pin" }, icon("pin"),
      `${pin.label || "Pinned"}, ${dateTime(pin.start, zone)}, ${length(pin.end - pin.start)}`,
      may("operator") && h("button", { type: "button", class: "button button-quiet", on: { click: () => void this.#unpin(pin.id) } }, "Unpin"))));
  }

  export() {
    if (!this.#range || !may("operator")) {
      if (!this.#range) toast("Mark a range first: I where it begins, O where it ends.", { key: "range" });
      return;
    }
    exportDialog({ cameras: this.player.cameras, range: this.#range });
  }

  async pin() {
    const range = this.#range;
    if (!range) return;
    const input = h("input", { type: "text", maxlength: 256, autocomplete: "off" });
    const wished = await confirm("Pin this range", [
      h("p", { class: "quiet" }, `${length(range.to - range.from)} of ${this.player.cameras.join(", ")} are kept until they are unpinned.`),
      h("label", { class: "field" }, "What for", input),
    ], "Pin");
    if (!wished) return;
    try {
      for (const camera of this.player.cameras) await api.pin(camera, range.from, range.to, input.value);
      toast("Pinned: it is kept until you unpin it.");
      this.player.timeline.refresh();
    } catch (error) {
      complain(error, "Pin");
    }
  }

  /** @param {string} id */
  async #unpin(id) {
    try {
      await api.unpin(id);
      toast("Unpinned.");
      this.player.timeline.refresh();
    } catch (error) {
      complain(error, "Unpin");
    }
  }

  async remove() {
    const range = this.#range;
    const camera = this.player.lead;
    if (!range) return;
    try {
      const look = await api.remove(camera, range.from, range.to, true);
      if (look.segments === 0) {
        toast("Nothing to delete: no file lies wholly within the range, or all of them are pinned.");
        return;
      }
      const zone = zoneOf(camera);
      const sure = await confirm("Delete recordings", [
        h("p", {}, `Of ${camera}, from ${dateTime(range.from, zone)}${offsetNote(range.from, zone)} for ${length(range.to - range.from)}:`),
        h("p", {}, summary(look)),
        h("p", { class: "quiet" }, "A file that reaches beyond the range stays, and so does what is pinned. This cannot be undone."),
      ], "Delete", { danger: true });
      if (!sure) return;
      const done = await api.remove(camera, range.from, range.to, false);
      toast(`Deleted: ${summary(done)}`);
      this.player.timeline.setRange(null);
      this.player.timeline.refresh();
    } catch (error) {
      complain(error, "Delete");
    }
  }
}

/** What is gone, or would be, in words. @param {{ segments: number, bytes: number, remained?: any[] }} deletion */
function summary(deletion) {
  const { segments, remained = [] } = deletion;
  const rest = remained.length > 0 ? `; ${remained.length === 1 ? "one stretch stays" : `${remained.length} stretches stay`}, because something else keeps them` : "";
  return `${segments} ${segments === 1 ? "file" : "files"}, ${bytes(deletion.bytes)}${rest}`;
}

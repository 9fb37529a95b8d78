// What was seen in the stretch around the playhead, as a list beside the stage.

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { eventRow, seenByOthers } from "../events/row.js";
import { address } from "../route.js";
import { zoneOf } from "../state.js";
import { add, date, floor } from "../time.js";

/** @import { PlayerView } from "../views/play.js" */
/** @import { EventItem } from "../types.js" */

const MOST = 500;
const PAUSE = 400;

export class DayEvents {
  #list = h("ol", { class: "event-rows" });
  #title = h("h2", {});
  #kinds = h("div", { class: "chips chips-small", role: "group", "aria-label": "Kinds of events" });
  element;
  /** @type {EventItem[]} */
  #items = [];
  #key = "";
  #timer = 0;
  #stopped = false;

  /** @param {PlayerView} player */
  constructor(player) {
    this.player = player;
    this.element = h("aside", { class: "side", "aria-label": "Events of the day" },
      h("div", { class: "side-head" }, this.#title, h("a", { class: "link", href: address({ view: "events" }) }, "All events")), this.#kinds, this.#list);
  }

  /** The time line has more, or another camera leads. @param {boolean} [anew] */
  changed(anew = false) {
    if (anew) this.#key = "";
    // Not put off again by what comes meanwhile: while it plays, that is every picture.
    if (this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      void this.#load();
    }, PAUSE);
  }

  /** @param {number} wall */
  at(wall) {
    const { lead } = this.player;
    const day = floor(wall, "day", zoneOf(lead));
    if (`${lead} ${day}` !== this.#key.split("|")[0]) this.changed();
    this.#mark(wall);
  }

  async #load() {
    const { lead, timeline } = this.player;
    if (this.#stopped) return;
    const zone = zoneOf(lead);
    const wall = this.player.wall ?? timeline.playhead ?? Date.now();
    const day = floor(wall, "day", zone);
    const today = day === floor(Date.now(), "day", zone);
    const key = `${lead} ${day}|${today ? Math.floor(Date.now() / 10_000) : ""}`;
    if (key === this.#key) return;
    this.#key = key;
    try {
      const found = await api.events({ camera: lead, from: api.time(day), to: api.time(add(day, "day", 1, zone)), order: "desc", limit: MOST });
      if (this.#key !== key || this.#stopped) return;
      const events = found.events.filter(seenByOthers);
      const same = JSON.stringify(events) === JSON.stringify(this.#items);
      this.#items = events;
      this.#title.textContent = `Events, ${date(day, zone)}`;
      if (!same || this.#list.childElementCount === 0) this.#show();
    } catch (error) {
      if (this.#key === key) fill(this.#list, h("li", { class: "quiet pad" }, `The events can't be shown: ${error instanceof Error ? error.message : error}`));
    }
  }

  #show() {
    const { timeline } = this.player;
    const kinds = [...new Set(this.#items.map((item) => item.kind))].sort();
    fill(this.#kinds, kinds.length > 1 && kinds.map((kind) => h("button", {
      type: "button", class: `chip chip-name${timeline.chosen === kind ? " chip-on" : ""}`, "aria-pressed": String(timeline.chosen === kind),
      on: { click: () => {
        timeline.chosen = timeline.chosen === kind ? null : kind;
        timeline.redraw();
        this.#show();
      } },
    }, kind)));
    const items = this.#items.filter((item) => !timeline.chosen || item.kind === timeline.chosen);
    fill(this.#list, items.length === 0
      ? h("li", { class: "quiet pad" }, "Nothing was seen on this day.")
      : items.map((item) => h("li", {}, eventRow(item, () => this.player.goTo({ start: Date.parse(item.start) })))));
    this.#mark(this.player.wall ?? 0);
  }

  /** The event that is on the stage stands out. @param {number} wall */
  #mark(wall) {
    const here = this.#items.find((item) => {
      const start = Date.parse(item.start);
      return wall >= start - 2500 && wall <= Math.max(start + 1000, item.end ? Date.parse(item.end) : start);
    });
    for (const row of this.#list.querySelectorAll(".event-row")) {
      const on = here !== undefined && row instanceof HTMLElement && row.dataset.sequence === String(here.sequence);
      if (on) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }
}

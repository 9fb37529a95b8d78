// What was seen in the stretch around the playhead, as a list beside the stage.

import * as api from "../api.js";
import { fill, h, keepFocus } from "../dom.js";
import { eventRow } from "../events/row.js";
import { now } from "../now.js";
import { address } from "../route.js";
import { zoneOf } from "../state.js";
import { Still } from "../still.js";
import { add, date, floor } from "../time.js";
import { complain } from "../toast.js";
import { seen } from "./seen.js";

/** @import { PlayerView } from "../views/play.js" */
/** @import { Query } from "../api.js" */
/** @import { EventItem } from "../types.js" */

/** So many at a time. */
const MOST = 200;
const PAUSE = 400;

export class DayEvents {
  #list = h("ol", { class: "event-rows" });
  #title = h("h2", {});
  #kinds = h("div", { class: "chips chips-small", role: "group", "aria-label": "Kinds of events" });
  element;
  /** @type {EventItem[]} */
  #items = [];
  /** Where those begin that are earlier than `#items`. @type {string | null} */
  #next = null;
  /** Kinds that were seen on the day. @type {Set<string>} */
  #kindsSeen = new Set();
  /** The camera, the day and the kind that the list is of. */
  #of = "";
  #key = "";
  /** @type {Query} */
  #query = {};
  #timer = 0;
  #still;
  #stopped = false;

  /** @param {PlayerView} player */
  constructor(player) {
    this.player = player;
    this.element = h("aside", { class: "side", "aria-label": "Events of the day" },
      h("div", { class: "side-head" }, this.#title, h("a", { class: "link", href: address({ view: "events" }) }, "All events")), this.#kinds, this.#list);
    this.#still = new Still(this.element);
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
    const wall = this.player.wall ?? timeline.playhead ?? now();
    const day = floor(wall, "day", zone);
    const today = day === floor(now(), "day", zone);
    const key = `${lead} ${day}|${timeline.chosen ?? ""}|${today ? Math.floor(now() / 10_000) : ""}`;
    if (key === this.#key) return;
    this.#key = key;
    try {
      const query = { camera: lead, from: api.time(day), to: api.time(add(day, "day", 1, zone)), kind: timeline.chosen, order: "desc" };
      const found = await seen(query, MOST);
      if (this.#key !== key || this.#stopped) return;
      this.#query = query;
      this.#title.textContent = `Events, ${date(day, zone)}`;
      this.#take(`${lead} ${day} ${zone}`, found);
    } catch (error) {
      if (this.#key === key) fill(this.#list, h("li", { class: "quiet pad" }, `The events can't be shown: ${error instanceof Error ? error.message : error}`));
    }
  }

  /** The newest of a day; earlier ones that are there already stay. @param {string} day @param {{ events: EventItem[], next: string | null }} found */
  #take(day, found) {
    const of = `${day} ${this.player.timeline.chosen ?? ""}`;
    if (!this.#of.startsWith(`${day} `)) this.#kindsSeen.clear();
    for (const { kind } of found.events) this.#kindsSeen.add(kind);
    const last = found.events.at(-1);
    const at = of === this.#of && last ? this.#items.findIndex((item) => item.sequence === last.sequence) : -1;
    const earlier = at < 0 ? [] : this.#items.slice(at + 1);
    const items = [...found.events, ...earlier];
    const same = of === this.#of && JSON.stringify(items) === JSON.stringify(this.#items);
    if (earlier.length === 0) this.#next = found.next;
    this.#of = of;
    this.#items = items;
    if (!same || this.#list.childElementCount === 0) this.#still.change(() => this.#show());
  }

  async #earlier() {
    const of = this.#of;
    try {
      const found = await seen(this.#query, MOST, this.#next);
      if (this.#of !== of || this.#stopped) return;
      this.#next = found.next;
      const [first] = found.events;
      this.#items.push(...found.events);
      for (const { kind } of found.events) this.#kindsSeen.add(kind);
      this.#show();
      const row = first && this.#list.querySelector(`[data-sequence="${first.sequence}"]`);
      if (row instanceof HTMLElement) row.focus({ preventScroll: true });
    } catch (error) {
      complain(error, "Events");
    }
  }

  #show() {
    const { timeline } = this.player;
    const kinds = [...this.#kindsSeen].sort();
    keepFocus(this.#kinds, () => fill(this.#kinds, kinds.length > 1 && kinds.map((kind) => h("button", {
      type: "button", class: `chip chip-name${timeline.chosen === kind ? " chip-on" : ""}`, "aria-pressed": String(timeline.chosen === kind),
      on: { click: () => {
        timeline.chosen = timeline.chosen === kind ? null : kind;
        timeline.redraw();
        this.#show();
        this.changed(true);
      } },
    }, kind))));
    const items = this.#items.filter((item) => !timeline.chosen || item.kind === timeline.chosen);
    keepFocus(this.#list, () => fill(this.#list,
      items.length === 0 && this.#next === null && h("li", { class: "quiet pad" }, "Nothing was seen on this day."),
      items.map((item) => h("li", {}, eventRow(item, () => void this.player.goTo(Date.parse(item.start))))),
      this.#next !== null && h("li", { class: "pad" }, h("button", { type: "button", class: "button", on: { click: () => void this.#earlier() } }, "Earlier events"))));
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

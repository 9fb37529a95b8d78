// Everything that was seen, with pictures: by camera, kind, zone, confidence and place in the picture.

import * as api from "../api.js";
import { fill, h, icon } from "../dom.js";
import { chooseArea } from "../events/area.js";
import { EventDays } from "../events/days.js";
import { EventFeed, put } from "../events/feed.js";
import { filterBar } from "../events/filters.js";
import { seenByOthers } from "../events/row.js";
import { now } from "../now.js";
import { navigate, route } from "../route.js";
import { Undo } from "../signal.js";
import { cameras, zoneChoice, zoneOf } from "../state.js";
import { add, date, floor, fromInput } from "../time.js";
import { empty } from "./empty.js";

/** @import { Filters } from "../events/filters.js" */
/** @import { EventItem } from "../types.js" */

const PAGE = 100;
/** With more, the list begins anew. */
const LISTED_MAX = 2000;
/** With fewer on the screen more are asked for at once. */
const FEW = 12;

/** @param {HTMLElement} root */
export function eventsView(root) {
  const undo = new Undo();
  const view = new Events(root, undo);
  undo.add(() => view.stop());
  return undo;
}

class Events {
  #days = new EventDays((item) => navigate({ view: "play", camera: item.camera, query: { at: api.time(Date.parse(item.start) - 2000) } }));
  #more = h("button", { type: "button", class: "button", hidden: true, on: { click: () => void this.#load(true) } }, "Show more");
  #note = h("p", { class: "quiet pad", role: "status" });
  #running = new AbortController();
  /** @type {EventItem[]} */
  #items = [];
  /** Heard while the list is on its way. @type {EventItem[] | null} */
  #fresh = null;
  /** @type {string | null} */
  #next = null;
  /** @type {Filters} */
  #filters;
  #feed;
  #bar;

  /** @param {HTMLElement} root @param {Undo} undo */
  constructor(root, undo) {
    const query = route.value.query ?? {};
    this.#filters = {
      camera: query.camera ?? "", kind: query.kind ?? "", zone: query.zone ?? "", confidence: Number(query.confidence ?? 0),
      area: area(query.area), day: query.day ?? "", host: query.host === "true",
    };
    this.#bar = filterBar(this.#filters, {
      changed: (filters) => this.#changed(filters),
      chooseArea: () => void this.#chooseArea(),
    });
    fill(root, h("div", { class: "page" },
      h("div", { class: "page-head" }, h("h1", {}, "Events")),
      this.#bar.element, this.#note, this.#days.element, h("div", { class: "pad" }, this.#more)));
    this.#feed = new EventFeed({}, { heard: (item) => this.#heard(item), known: (id) => this.#known(id) });
    // The day that is looked for is another stretch of time then.
    undo.add(zoneChoice.follow(() => (this.#filters.day ? void this.#load(false) : this.#show())));
    void this.#load(false);
  }

  /** @param {Filters} filters */
  #changed(filters) {
    this.#filters = filters;
    const { area: place, ...rest } = filters;
    /** @type {Record<string, string>} */
    const query = {};
    for (const [key, value] of Object.entries({ ...rest, area: place ? [place.x, place.y, place.width, place.height].map((part) => part.toFixed(3)).join(",") : "" })) {
      if (value) query[key] = String(value);
    }
    history.replaceState(null, "", `#/events?${new URLSearchParams(query)}`);
    void this.#load(false);
  }

  async #chooseArea() {
    const camera = this.#filters.camera || cameras.value?.[0]?.name;
    if (!camera) return;
    const found = await chooseArea(camera, null, this.#filters.area);
    if (found === undefined) return;
    this.#filters = { ...this.#filters, camera, area: found };
    this.#bar.set(this.#filters);
    this.#changed(this.#filters);
  }

  #query() {
    const { camera, kind, zone, confidence, area: place, day } = this.#filters;
    const named = zoneOf(camera || null);
    const start = day ? dayStart(day, named) : null;
    return {
      camera, kind, zone, confidence: confidence || null,
      area: place ? [place.x, place.y, place.width, place.height].map((part) => part.toFixed(4)).join(",") : null,
      from: start ? api.time(start.from) : null, to: start ? api.time(start.to) : null,
    };
  }

  /** @param {boolean} more */
  async #load(more) {
    this.#running.abort();
    const running = new AbortController();
    this.#running = running;
    if (!more) {
      this.#next = null;
      this.#fresh = [];
      this.#days.element.setAttribute("aria-busy", "true");
    }
    try {
      const found = await api.events({ ...this.#query(), order: "desc", limit: PAGE, cursor: more ? this.#next : null }, running.signal);
      this.#next = found.next;
      this.#items = more ? [...this.#items, ...found.events.filter((one) => !this.#known(one.id))] : found.events;
      for (const item of this.#fresh ?? []) this.#add(item);
      this.#fresh = null;
      this.#bar.learn(this.#items);
      fill(this.#note);
      this.#show();
      if (this.#next !== null && this.#shown().length < FEW) void this.#load(true);
    } catch (error) {
      if (running.signal.aborted) return;
      this.#fresh = null;
      fill(this.#note, icon("warning"), ` The events can't be shown: ${error instanceof Error ? error.message : error}`);
    } finally {
      if (this.#running === running) this.#days.element.removeAttribute("aria-busy");
    }
  }

  /** @param {string} id */
  #known(id) {
    return this.#items.find((one) => one.id === id);
  }

  /** Something has just been seen. @param {EventItem} item */
  #heard(item) {
    const before = this.#known(item.id);
    if (this.#fits(item)) this.#fresh?.push(item);
    else if (!before) return;
    this.#add(item);
    this.#bar.learn([item]);
    if (before) this.#days.renew(before, item);
    else if (this.#items.length > LISTED_MAX) void this.#load(false);
    else if (this.#shown().includes(item)) this.#days.put(this.#shown(), item);
  }

  /** @param {EventItem} item */
  #add(item) {
    // What began before all that is listed comes with the rest.
    const last = this.#items.at(-1);
    const later = this.#next !== null && last && Date.parse(item.start) < Date.parse(last.start);
    if (!later) this.#items = put(this.#items, item);
  }

  /** What the stream says is filtered here. @param {EventItem} item */
  #fits(item) {
    const { camera, kind, zone, confidence, area: place, day } = this.#filters;
    if ((camera && item.camera !== camera) || (kind && item.kind !== kind) || item.confidence < confidence) return false;
    // The day that is looked at may be over.
    if ((zone && !item.zones?.includes(zone)) || (day && date(Date.parse(item.start), zoneOf(camera)) !== date(dayStart(day, zoneOf(camera)).from, zoneOf(camera)))) return false;
    return !place || (item.regions ?? []).some(({ area }) => area.x < place.x + place.width && area.x + area.width > place.x && area.y < place.y + place.height && area.y + area.height > place.y);
  }

  /** What the host says of itself is shown when it is asked for. */
  #shown() {
    return this.#filters.host ? this.#items : this.#items.filter(seenByOthers);
  }

  #show() {
    this.#more.hidden = this.#next === null;
    const filtered = Object.values(this.#filters).some(Boolean);
    this.#days.show(this.#shown(), () => filtered
      ? empty("search", "Nothing found", "No event fits all of these filters.")
      : empty("events", "Nothing seen yet", "Events show up here as they happen."));
  }

  stop() {
    this.#running.abort();
    this.#feed.stop();
  }
}

/** @param {string} day `2026-11-28`. @param {string} zone */
function dayStart(day, zone) {
  const from = fromInput(day, zone) ?? floor(now(), "day", zone);
  return { from, to: add(from, "day", 1, zone) };
}

/** @param {string | undefined} text */
function area(text) {
  const [x, y, width, height] = (text ?? "").split(",").map(Number);
  return [x, y, width, height].every(Number.isFinite) && width > 0 && height > 0 ? { x, y, width, height } : null;
}

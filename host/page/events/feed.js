// Events as they happen, from the host's stream, folded into one item each.

import * as api from "../api.js";

/** @import { EventItem, Notice } from "../types.js" */

/** The browser tries again by itself, but for refusals: then so long after. */
const AGAIN = 5000;
/** Open events that are remembered until they end. */
const OPEN_MAX = 200;
/** Events that are looked through for one that began unheard; and how many are sought at a time. */
const LOOKED = 200;
const SOUGHT_MAX = 20;

/** As the host reads them. @param {Notice} notice */
const zones = (notice) => (notice.attributes ?? []).filter(({ key }) => key === "zone").flatMap(({ value }) => String(value.text ?? "").split(",")).filter(Boolean);

/**
 * An event's place in a list: that of what was known of it, or where it began; the newest first.
 * @param {EventItem[]} items @param {EventItem} item
 */
export function put(items, item) {
  const at = items.findIndex((one) => one.id === item.id);
  if (at >= 0) return items.with(at, item);
  const older = items.findIndex((one) => Date.parse(one.start) <= Date.parse(item.start));
  return items.toSpliced(older < 0 ? items.length : older, 0, item);
}

/**
 * @typedef {object} Ears
 * @property {(item: EventItem) => void} heard
 * @property {(id: string) => EventItem | undefined} known What else of an event is known.
 */

export class EventFeed {
  /** @type {EventSource | null} */
  #source = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #last = "";
  /** `null`: the host knows of no beginning, or none that is near. @type {Map<string, EventItem | null>} */
  #open = new Map();
  /** What is said last of events whose beginning is asked for. @type {Map<string, Notice>} */
  #sought = new Map();
  #stopped = false;

  /** @param {Record<string, any>} query @param {Ears} ears */
  constructor(query, ears) {
    this.query = query;
    this.ears = ears;
    this.#connect();
  }

  #connect() {
    // A new source sends no header of its own that says what was heard last.
    const source = new EventSource(api.eventStream({ ...this.query, "last-event-id": this.#last }));
    this.#source = source;
    source.addEventListener("notice", (event) => {
      this.#last = event.lastEventId;
      this.#notice(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED || this.#stopped) return;
      this.#timer = setTimeout(() => this.#connect(), AGAIN);
    });
  }

  /** @param {Notice} notice */
  #notice(notice) {
    const { id, phase } = notice;
    if (this.#sought.has(id)) return void this.#sought.set(id, notice);
    const before = this.#open.get(id) ?? this.ears.known(id);
    if (before || phase === "begin" || phase === "instant") return this.#fold(before, notice);
    // With more at a time, they are shown when a view asks for them.
    if (this.#open.has(id) || this.#sought.size >= SOUGHT_MAX) return;
    this.#sought.set(id, notice);
    void this.#seek(notice);
  }

  /** An event that began before anybody listened. @param {Notice} notice */
  async #seek({ id, camera, kind, time }) {
    const to = api.time(Date.parse(time) + 1);
    const found = await api.events({ camera, kind, to, order: "desc", limit: LOOKED }).catch(() => null);
    const notice = this.#sought.get(id);
    this.#sought.delete(id);
    if (this.#stopped || !notice) return;
    const before = found?.events.find((one) => one.id === id);
    if (before) this.#fold(before, notice);
    else if (found && notice.phase === "update") this.#remember(id, null);
  }

  /** @param {EventItem | undefined} before @param {Notice} notice */
  #fold(before, notice) {
    const instant = notice.phase === "instant";
    const over = notice.phase === "end" || instant;
    const stronger = !before?.regions?.length || notice.confidence > before.confidence;
    /** @type {EventItem} */
    const item = {
      ...before,
      sequence: before?.sequence ?? notice.sequence,
      id: notice.id, kind: notice.kind, camera: notice.camera, origin: notice.origin,
      start: before?.start ?? notice.time,
      end: instant || !over ? null : notice.time, open: !over,
      confidence: Math.max(before?.confidence ?? 0, notice.confidence),
      regions: stronger ? notice.regions : before.regions,
      zones: [...new Set([...(before?.zones ?? []), ...zones(notice)])],
    };
    if (over) this.#open.delete(notice.id);
    else this.#remember(notice.id, item);
    this.ears.heard(item);
  }

  /** @param {string} id @param {EventItem | null} item */
  #remember(id, item) {
    this.#open.delete(id);
    this.#open.set(id, item);
    if (this.#open.size > OPEN_MAX) this.#open.delete(/** @type {string} */ (this.#open.keys().next().value));
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#source?.close();
  }
}

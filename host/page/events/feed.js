// Events as they happen, from the host's stream, folded into one item each.

import * as api from "../api.js";

/** @import { EventItem, Notice } from "../types.js" */

/** The browser tries again by itself, but for refusals: then so long after. */
const AGAIN = 5000;
/** Open events that are remembered until they end. */
const OPEN_MAX = 200;

export class EventFeed {
  /** @type {EventSource | null} */
  #source = null;
  #timer = 0;
  /** @type {Map<string, EventItem>} */
  #open = new Map();
  #stopped = false;

  /** @param {Record<string, any>} query @param {(item: EventItem) => void} heard */
  constructor(query, heard) {
    this.query = query;
    this.heard = heard;
    this.#connect();
  }

  #connect() {
    const source = new EventSource(api.eventStream(this.query));
    this.#source = source;
    source.addEventListener("notice", (event) => this.#notice(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED || this.#stopped) return;
      this.#timer = setTimeout(() => this.#connect(), AGAIN);
    });
  }

  /** @param {Notice} notice */
  #notice(notice) {
    const before = this.#open.get(notice.id);
    const instant = notice.phase === "instant";
    const over = notice.phase === "end" || instant;
    /** @type {EventItem} */
    const item = {
      sequence: before?.sequence ?? notice.sequence,
      id: notice.id, kind: notice.kind, camera: notice.camera, origin: notice.origin,
      start: before?.start ?? notice.time,
      end: over ? notice.time : null, open: !over,
      confidence: Math.max(before?.confidence ?? 0, notice.confidence),
      regions: notice.regions?.length ? notice.regions : before?.regions,
      zones: before?.zones,
    };
    if (over) this.#open.delete(notice.id);
    else {
      this.#open.set(notice.id, item);
      if (this.#open.size > OPEN_MAX) this.#open.delete(/** @type {string} */ (this.#open.keys().next().value));
    }
    this.heard(item);
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#source?.close();
  }
}

// What was seen by a camera: its events, but for what the host says of itself, which the time line
// shows in its bands.

import * as api from "../api.js";
import { seenByOthers } from "../events/row.js";

/** @import { Query } from "../api.js" */
/** @import { EventItem } from "../types.js" */

/** Pages that are looked through at most where the host alone speaks, ten times as long each, up to `LIMIT_MAX`. */
const PAGES_MAX = 12;
const LIMIT_MIN = 10;
const LIMIT_MAX = 1000;

/**
 * Some events, `most` or a few more, in the order that is asked for; `next`: where to go on.
 * @param {Query} query @param {number} most @param {string | null} [cursor]
 * @returns {Promise<{ events: EventItem[], next: string | null }>}
 */
export async function seen(query, most, cursor = null) {
  /** @type {EventItem[]} */
  const events = [];
  let next = cursor;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const limit = Math.min(LIMIT_MAX, Math.max(LIMIT_MIN, most) * 10 ** page);
    const found = await api.events({ ...query, limit, cursor: next });
    events.push(...found.events.filter(seenByOthers));
    next = found.next;
    if (next === null || events.length >= most) break;
  }
  return { events, next };
}

// One event, in a line or as a card with its picture.

import * as api from "../api.js";
import { h, icon, keepFocus } from "../dom.js";
import { clock, dateTime, length, offsetNote } from "../time.js";
import { zoneOf } from "../state.js";

/** @import { Icon } from "../dom.js" */
/** @import { EventItem } from "../types.js" */

/** Whether an event is more than what the host says of itself. @param {EventItem} item */
export const seenByOthers = (item) => item.origin !== "host";

/** @param {EventItem} item */
export function duration(item) {
  if (item.open) return "still going on";
  const took = item.end ? Date.parse(item.end) - Date.parse(item.start) : 0;
  return took > 0 ? length(took) : "";
}

/** What people see of an event: an update that changes nothing of it need not be shown. @param {EventItem} item */
const face = (item) => [duration(item), Math.round(item.confidence * 100), ...(item.zones ?? [])].join();

/**
 * Shows what has become of an event where it stands already.
 * @param {Element} list @param {EventItem} before @param {EventItem} now
 * @param {() => HTMLElement} shown What shows it now.
 */
export function renew(list, before, now, shown) {
  if (face(before) === face(now)) return;
  const old = list.querySelector(`[data-sequence="${before.sequence}"]`);
  if (old) keepFocus(list, () => old.replaceWith(shown()));
}

/**
 * What was to be seen; of what the host says of itself, a sign.
 * @param {EventItem} item @param {number} width @param {boolean} [regions]
 */
export function picture(item, width, regions = true) {
  if (item.origin === "host") return h("span", { class: "event-picture event-sign" }, icon(signOf(item.kind)));
  const image = h("img", { class: "event-picture", alt: "", loading: "lazy", decoding: "async", width, height: Math.round((width * 9) / 16) });
  image.addEventListener("error", () => image.classList.add("event-picture-none"));
  image.src = api.eventPicture(item.sequence, width, regions);
  return image;
}

/** @param {string} kind @returns {Icon} */
function signOf(kind) {
  if (kind.startsWith("camera.")) return "camera";
  if (/fail|full|quarantine|stall|lost|guard|missing|alternate|keyless/.test(kind)) return "warning";
  return kind.startsWith("recording") || kind.startsWith("segment") ? "recordings" : "system";
}

/** @param {EventItem} item @param {() => void} open */
export function eventRow(item, open) {
  const zone = zoneOf(item.camera);
  const at = Date.parse(item.start);
  return h("button", { type: "button", class: `event-row${item.open ? " event-open" : ""}`, data: { sequence: item.sequence }, on: { click: open } },
    picture(item, 96),
    h("span", { class: "event-text" },
      h("span", { class: "event-kind" }, item.kind),
      h("span", { class: "quiet tabular" }, [dateTime(at, zone) + offsetNote(at, zone), duration(item)].filter(Boolean).join(" · "))));
}

/** @param {EventItem} item @param {() => void} open */
export function eventCard(item, open) {
  const zone = zoneOf(item.camera);
  const at = Date.parse(item.start);
  const facts = [item.camera, ...(item.zones ?? []), item.confidence < 1 ? `${Math.round(item.confidence * 100)}\u00a0%` : ""].filter(Boolean);
  return h("button", {
    type: "button", class: `event-card${item.open ? " event-open" : ""}`, data: { sequence: item.sequence }, on: { click: open },
  },
    picture(item, 320),
    h("span", { class: "event-card-text" },
      h("span", { class: "event-line" }, h("span", { class: "event-kind" }, item.kind), h("span", { class: "tabular quiet" }, clock(at, zone) + offsetNote(at, zone))),
      h("span", { class: "quiet event-facts" }, [...facts, duration(item)].filter(Boolean).join(" · "))));
}

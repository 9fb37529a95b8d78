// What of the events is looked for.

import { h, icon, iconButton, fill } from "../dom.js";
import { cameras } from "../state.js";

/** @import { EventItem } from "../types.js" */
/** @import { Area } from "./area.js" */

/** @typedef {{ camera: string, kind: string, zone: string, confidence: number, area: Area | null, day: string, host: boolean }} Filters */

/**
 * @param {Filters} first
 * @param {{ changed: (filters: Filters) => void, chooseArea: () => void }} act
 */
export function filterBar(first, act) {
  let now = first;
  const kinds = new Set(first.kind ? [first.kind] : []);
  const zones = new Set(first.zone ? [first.zone] : []);
  const camera = select("Camera", "camera");
  const kind = select("Kind", "kind");
  const zone = select("Zone", "zone");
  const day = h("input", { type: "date", "aria-label": "Day", value: first.day });
  const confidence = h("input", { type: "range", min: 0, max: 100, step: 5, value: String(first.confidence * 100), "aria-label": "Least confidence" });
  const shown = h("output", { class: "tabular" });
  const place = h("button", { type: "button", class: "button", on: { click: act.chooseArea } }, icon("area"), "Search here…");
  const noPlace = iconButton("close", "Anywhere in the picture", () => change({ area: null }));
  const host = h("input", { type: "checkbox", on: { change: () => change({ host: host.checked }) } });
  const none = h("button", { type: "button", class: "button button-quiet", on: { click: () => change({ camera: "", kind: "", zone: "", confidence: 0, area: null, day: "", host: false }) } }, "Clear");

  /** @param {string} label @param {"camera" | "kind" | "zone"} key */
  function select(label, key) {
    const element = h("select", { "aria-label": label });
    element.addEventListener("change", () => change({ [key]: element.value }));
    return element;
  }
  /** @param {Partial<Filters>} part */
  function change(part) {
    now = { ...now, ...part };
    show();
    act.changed(now);
  }
  /** @param {HTMLSelectElement} element @param {string} all @param {Iterable<string>} names @param {string} chosen */
  function options(element, all, names, chosen) {
    const list = [...new Set([...names, ...(chosen ? [chosen] : [])])].sort();
    const key = list.join("\n");
    if (element.dataset.key !== key) {
      element.dataset.key = key;
      fill(element, h("option", { value: "" }, all), list.map((name) => h("option", { value: name }, name)));
    }
    element.value = chosen;
  }
  function show() {
    options(camera, "All cameras", (cameras.value ?? []).map((one) => one.name), now.camera);
    options(kind, "All kinds", kinds, now.kind);
    options(zone, "All zones", zones, now.zone);
    zone.hidden = zones.size === 0;
    day.value = now.day;
    confidence.value = String(Math.round(now.confidence * 100));
    shown.textContent = now.confidence > 0 ? `≥ ${Math.round(now.confidence * 100)}\u00a0%` : "any";
    place.classList.toggle("button-on", now.area !== null);
    noPlace.hidden = now.area === null;
    host.checked = now.host;
    none.hidden = !Object.values(now).some(Boolean);
  }
  day.addEventListener("change", () => change({ day: day.value }));
  confidence.addEventListener("input", () => (shown.textContent = `≥ ${confidence.value}\u00a0%`));
  confidence.addEventListener("change", () => change({ confidence: Number(confidence.value) / 100 }));
  show();
  return {
    element: h("div", { class: "filters", role: "search", "aria-label": "Filter events" }, camera, kind, zone, day,
      h("label", { class: "range-field" }, "Confidence", confidence, shown),
      h("span", { class: "joined" }, place, noPlace),
      h("label", { class: "check" }, host, "With the host's own events"), none),
    /** @param {Filters} filters */
    set(filters) {
      now = filters;
      show();
    },
    /** What can be chosen grows with what was seen. @param {EventItem[]} items */
    learn(items) {
      for (const item of items) {
        kinds.add(item.kind);
        for (const name of item.zones ?? []) zones.add(name);
      }
      show();
    },
  };
}

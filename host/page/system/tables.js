// The tables of the system's state.

import { h, icon } from "../dom.js";
import { address } from "../route.js";
import { may, zoneOf } from "../state.js";
import { dateTime } from "../time.js";
import { bytes, days, micros } from "../units.js";

/** @import { Camera, Health, Plan, PluginStatus } from "../types.js" */

/** On a phone each row is a card, where a cell says its head itself. @param {string} caption @param {string[]} heads @param {HTMLElement[]} rows */
function table(caption, heads, rows) {
  for (const row of rows) heads.forEach((head, at) => row.children[at]?.setAttribute("data-head", head));
  return h("div", { class: "table-box", tabindex: "0", role: "region", "aria-label": caption },
    h("table", { role: "table" }, h("caption", { class: "unseen" }, caption),
      h("thead", {}, h("tr", { role: "row" }, heads.map((head, at) => h("th", { scope: "col", class: rows[0]?.children[at]?.classList.contains("number") ? "number" : null }, head)))),
      h("tbody", {}, rows)));
}

/** @param {"ok" | "rec" | "warn" | "bad" | "off"} kind @param {string} text */
const state = (kind, text) => h("span", { class: "state" }, h("span", { class: `dot dot-${kind}` }), text);

/** @param {Health | null} health @param {Plan | null} plan */
export function storeCards(health, plan) {
  const names = new Set([...(health?.store.places ?? []).map((place) => place.name), ...(plan?.stores ?? []).map((store) => store.name)]);
  if (names.size === 0) return h("p", { class: "quiet" }, "Not known.");
  return h("div", { class: "cards" }, [...names].map((name) => {
    const place = health?.store.places.find((one) => one.name === name);
    const store = plan?.stores.find((one) => one.name === name);
    const used = store?.bytes ?? place?.bytes ?? 0;
    const free = store?.free ?? place?.free_bytes ?? null;
    const held = store?.held;
    const all = store?.size_max ?? (free === null ? null : used + free);
    return h("article", { class: `card${place && !place.healthy ? " card-bad" : ""}` },
      h("div", { class: "card-head" }, h("h3", {}, name), place && state(place.healthy ? "ok" : "bad", place.healthy ? "ok" : "not ok")),
      place?.path && h("p", { class: "quiet path" }, place.path),
      all && meter(held ?? { continuous: used }, all, `${bytes(used)} of ${bytes(all)}`),
      h("dl", { class: "facts" },
        fact("Recordings", bytes(used)), free !== null && fact("Free", bytes(free)),
        store?.floor ? fact("Kept free", bytes(store.floor)) : null,
        store?.bytes_a_day ? fact("Per day", bytes(store.bytes_a_day)) : null),
      place?.detail && h("p", { class: "danger" }, place.detail));
  }));
}

/** @param {string} name @param {string} value */
const fact = (name, value) => h("div", {}, h("dt", {}, name), h("dd", { class: "tabular" }, value));

/** @param {Record<string, number>} held @param {number} all @param {string} label */
function meter(held, all, label) {
  /** @type {Record<string, string>} */
  const names = { continuous: "continuous", span: "kept by policy", pinned: "pinned", expired: "free to go" };
  const parts = Object.keys(names).filter((key) => held[key] > 0);
  return h("div", {},
    h("div", { class: "meter", role: "img", "aria-label": label }, parts.map((key) =>
      h("span", { class: `meter-${key}`, style: { width: `${Math.max(0.5, (held[key] / all) * 100)}%` } }))),
    h("div", { class: "legend" }, parts.map((key) => h("span", {}, h("span", { class: `swatch meter-${key}` }), `${names[key]} ${bytes(held[key])}`))));
}

/** @param {Camera[]} cameras @param {Plan | null} plan */
export function cameraTable(cameras, plan) {
  if (cameras.length === 0) return h("p", { class: "quiet" }, "No camera is configured.");
  return table("Cameras", ["Camera", "State", "Mode", "Recordings", "Per day", "Keep", "Room for", "Oldest", ""], cameras.map((camera) => {
    const its = plan?.cameras.find((one) => one.name === camera.name);
    const short = its && its.asked_days !== null && its.sustainable_days !== null && its.sustainable_days < its.asked_days;
    return h("tr", { role: "row" },
      h("th", { scope: "row" }, h("a", { class: "link", href: address({ view: "live", camera: camera.name }) }, camera.name)),
      h("td", { class: "cell-state" }, cameraState(camera), camera.detail && h("div", { class: "quiet detail" }, camera.detail)),
      h("td", {}, camera.configured ? camera.mode ?? "" : "not configured"),
      h("td", { class: "number" }, bytes(its?.bytes ?? camera.bytes)),
      h("td", { class: "number" }, its?.bytes_a_day ? bytes(its.bytes_a_day) : "–"),
      h("td", { class: "number" }, its ? (its.asked_days === null ? "no limit" : days(its.asked_days)) : "–"),
      h("td", { class: `number${short ? " danger" : ""}` }, its ? (its.sustainable_days === null ? "all" : days(its.sustainable_days)) : "–", short && h("span", { class: "unseen" }, " less than asked")),
      h("td", { class: "tabular" }, camera.first ? dateTime(Date.parse(camera.first), zoneOf(camera.name)) : "–"),
      h("td", {}, may("admin") && camera.configured && h("a", { class: "button button-quiet", href: address({ view: "zones", camera: camera.name }) }, icon("zones"), "Zones")));
  }));
}

/** @param {Camera} camera */
function cameraState(camera) {
  if (!camera.configured) return state("off", "recordings only");
  if (camera.mode === "off") return state("off", "off");
  if (!camera.connected) return state("bad", "gone");
  if (camera.stalled) return state("bad", "not recorded");
  if (camera.fail_open) return state("warn", "keeps everything");
  return camera.recording ? state("rec", "recording") : state("ok", "watching");
}

/** @param {PluginStatus[] | null} plugins @param {(name: string) => void} reload */
export function pluginTable(plugins, reload) {
  if (plugins === null) return h("p", { class: "quiet" }, "Not known.");
  if (plugins.length === 0) return h("p", { class: "quiet" }, "No plugin is configured: everything is recorded as the cameras' modes say.");
  /** @type {Record<string, "ok" | "warn" | "bad" | "off">} */
  const kinds = { running: "ok", starting: "warn", waiting: "warn", down: "bad", quarantined: "bad", unused: "off" };
  return table("Plugins", ["Plugin", "Camera", "State", "Component", "Calls", "Mean", "99 % below", "Faults", "Memory", ""], plugins.map((plugin) => h("tr", { role: "row" },
    h("th", { scope: "row" }, plugin.name),
    h("td", {}, plugin.camera ?? "–"),
    h("td", { class: "cell-state" }, state(kinds[plugin.state] ?? "warn", plugin.state), plugin.reason && h("div", { class: "detail danger" }, plugin.reason)),
    h("td", {}, plugin.component ? `${plugin.component.id} ${plugin.component.version}` : "–", plugin.component && h("div", { class: "quiet detail" }, plugin.component.world)),
    h("td", { class: "number" }, plugin.calls.toLocaleString("en")),
    h("td", { class: "number" }, plugin.calls ? micros(plugin.mean_micros) : "–"),
    h("td", { class: "number" }, plugin.calls ? micros(plugin.p99_micros) : "–"),
    h("td", { class: `number${plugin.faults ? " danger" : ""}` }, String(plugin.faults)),
    h("td", { class: "number" }, plugin.memory_peak_bytes ? bytes(plugin.memory_peak_bytes) : "–"),
    h("td", {}, may("operator") && plugin.state !== "unused" && h("button", { type: "button", class: "button button-quiet", "aria-label": `Reload ${plugin.name}`, on: { click: () => reload(plugin.name) } }, icon("reload"), "Reload")))));
}

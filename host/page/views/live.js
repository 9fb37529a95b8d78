// All cameras, live; or one, large, with what it has just seen.

import * as api from "../api.js";
import { fill, h, icon, iconButton, keepFocus } from "../dom.js";
import { EventFeed, put } from "../events/feed.js";
import { eventRow, renew, seenByOthers } from "../events/row.js";
import { shortcuts } from "../keys.js";
import { Grid } from "../live/grid.js";
import { Tile } from "../live/tile.js";
import { now } from "../now.js";
import { address, navigate } from "../route.js";
import { Undo } from "../signal.js";
import { cameras, may } from "../state.js";
import { Still } from "../still.js";
import { complain, toast } from "../toast.js";
import { noCamera } from "./empty.js";

/** @import { Route } from "../route.js" */
/** @import { EventItem } from "../types.js" */

/** Events beside a large picture. */
const LATEST = 12;

/** @param {HTMLElement} root @param {Route} route */
export function liveView(root, route) {
  return route.camera ? large(root, route.camera) : all(root);
}

/** @param {HTMLElement} root */
function all(root) {
  const undo = new Undo();
  /** @type {Grid | null} */
  let grid = null;
  let names = "";
  const show = () => {
    const configured = (cameras.value ?? []).filter((camera) => camera.configured);
    const now = configured.map((camera) => camera.name).join("\n");
    if (grid && now === names) return;
    names = now;
    grid?.stop();
    grid = null;
    if (configured.length === 0) {
      fill(root, h("h1", { class: "unseen" }, "Live"), noCamera());
      return;
    }
    const tiles = configured.map((camera) => new Tile(camera.name, "a"));
    fill(root, h("h1", { class: "unseen" }, "Live"),
      h("div", { class: "live-grid", data: { count: tiles.length } }, tiles.map((tile) => tile.element)));
    grid = new Grid(tiles);
  };
  undo.add(cameras.follow(show, { now: true }), () => grid?.stop());
  return undo;
}

/** @param {HTMLElement} root @param {string} camera */
function large(root, camera) {
  const undo = new Undo();
  const tile = new Tile(camera, "figure");
  const grid = new Grid([tile], { large: true });
  undo.add(() => grid.stop());

  const sound = iconButton("mute", "Sound on", () => {
    tile.video.muted = !tile.video.muted;
    fill(sound, icon(tile.video.muted ? "mute" : "sound"));
    sound.title = tile.video.muted ? "Sound on" : "Sound off";
    sound.setAttribute("aria-label", sound.title);
  });
  const full = () => (document.fullscreenElement ? document.exitFullscreen() : tile.element.requestFullscreen?.())?.catch(complain);
  const back = () => navigate({ view: "play", camera, query: { at: api.time(now() - 10_000) } });
  const record = async () => {
    try {
      await api.trigger(camera, { label: "asked for on the page" });
      toast(`Recording of ${camera} is kept from a little before now.`);
    } catch (error) {
      complain(error, "Record now");
    }
  };
  const neighbours = (/** @type {number} */ way) => {
    const names = (cameras.value ?? []).filter((one) => one.configured).map((one) => one.name);
    const at = names.indexOf(camera);
    if (names.length > 1 && at >= 0) navigate({ view: "live", camera: names[(at + way + names.length) % names.length] });
  };
  const bar = h("div", { class: "toolbar" },
    h("a", { class: "button", href: "#/live" }, icon("grid"), "All cameras"),
    h("h1", { class: "toolbar-title" }, camera),
    h("span", { class: "grow" }),
    may("operator") && h("button", { type: "button", class: "button", on: { click: record } }, icon("record"), "Record now"),
    h("button", { type: "button", class: "button", on: { click: back } }, icon("recordings"), "Recordings"),
    may("admin") && h("a", { class: "button", href: address({ view: "zones", camera }) }, icon("zones"), "Zones"),
    sound, iconButton("expand", "Full screen", full));
  const list = h("ol", { class: "event-rows" });
  const latest = h("section", { class: "side", "aria-label": "Latest events" }, h("h2", {}, "Latest events"), list);
  fill(root, h("div", { class: "live-large" }, bar, h("div", { class: "live-split" }, tile.element, latest)));
  follow(camera, list, undo);
  undo.add(shortcuts("Live, one camera", [
    { keys: "f", says: "Full screen", act: full },
    { keys: "ArrowLeft", says: "The camera before", act: () => neighbours(-1) },
    { keys: "ArrowRight", says: "The next camera", act: () => neighbours(1) },
    { keys: "Escape", says: "All cameras", act: () => navigate({ view: "live" }) },
    { keys: "b", says: "Back: watch the last seconds", act: back },
    ...(may("operator") ? [{ keys: "r", says: "Record now", act: record }] : []),
  ]));
  return undo;
}

/** @param {string} camera @param {HTMLElement} list @param {Undo} undo */
function follow(camera, list, undo) {
  /** @type {EventItem[]} */
  let items = [];
  const row = (/** @type {EventItem} */ item) => eventRow(item, () => navigate({ view: "play", camera: item.camera, query: { at: item.start } }));
  const still = new Still(list);
  const show = () => keepFocus(list, () => fill(list, items.length === 0
    ? h("li", { class: "quiet pad" }, "Nothing has been seen yet.")
    : items.map((item) => h("li", {}, row(item)))));
  const known = (/** @type {string} */ id) => items.find((one) => one.id === id);
  const feed = new EventFeed({ camera }, {
    known,
    heard: (item) => {
      if (!seenByOthers(item)) return;
      const before = known(item.id);
      items = put(items, item).slice(0, LATEST);
      if (before) still.change(() => renew(list, before, item, () => row(item)));
      else if (items.includes(item)) still.change(show);
    },
  });
  undo.add(() => feed.stop());
  api.events({ camera, order: "desc", limit: 10 * LATEST }).then(
    (found) => {
      for (const one of found.events) if (seenByOthers(one) && !known(one.id)) items = put(items, one);
      items = items.slice(0, LATEST);
      still.change(show);
    },
    (error) => fill(list, h("li", { class: "quiet pad" }, `The events can't be shown: ${error.message}`)),
  );
}

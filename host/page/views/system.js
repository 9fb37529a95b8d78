// How cameras, plugins and stores are, and how long what is recorded can be kept.

import * as api from "../api.js";
import { fill, h, icon, keepFocus } from "../dom.js";
import { Undo } from "../signal.js";
import { cameras, may, seesAll, zoneChoice } from "../state.js";
import { complain, toast } from "../toast.js";
import { cameraTable, pluginTable, storeCards } from "../system/tables.js";

/** @import { Health, Plan, PluginStatus } from "../types.js" */

const REFRESH = 5000;

/** @param {HTMLElement} root */
export function systemView(root) {
  const undo = new Undo();
  /** @type {{ health: Health | null, plan: Plan | null, plugins: PluginStatus[] | null, problem: string }} */
  const known = { health: null, plan: null, plugins: null, problem: "" };
  const body = h("div", { class: "system" });
  const act = async (/** @type {string} */ what, /** @type {() => Promise<any>} */ doIt) => {
    try {
      await doIt();
      toast(`${what}: done.`);
    } catch (error) {
      complain(error, what);
    }
    await load();
  };
  fill(root, h("div", { class: "page" },
    h("div", { class: "page-head" }, h("h1", {}, "System"), h("span", { class: "grow" }),
      may("admin") && h("button", { type: "button", class: "button", on: { click: () => void act("Reload of the configuration", api.reloadConfig) } }, icon("reload"), "Reload configuration")),
    body));

  const show = () => {
    const { health, plan, plugins, problem } = known;
    const trouble = troubles(health, plugins);
    const well = wellness(problem === "" && health !== null && plugins !== null);
    keepFocus(body, () => fill(body,
      problem && h("p", { class: "banner banner-danger", role: "alert" }, icon("warning"), problem),
      h("section", { class: "system-state", "aria-label": "State" }, trouble.length === 0
        ? well && h("p", { class: "well" }, h("span", { class: "dot dot-ok" }), well)
        : h("ul", { class: "troubles" }, trouble.map((text) => h("li", {}, icon("warning"), text)))),
      plan?.guarded && h("div", { class: "banner" }, icon("warning"), h("span", { class: "grow" }, "The clock has jumped ahead: nothing is deleted for its age until a person confirms the time."),
        may("admin") && h("button", { type: "button", class: "button", on: { click: () => void act("Confirming the time", api.confirmTime) } }, "The time is right")),
      seesAll() && h("section", {}, h("h2", {}, "Storage"), storeCards(health, plan)),
      h("section", {}, h("h2", {}, "Cameras"), cameraTable(cameras.value ?? [], plan)),
      seesAll() && h("section", {}, h("h2", {}, "Plugins"), pluginTable(plugins, (name) => act(`Reload of ${name}`, () => api.reloadPlugin(name))))));
  };
  const load = async () => {
    // Who sees some cameras only is told of these.
    if (!seesAll()) return show();
    let problem = "";
    const wrong = (/** @type {unknown} */ error) => {
      problem = error instanceof Error ? error.message : String(error);
      return null;
    };
    const [health, plan, plugins] = await Promise.all([api.health().catch(wrong), api.plan().catch(wrong), api.plugins().catch(wrong)]);
    Object.assign(known, { problem, health: health ?? known.health, plan: plan ?? known.plan, plugins: plugins ?? known.plugins });
    show();
  };
  undo.every(() => void load(), REFRESH);
  undo.add(cameras.follow(show), zoneChoice.follow(show));
  void load();
  return undo;
}

/** What can be said where no trouble is known. @param {boolean} all Whether all is known. */
function wellness(all) {
  if (seesAll()) return all ? "Everything runs as it should." : "";
  return cameras.value?.length ? "Your cameras run as they should." : "";
}

/** What a person should know first. @param {Health | null} health @param {PluginStatus[] | null} plugins */
function troubles(health, plugins) {
  /** @type {string[]} */
  const found = [];
  const store = health?.store;
  if (store && !store.healthy) found.push(`The store: ${store.detail ?? "it takes nothing"}`);
  for (const place of store?.places ?? []) if (!place.healthy && place.detail !== store?.detail) found.push(`Store ${place.name}: ${place.detail ?? "not ok"}`);
  for (const camera of cameras.value ?? []) {
    if (!camera.configured || camera.mode === "off") continue;
    if (!camera.connected) found.push(`Camera ${camera.name} is gone${camera.detail ? `: ${camera.detail}` : ""}`);
    // Where the store takes nothing, that is said above, and once.
    else if (camera.stalled && store?.healthy !== false) found.push(`Camera ${camera.name} delivers, but nothing of it reaches the disk`);
    if (camera.fail_open) found.push(`Camera ${camera.name}: everything is kept, because a plugin that decides is down`);
  }
  for (const plugin of plugins ?? []) {
    if (plugin.state === "down" || plugin.state === "quarantined") found.push(`Plugin ${plugin.name}${plugin.camera ? ` on ${plugin.camera}` : ""} is ${plugin.state}${plugin.reason ? `: ${plugin.reason}` : ""}`);
  }
  return found;
}

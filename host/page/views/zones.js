// Where motion counts and where it never does: drawn on the camera's picture, handed back as the
// configuration to copy. Nothing is changed on the host.

import * as api from "../api.js";
import { fill, h, icon, iconButton } from "../dom.js";
import { address } from "../route.js";
import { Undo } from "../signal.js";
import { cameras, may } from "../state.js";
import { complain, toast } from "../toast.js";
import { Drawing } from "../zones/drawing.js";
import { handedBack, mistakes, read } from "../zones/model.js";
import { empty } from "./empty.js";

/** @import { Route } from "../route.js" */

/** @typedef {{ name: string, params: any, users: string[] }} Plugin */

/** @param {HTMLElement} root @param {Route} route */
export function zonesView(root, route) {
  const undo = new Undo();
  const camera = route.camera ?? cameras.value?.[0]?.name;
  if (!camera || !may("admin")) {
    fill(root, empty("zones", "No zones to draw", camera ? "Zones are part of the configuration, which administrators see." : "There is no camera."));
    return undo;
  }
  fill(root, h("p", { class: "quiet pad" }, "Reading the configuration…"));
  api.config().then(
    (config) => root.isConnected && new Editor(root, camera, motionPlugins(config, camera)),
    (error) => {
      complain(error, "Configuration");
      new Editor(root, camera, []);
    },
  );
  return undo;
}

/** A table as a list, whether the host gives it by name or as one. @param {any} table @returns {any[]} */
const listed = (table) => (Array.isArray(table) ? table : Object.entries(table ?? {}).map(([name, one]) => ({ name, .../** @type {any} */ (one) })));

/** The motion analyzers that look at a camera. @param {any} config @param {string} camera @returns {Plugin[]} */
function motionPlugins(config, camera) {
  const all = listed(config.cameras);
  const its = all.find((one) => one.name === camera)?.analyzers ?? [];
  return listed(config.plugins)
    .filter((plugin) => its.includes(plugin.name) && /motion/.test(String(plugin.component)))
    .map((plugin) => ({
      name: plugin.name, params: plugin.params ?? {},
      users: all.filter((one) => (one.analyzers ?? []).includes(plugin.name)).map((one) => one.name),
    }));
}

class Editor {
  #list = h("ul", { class: "zone-list" });
  #problems = h("ul", { class: "zone-problems", role: "status" });
  #text = h("textarea", { class: "code", rows: 14, readonly: true, spellcheck: "false", "aria-label": "Configuration to copy" });
  #hint = h("p", { class: "quiet" });
  #drawing;
  /** @type {Plugin | null} */
  #plugin = null;

  /** @param {HTMLElement} root @param {string} camera @param {Plugin[]} plugins */
  constructor(root, camera, plugins) {
    this.camera = camera;
    const picture = h("img", { alt: `Picture of ${camera}`, src: api.snapshot(camera, null, 1280), draggable: "false" });
    picture.addEventListener("error", () => picture.classList.add("zone-no-picture"));
    this.#drawing = new Drawing(picture, () => this.#show());
    this.#take(plugins[0] ?? null);
    const choose = plugins.length > 1 && h("label", { class: "field" }, "Plugin", h("select", {
      on: { change: (/** @type {Event} */ event) => this.#take(plugins[/** @type {HTMLSelectElement} */ (event.target).selectedIndex]) },
    }, plugins.map((plugin) => h("option", {}, plugin.name))));
    fill(root, h("div", { class: "page zones" },
      h("div", { class: "page-head" }, h("a", { class: "button", href: address({ view: "live", camera }) }, icon("left"), camera), h("h1", {}, "Zones and masks")),
      h("div", { class: "zone-split" },
        h("div", {}, this.#drawing.element,
          h("p", { class: "quiet" }, "Press in the picture to add a corner to the chosen shape. Drag a corner to move it; press it twice to remove it.")),
        h("div", { class: "zone-side" }, choose,
          h("div", { class: "toolbar" },
            h("button", { type: "button", class: "button", on: { click: () => this.#add("zone") } }, icon("plus"), "Zone"),
            h("button", { type: "button", class: "button", on: { click: () => this.#add("mask") } }, icon("plus"), "Mask"),
            iconButton("reload", "Another picture", async () => {
              picture.src = await api.newest(camera, 1280);
            })),
          this.#list, this.#problems,
          h("h2", {}, "Configuration"), this.#hint, this.#text,
          h("button", { type: "button", class: "button button-main", on: { click: () => void this.#copy() } }, icon("copy"), "Copy")))));
  }

  /** @param {Plugin | null} plugin */
  #take(plugin) {
    this.#plugin = plugin;
    this.#drawing.shapes = read(plugin?.params);
    this.#drawing.chosen = this.#drawing.shapes.length > 0 ? 0 : -1;
    this.#drawing.draw();
    this.#rows();
    this.#show();
  }

  /** @param {"zone" | "mask"} kind */
  #add(kind) {
    const { shapes } = this.#drawing;
    const names = new Set(shapes.map((shape) => shape.name));
    let number = 1;
    while (names.has(`zone-${number}`)) number += 1;
    shapes.push({ kind, name: kind === "zone" ? `zone-${number}` : "", points: [] });
    this.#choose(shapes.length - 1);
  }

  /** @param {number} at */
  #choose(at) {
    this.#drawing.chosen = at;
    this.#drawing.draw();
    this.#rows();
    this.#show();
  }

  #rows() {
    const { shapes, chosen } = this.#drawing;
    let masks = 0;
    fill(this.#list, shapes.length === 0 && h("li", { class: "quiet pad" }, "No zone: motion counts everywhere. Add a zone, or a mask over what always moves."), shapes.map((shape, at) => {
      const title = shape.kind === "mask" ? `Mask ${(masks += 1)}` : "Zone";
      const name = shape.kind === "zone" && h("input", { value: shape.name, "aria-label": "Name of the zone", maxlength: 64, spellcheck: "false" });
      if (name) name.addEventListener("input", () => {
        shape.name = name.value.trim();
        this.#show();
      });
      return h("li", { class: `zone-row${at === chosen ? " zone-row-on" : ""}` },
        h("button", { type: "button", class: "zone-pick", "aria-pressed": String(at === chosen), on: { click: () => this.#choose(at) } },
          h("span", { class: `swatch zone-swatch-${shape.kind}` }), title, h("span", { class: "quiet" }, `${shape.points.length} corners`)),
        name, iconButton("trash", `Delete ${shape.kind === "zone" ? shape.name : title}`, () => {
          shapes.splice(at, 1);
          this.#choose(Math.min(chosen, shapes.length - 1));
        }));
    }));
  }

  #show() {
    const { shapes } = this.#drawing;
    const { text, hint } = handedBack(this.camera, this.#plugin, shapes);
    this.#text.value = text;
    fill(this.#hint, hint);
    fill(this.#problems, mistakes(shapes).map((text) => h("li", {}, text)));
    const counts = this.#list.querySelectorAll(".zone-pick .quiet");
    shapes.forEach((shape, at) => {
      if (counts[at]) counts[at].textContent = shape.points.length === 1 ? "1 corner" : `${shape.points.length} corners`;
    });
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.#text.value);
    } catch {
      // Without TLS browsers give no clipboard: the old way needs a selection.
      this.#text.select();
      document.execCommand("copy");
    }
    toast("Copied.");
  }
}

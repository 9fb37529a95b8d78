// What stands around each view: where one can go, whose time is shown, how the host is.

import * as api from "./api.js";
import { fill, h, icon, iconButton } from "./dom.js";
import { menu } from "./menu.js";
import { shortcutSheet, shortcuts } from "./keys.js";
import { now } from "./now.js";
import { address, navigate, route } from "./route.js";
import { Undo } from "./signal.js";
import { cameras, session, zoneChoice, zoneOf } from "./state.js";
import { setTheme, theme } from "./theme.js";
import { clock, offsetName } from "./time.js";
import { toasts } from "./toast.js";

/** @import { Icon } from "./dom.js" */
/** @import { Theme } from "./theme.js" */

/** @type {{ view: string, label: string, icon: Icon }[]} */
const PLACES = [
  { view: "live", label: "Live", icon: "live" },
  { view: "play", label: "Recordings", icon: "recordings" },
  { view: "events", label: "Events", icon: "events" },
  { view: "system", label: "System", icon: "system" },
];

/** @param {Record<string, { title: string }>} views */
export function shell(views) {
  const undo = new Undo();
  const main = h("main", { id: "main", tabindex: "-1" });
  const links = PLACES.map((place) =>
    h("a", { class: "nav-link", href: address({ view: place.view }), data: { view: place.view } },
      icon(place.icon), h("span", {}, place.label)),
  );
  undo.add(route.follow((now) => {
    for (const link of links) {
      const here = link.dataset.view === now.view || (now.view === "zones" && link.dataset.view === "system");
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }, { now: true }));
  const badge = h("span", { class: "nav-badge", hidden: true });
  links[3].append(badge);
  followHealth(badge, undo);

  const header = h("header", { class: "top" },
    h("a", { class: "brand", href: "#/live", "aria-label": "Wardline, to the live view" },
      h("img", { src: "/page/icon.svg", alt: "", width: 24, height: 24 }), h("span", {}, "Wardline")),
    h("nav", { class: "nav", "aria-label": "Main" }, links),
    h("div", { class: "top-end" }, timeButton(undo), themeButton(undo),
      iconButton("help", "Keyboard shortcuts", shortcutSheet), userButton()),
  );
  const lost = h("div", { class: "banner banner-danger", role: "alert", hidden: true },
    icon("warning"), h("span", {}, "The connection to Wardline is lost. Trying again…"));
  undo.add(api.reachable.follow((reachable) => {
    lost.hidden = reachable;
  }, { now: true }));
  const places = Object.fromEntries(Object.entries(views).map(([view, { title }]) => [view, title]));
  undo.add(shortcuts("Everywhere", [
    { keys: "1", says: "Live", act: () => navigate({ view: "live" }) },
    { keys: "2", says: places.play, act: () => navigate({ view: "play" }) },
    { keys: "3", says: "Events", act: () => navigate({ view: "events" }) },
    { keys: "4", says: "System", act: () => navigate({ view: "system" }) },
    { keys: "?", says: "This sheet", act: shortcutSheet },
  ]));
  const skip = h("a", { class: "skip", href: "#main", on: {
    click: (/** @type {Event} */ event) => {
      event.preventDefault();
      main.focus();
    },
  } }, "Skip to the content");
  return { elements: [skip, header, lost, main, toasts()], main, undo };
}

/**
 * How many things are wrong, beside the way to where they are explained.
 * @param {HTMLElement} badge @param {Undo} undo
 */
function followHealth(badge, undo) {
  const count = () => {
    const wrong = (cameras.value ?? []).filter((one) => one.configured && one.mode !== "off" && (!one.connected || one.stalled || one.fail_open)).length;
    badge.hidden = wrong === 0;
    fill(badge, String(wrong), h("span", { class: "unseen" }, wrong === 1 ? " camera needs attention" : " cameras need attention"));
  };
  undo.add(cameras.follow(count, { now: true }));
}

/** @param {Undo} undo */
function timeButton(undo) {
  const shown = h("span", { class: "tabular" });
  const zone = h("span", { class: "quiet" });
  const whose = h("span", { class: "unseen" });
  const button = h("button", { type: "button", class: "time-button", "aria-haspopup": "menu" }, icon("globe"), shown, zone, whose);
  const tick = () => {
    const at = now();
    const named = zoneOf(route.value.camera);
    fill(shown, clock(at, named));
    fill(zone, offsetName(at, named));
    whose.textContent = zoneChoice.value === "viewer" ? "your time zone" : "the camera's time zone";
    button.title = named;
  };
  undo.every(tick, 1000);
  undo.add(zoneChoice.follow(tick), route.follow(tick));
  tick();
  button.addEventListener("click", () => menu(button, [
    { label: `Your time zone (${zoneOf(null, "viewer")})`, chosen: zoneChoice.value === "viewer", act: () => (zoneChoice.value = "viewer") },
    { label: `The camera's (${zoneOf(route.value.camera, "camera")})`, chosen: zoneChoice.value === "camera", act: () => (zoneChoice.value = "camera") },
  ]));
  return button;
}

/** @param {Undo} undo */
function themeButton(undo) {
  /** @type {Record<Theme, [Icon, string]>} */
  const says = { system: ["auto", "as the system"], light: ["sun", "light"], dark: ["moon", "dark"] };
  /** @type {Theme[]} */
  const order = ["system", "light", "dark"];
  const button = iconButton("auto", "Appearance", () => {
    setTheme(order[(order.indexOf(theme()) + 1) % order.length]);
  }, { class: "icon-button theme-button" });
  const show = () => {
    const [name, text] = says[theme()];
    fill(button, icon(name));
    button.setAttribute("aria-label", `Appearance: ${text}`);
    button.title = `Appearance: ${text}`;
  };
  undo.listen(document, "theme", show);
  show();
  return button;
}

function userButton() {
  const who = session.value;
  const button = iconButton("user", who ? `${who.user || "You"}, ${who.role}` : "You", () => {
    menu(button, [
      { label: who?.open ? "On this machine, without a password" : `${who?.user} · ${who?.role}` },
      ...(who?.open ? [] : [{
        label: "Log out",
        act: async () => {
          // First nothing streams any more: the host cuts off what does.
          api.signedOut.value += 1;
          await api.logOut().catch(() => {});
        },
      }]),
    ]);
  }, { "aria-haspopup": "menu" });
  return button;
}

// The frame of the page: who is there, where they are, and what they see.

import * as api from "./api.js";
import { fill, h } from "./dom.js";
import { skew } from "./now.js";
import { shell } from "./shell.js";
import { Undo } from "./signal.js";
import { cameras, refreshCameras, session } from "./state.js";
import { length, MINUTE, SECOND } from "./time.js";
import { toast } from "./toast.js";
import { loginView } from "./views/login.js";
import { liveView } from "./views/live.js";
import { playView } from "./views/play.js";
import { eventsView } from "./views/events.js";
import { systemView } from "./views/system.js";
import { zonesView } from "./views/zones.js";

/** @import { Route } from "./route.js" */
import { route } from "./route.js";

/** `follows`: it knows itself what to do when the address names another camera. @type {Record<string, { title: string, follows?: boolean, show: (root: HTMLElement, route: Route) => Undo }>} */
const VIEWS = {
  live: { title: "Live", show: liveView },
  play: { title: "Recordings", follows: true, show: playView },
  events: { title: "Events", show: eventsView },
  system: { title: "System", show: systemView },
  zones: { title: "Zones", show: zonesView },
};

/** How often the cameras' state is asked for. */
const REFRESH = 5000;

/** A viewer's clock that is further off than this is told, in milliseconds. */
const SKEW_TOLD = 5000;
let skewTold = false;

let shown = new Undo();
/** What is shown, so that a change of its own address does not begin it anew. */
let place = "";

function showLogin() {
  shown.run();
  place = "";
  shown = loginView(document.body, enter);
}

/** @param {boolean} [again] */
async function enter(again = false) {
  try {
    session.value = await api.session();
    await refreshCameras();
  } catch (error) {
    if (error instanceof api.ApiError && error.status === 401) return showLogin();
    return showUnreachable(error instanceof Error ? error.message : String(error), again);
  }
  shown.run();
  const frame = shell(VIEWS);
  fill(document.body, ...frame.elements);
  shown = new Undo();
  shown.add(frame.undo.run.bind(frame.undo));
  let view = new Undo();
  shown.add(() => view.run());
  const show = () => {
    const next = route.value;
    const { title, follows, show: open } = VIEWS[next.view];
    document.title = `${next.camera ? `${next.camera} · ` : ""}${title} · Wardline`;
    const key = follows ? next.view : `${next.view}/${next.camera ?? ""}`;
    if (key === place) return;
    place = key;
    view.run();
    fill(frame.main);
    frame.main.scrollTop = 0;
    view = open(frame.main, next);
  };
  place = "";
  shown.add(route.follow(show, { now: true }), skew.follow(tellSkew, { now: true }));
  shown.every(() => void refreshCameras().catch(() => {}), REFRESH);
}

/** Says once that a viewer's clock is wrong. @param {number} ahead How far the host's clock is ahead of it. */
function tellSkew(ahead) {
  if (skewTold || Math.abs(ahead) < SKEW_TOLD) return;
  skewTold = true;
  const about = Math.abs(ahead) < MINUTE ? SECOND : 10 * SECOND;
  toast(`This device's clock is about ${length(Math.round(ahead / about) * about)} ${ahead > 0 ? "behind" : "ahead of"} the recorder's. Times here are the recorder's.`, { key: "clock" });
}

/** @param {string} why @param {boolean} again */
function showUnreachable(why, again) {
  shown.run();
  shown = new Undo();
  if (!again) {
    fill(document.body, h("main", { class: "lone", role: "alert" },
      h("h1", {}, "Wardline does not answer"),
      h("p", { class: "quiet" }, `${why}. Trying again…`)));
  }
  const timer = setTimeout(() => void enter(true), 2000);
  shown.add(() => clearTimeout(timer));
}

api.signedOut.follow(() => {
  if (session.value) {
    session.value = null;
    cameras.value = null;
    showLogin();
  }
});

void enter();

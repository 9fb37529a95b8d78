// Recordings: a stage with one camera or several in step, the time line below, and what was seen.

import * as api from "../api.js";
import { fill, h, icon } from "../dom.js";
import { shortcuts } from "../keys.js";
import { Stage } from "../player/stage.js";
import { cameraPicker } from "../play/cameras.js";
import { dayPicker } from "../play/day.js";
import { DayEvents } from "../play/events.js";
import { RangeBar } from "../play/range.js";
import { seen } from "../play/seen.js";
import { transport } from "../play/transport.js";
import { navigate, route } from "../route.js";
import { Undo } from "../signal.js";
import { cameras, recall, remember, zoneChoice, zoneOf } from "../state.js";
import { GAP_WORDS } from "../timeline/draw.js";
import { Timeline } from "../timeline/timeline.js";
import { HOUR, length, MINUTE, SECOND } from "../time.js";
import { complain, toast } from "../toast.js";
import { empty, noCamera } from "./empty.js";

/** @import { Route } from "../route.js" */

/** So much before an event playback begins: one wants to see it come. */
const LEAD_IN = 2 * SECOND;
/** Nearer than this to where one came for an event, one is at that event. */
const NEAR = 1.5 * SECOND;
/** How long a note is there, and one that can be answered. */
const NOTE = 5 * SECOND;
const QUESTION = 15 * SECOND;

/** @param {HTMLElement} root @param {Route} to */
export function playView(root, to) {
  const undo = new Undo();
  const known = cameras.value ?? [];
  if (known.length === 0) {
    fill(root, h("h1", { class: "unseen" }, "Recordings"), noCamera());
    return undo;
  }
  const wished = [to.camera, ...(to.query?.with?.split(",") ?? []), recall("camera")];
  const camera = wished.find((name) => known.some((one) => one.name === name)) ?? known[0].name;
  if (!to.camera) {
    navigate({ view: "play", camera, query: to.query }, { replace: true });
    return undo;
  }
  new Player(root, camera, to, undo);
  return undo;
}

class Player {
  /** @type {string[]} */
  cameras;
  /** The event that one went to last, and where one was then. */
  #arrived = { start: 0, wall: Number.NEGATIVE_INFINITY };
  #looking = false;

  /** @param {HTMLElement} root @param {string} camera @param {Route} to @param {Undo} undo */
  constructor(root, camera, to, undo) {
    const others = (to.query?.with ?? "").split(",").filter((name) => name !== camera && cameras.value?.some((one) => one.name === name));
    this.cameras = [camera, ...others];
    this.note = h("div", { class: "stage-note", role: "status", hidden: true });
    this.noteTimer = 0;
    this.stage = new Stage({
      zone: zoneOf,
      time: (wall) => this.#time(wall),
      skipped: (from, until) => this.#skipped(from, until),
      ended: (why) => this.#ended(why),
      leads: (name) => this.#leads(name),
      twice: () => this.say("This time was recorded twice", { label: "Show the other", act: () => void this.stage.other() }),
      first: (name) => Date.parse(cameras.value?.find((one) => one.name === name)?.first ?? "") || 0,
      failed: complain,
    });
    const at = this.#begin(camera, to);
    this.timeline = new Timeline(beginning(at), {
      zone: zoneOf,
      seek: (wall, moving) => void this.seek(wall, moving),
      ranged: (range) => this.range.show(range),
      failed: (error) => complain(error, "Time line"),
      changed: () => {
        this.events.changed();
        this.range.refresh();
      },
    });
    this.range = new RangeBar(this);
    this.events = new DayEvents(this);
    const stageBox = h("div", { class: "stage-box" }, this.stage.element, this.note);
    const controls = transport(this, undo);
    fill(root, h("h1", { class: "unseen" }, `Recordings of ${this.cameras.join(", ")}`),
      h("div", { class: "play" },
        h("div", { class: "play-main" },
          h("div", { class: "toolbar" }, cameraPicker(this, undo), h("span", { class: "grow" }), dayPicker(this, undo)),
          stageBox, controls, this.timeline.element,
          h("div", { class: "toolbar timeline-tools" }, this.timeline.spans, h("span", { class: "grow" }), this.range.buttons),
          this.range.element),
        this.events.element));
    undo.add(() => this.stop(), zoneChoice.follow(() => {
      this.timeline.redraw();
      this.events.changed(true);
      this.range.redraw();
      if (this.wall !== null) this.#time(this.wall);
    }));
    undo.add(route.follow((next) => this.#routed(next)));
    undo.add(this.#keys());
    this.setCameras(this.cameras);
    this.timeline.setPlayhead(at);
    if (this.#isEmpty(camera)) this.#showNothing();
    else void this.seek(at).then(() => to.query?.at && this.stage.play());
  }

  get wall() {
    return this.stage.wall.value;
  }

  get lead() {
    return this.cameras[0];
  }

  /** Where to begin: as the address says, else a little before the newest. @param {string} camera @param {Route} to */
  #begin(camera, to) {
    const asked = Date.parse(to.query?.at ?? "");
    if (Number.isFinite(asked)) return asked;
    const last = Date.parse(cameras.value?.find((one) => one.name === camera)?.last ?? "");
    return (Number.isFinite(last) ? last : Date.now()) - MINUTE;
  }

  /** @param {string} camera */
  #isEmpty(camera) {
    const one = cameras.value?.find((known) => known.name === camera);
    return !one?.first && !one?.bytes;
  }

  #showNothing() {
    const one = cameras.value?.find((known) => known.name === this.lead);
    const why = one && !one.connected ? "The camera does not deliver." : one?.mode === "events" ? "It records when a policy asks for it, or when you do." : "The first minutes are on their way.";
    fill(this.stage.element, empty("recordings", "Nothing recorded yet", why));
    this.stage.element.dataset.count = "0";
  }

  /** @param {string[]} names The first one leads. */
  setCameras(names) {
    this.cameras = names;
    remember("camera", names[0]);
    this.stage.setCameras(names);
    this.timeline.setCameras(names);
    this.events.changed(true);
    this.#address();
  }

  /** @param {string} name */
  #leads(name) {
    this.cameras = [name, ...this.cameras.filter((one) => one !== name)];
    this.timeline.setCameras(this.cameras);
    this.events.changed(true);
  }

  /** The address says what is looked at, so that it can be kept or handed on. */
  #address() {
    if (route.value.view !== "play") return;
    const query = { ...(this.wall === null ? {} : { at: api.time(this.wall) }), ...(this.cameras.length > 1 ? { with: this.cameras.slice(1).join(",") } : {}) };
    history.replaceState(null, "", `#/play/${encodeURIComponent(route.value.camera ?? this.lead)}?${new URLSearchParams(query)}`);
  }

  /** Another moment of the same camera, from a link. @param {Route} next */
  #routed(next) {
    const at = Date.parse(next.query?.at ?? "");
    if (next.view === "play" && next.camera === route.value.camera && Number.isFinite(at) && Math.abs(at - (this.wall ?? 0)) > 1) {
      this.timeline.setPlayhead(at, true);
      void this.seek(at).then(() => this.stage.play());
    }
  }

  /** @param {number} wall @param {boolean} [moving] */
  async seek(wall, moving = false) {
    await this.stage.seek(wall, moving);
    if (!moving) this.#address();
  }

  /** Goes to the event of the leading camera that began after where one is, or before. @param {1 | -1} way */
  async goToNext(way) {
    if (this.#looking) return;
    this.#looking = true;
    const at = this.wall ?? this.timeline.playhead ?? Date.now();
    const here = Math.abs(at - this.#arrived.wall) < NEAR ? this.#arrived.start : null;
    const query = way > 0 ? { from: api.time((here ?? at + LEAD_IN) + 1), order: "asc" } : { to: api.time(here ?? at - SECOND), order: "desc" };
    try {
      const { events: [event] } = await seen({ camera: this.lead, kind: this.timeline.chosen, ...query }, 1);
      if (event) void this.goTo(Date.parse(event.start));
      else toast(way > 0 ? "No events after this." : "No events before this.", { key: "more" });
    } catch (error) {
      complain(error, "Events");
    } finally {
      this.#looking = false;
    }
  }

  /** Goes to an event, a little before it. @param {number} start */
  async goTo(start) {
    const at = start - LEAD_IN;
    const { view } = this.timeline;
    this.timeline.following = true;
    this.timeline.setPlayhead(at, start > view.to || start < view.from);
    this.#arrived = { start, wall: at };
    await this.seek(at);
    // Where it was not recorded, one is elsewhere.
    if (this.#arrived.start === start) this.#arrived.wall = this.wall ?? at;
  }

  /** @param {number} wall */
  #time(wall) {
    this.timeline.setPlayhead(wall);
    this.events.at(wall);
  }

  /** @param {number} from @param {number} until */
  #skipped(from, until) {
    const line = this.timeline.line;
    const gap = line?.gaps.find((one) => one.start < until && one.end > from);
    const why = gap ? GAP_WORDS[gap.reason] ?? gap.reason : "not recorded";
    this.say(`Skipped ${length(until - from)}: ${why}`);
  }

  /** @param {string} why */
  #ended(why) {
    const one = cameras.value?.find((known) => known.name === this.lead);
    this.say(why ? `It stops here: ${why}` : one?.connected ? "This is the newest there is." : "The recording ends here.");
  }

  /** A note over the picture. @param {string} text @param {{ label: string, act: () => void }} [answer] */
  say(text, answer) {
    clearTimeout(this.noteTimer);
    const end = () => (this.note.hidden = true);
    fill(this.note, icon("next"), text, answer && h("button", { type: "button", class: "button", on: { click: () => { end(); answer.act(); } } }, answer.label));
    this.note.hidden = false;
    this.noteTimer = setTimeout(end, answer ? QUESTION : NOTE);
  }

  /** By so much, in milliseconds. @param {number} by */
  jump(by) {
    const at = (this.wall ?? this.timeline.playhead ?? Date.now()) + by;
    this.timeline.setPlayhead(at);
    void this.seek(Math.min(at, Date.now()));
  }

  #keys() {
    const { stage, timeline } = this;
    return shortcuts("Recordings", [
      { keys: "Space k", says: "Play or pause", act: () => stage.toggle() },
      { keys: "j", says: "Play backwards", act: () => (stage.backwards.value ? stage.pause() : stage.playBackwards()) },
      { keys: "ArrowLeft", says: "10 s back", act: () => this.jump(-10 * SECOND), repeats: true },
      { keys: "ArrowRight", says: "10 s on", act: () => this.jump(10 * SECOND), repeats: true },
      { keys: ",", says: "The picture before", act: () => void stage.step(-1), repeats: true },
      { keys: ".", says: "The next picture", act: () => void stage.step(1), repeats: true },
      { keys: "p Shift+ArrowLeft", says: "The event before", act: () => void this.goToNext(-1) },
      { keys: "n Shift+ArrowRight", says: "The next event", act: () => void this.goToNext(1) },
      { keys: "+ =", says: "Zoom in", act: () => timeline.zoomBy(1 / 2), repeats: true },
      { keys: "-", says: "Zoom out", act: () => timeline.zoomBy(2), repeats: true },
      { keys: "i", says: "A range begins here", act: () => this.range.mark("from") },
      { keys: "o", says: "A range ends here", act: () => this.range.mark("to") },
      { keys: "e", says: "Export the range", act: () => this.range.export() },
      { keys: "Escape", says: "No range", act: () => timeline.setRange(null) },
      { keys: "m", says: "Sound", act: () => stage.mute(!stage.muted.value) },
      { keys: "l", says: "Live", act: () => navigate({ view: "live", camera: this.lead }) },
    ]);
  }

  stop() {
    clearTimeout(this.noteTimer);
    this.stage.stop();
    this.timeline.stop();
    this.events.stop();
  }
}

/** An hour around a moment, with little of what is still to come. @param {number} at */
function beginning(at) {
  const to = Math.min(at + HOUR / 2, Math.max(at, Date.now()) + 8 * MINUTE);
  return { from: to - HOUR, to };
}

/** @typedef {Player} PlayerView */

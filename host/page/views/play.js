// Recordings: a stage with one camera or several in step, the time line below, and what was seen.

import * as api from "../api.js";
import { fill, h, icon } from "../dom.js";
import { shortcuts } from "../keys.js";
import { now } from "../now.js";
import { Stage } from "../player/stage.js";
import { cameraPicker } from "../play/cameras.js";
import { dayPicker } from "../play/day.js";
import { DayEvents } from "../play/events.js";
import { Nothing } from "../play/nothing.js";
import { RangeBar } from "../play/range.js";
import { seen } from "../play/seen.js";
import { transport } from "../play/transport.js";
import { address, navigate, restate, route } from "../route.js";
import { Undo } from "../signal.js";
import { cameras, recall, remember, zoneChoice, zoneOf } from "../state.js";
import { GAP_WORDS } from "../timeline/draw.js";
import { Timeline } from "../timeline/timeline.js";
import { HOUR, length, MINUTE, SECOND } from "../time.js";
import { complain, toast } from "../toast.js";
import { noCamera, noSuchCamera } from "./empty.js";

/** @import { Route } from "../route.js" */

/** So much before an event playback begins: one wants to see it come. */
const LEAD_IN = 2 * SECOND;
/** Nearer than this to where one came for an event, one is at that event. */
const NEAR = 1.5 * SECOND;
/** How long a note is there, and one that can be answered. */
const NOTE = 5 * SECOND;
const QUESTION = 15 * SECOND;

/** @param {HTMLElement} root @param {Route} first */
export function playView(root, first) {
  const undo = new Undo();
  let its = new Undo();
  /** @type {Player | null} */
  let player = null;
  const show = (/** @type {Route} */ to) => {
    if (to.view !== "play" || player?.goes(to)) return;
    its.run();
    its = new Undo();
    player = null;
    const known = (cameras.value ?? []).map((one) => one.name);
    const camera = to.camera ?? [...others(to), recall("camera")].find((name) => name && known.includes(name)) ?? known[0];
    if (known.includes(camera)) {
      player = new Player(root, camera, to, its);
      player.begin();
      return;
    }
    fill(root, h("h1", { class: "unseen" }, "Recordings"), camera === undefined ? noCamera() : noSuchCamera(camera, known));
    // There may be one by and by.
    its.add(cameras.follow((all) => all?.some((one) => camera === undefined || one.name === camera) && show(to)));
  };
  undo.add(() => its.run(), route.follow(show));
  show(first);
  return undo;
}

/** What an address wants to see beside its camera, of what there is. @param {Route} to */
function others(to) {
  const names = new Set((to.query?.with ?? "").split(","));
  return [...names].filter((name) => name !== to.camera && cameras.value?.some((one) => one.name === name));
}

/** The moment that an address wants to see. @param {Route} to */
function askedFor(to) {
  const at = Date.parse(to.query?.at ?? "");
  return Number.isFinite(at) ? at : null;
}

class Player {
  /** @type {string[]} */
  cameras;
  /** What the address wanted to see at first. @type {number | null} */
  #asked;
  /** The address, as it was told last. */
  #told = "";
  /** The event that one went to last, and where one was then. */
  #arrived = { start: 0, wall: Number.NEGATIVE_INFINITY };
  #looking = false;
  #stopped = false;
  #heading = h("h1", { class: "unseen" });

  /** @param {HTMLElement} root @param {string} camera @param {Route} to @param {Undo} undo */
  constructor(root, camera, to, undo) {
    this.cameras = [camera, ...others(to).filter((name) => name !== camera)];
    this.#asked = askedFor(to);
    this.note = h("div", { class: "stage-note", role: "status", hidden: true });
    this.noteTimer = 0;
    this.stage = this.#stage();
    this.nothing = new Nothing(this.stage);
    this.timeline = new Timeline(beginning(this.#asked ?? this.#newest()), {
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
    this.picker = cameraPicker(this, undo);
    fill(root, this.#heading,
      h("div", { class: "play" },
        h("div", { class: "play-main" },
          h("div", { class: "toolbar" }, this.picker.element, h("span", { class: "grow" }), dayPicker(this, undo)),
          h("div", { class: "stage-box" }, this.stage.element, this.nothing.element, this.note), transport(this, undo), this.timeline.element,
          h("div", { class: "toolbar timeline-tools" }, this.timeline.spans, h("span", { class: "grow" }), this.range.buttons),
          this.range.element),
        this.events.element));
    undo.add(() => this.stop(), zoneChoice.follow(() => {
      this.timeline.redraw();
      this.events.changed(true);
      this.range.redraw();
      if (this.wall !== null) this.#time(this.wall);
    }));
    undo.add(cameras.follow(() => this.nothing.isShown && this.#start(null)), this.#keys());
  }

  #stage() {
    const camera = (/** @type {string} */ name) => cameras.value?.find((one) => one.name === name);
    return new Stage({
      zone: zoneOf,
      time: (wall) => this.#time(wall),
      skipped: (from, until) => this.#skipped(from, until),
      ended: (why) => this.#ended(why),
      leads: (name) => this.#leads(name),
      twice: () => this.say("This time was recorded twice", { label: "Show the other", act: () => void this.stage.other() }),
      first: (name) => Date.parse(camera(name)?.first ?? "") || 0,
      records: (name) => {
        const known = camera(name);
        // One that is recorded on demand may be so since it was asked for last.
        return Boolean(known?.connected && !known.stalled && known.mode !== "off");
      },
      failed: complain,
    });
  }

  /** Shows what the address asked for. */
  begin() {
    this.#show();
    this.#start(this.#asked);
  }

  /** Goes to a moment, and plays; with none, to a little before the newest. @param {number | null} at */
  #start(at) {
    if (this.nothing.show(this.cameras)) return this.timeline.setPlayhead(at ?? this.#newest());
    this.#go(at ?? this.#newest());
    if (at !== null) this.stage.play();
  }

  get wall() {
    return this.stage.wall.value;
  }

  get lead() {
    return this.cameras[0];
  }

  #newest() {
    const last = Date.parse(cameras.value?.find((one) => one.name === this.lead)?.last ?? "");
    return (Number.isFinite(last) ? last : now()) - MINUTE;
  }

  /** @param {string[]} names The first one leads. @param {{ back?: boolean }} [options] `back`: a step back leads to those that were there before. */
  setCameras(names, options) {
    this.cameras = names;
    this.#show(options);
    if (this.wall === null) this.#start(null);
  }

  /** @param {{ back?: boolean }} [options] */
  #show(options) {
    this.stage.setCameras(this.cameras);
    this.picker.show();
    this.#named(options);
  }

  /** @param {string} name */
  #leads(name) {
    this.cameras = [name, ...this.cameras.filter((one) => one !== name)];
    this.#named();
  }

  /** All that names the cameras, or what of the leading one is shown. @param {{ back?: boolean }} [options] */
  #named(options) {
    remember("camera", this.lead);
    this.#heading.textContent = `Recordings of ${this.cameras.join(", ")}`;
    this.timeline.setCameras(this.cameras);
    this.events.changed(true);
    this.#tell(options);
  }

  /** The address says what is looked at, so that it can be kept or handed on. @param {{ back?: boolean }} [options] */
  #tell({ back = false } = {}) {
    if (this.#stopped) return;
    const at = this.wall ?? this.#asked;
    const query = { ...(at === null ? {} : { at: api.time(at) }), ...(this.cameras.length > 1 ? { with: this.cameras.slice(1).join(",") } : {}) };
    const to = { view: "play", camera: this.lead, query };
    const before = this.#told;
    this.#told = address(to);
    if (back) navigate(to);
    else if (!restate(to)) this.#told = before;
  }

  /** Whether what an address asks for is shown, or on its way: another moment of the same cameras. @param {Route} to */
  goes(to) {
    if (address(to) === this.#told) return true;
    const at = askedFor(to);
    if (at === null || [to.camera, ...others(to)].join() !== this.cameras.join()) return false;
    this.#go(at, true);
    this.stage.play();
    return true;
  }

  /** @param {number} at @param {boolean} [centre] */
  #go(at, centre) {
    this.timeline.setPlayhead(at, centre);
    void this.seek(at);
  }

  /** @param {number} wall @param {boolean} [moving] */
  async seek(wall, moving = false) {
    if (this.#stopped) return;
    this.nothing.hide();
    await this.stage.seek(wall, moving);
    if (!moving) this.#tell();
  }

  /** Goes to the event of the leading camera that began after where one is, or before. @param {1 | -1} way */
  async goToNext(way) {
    if (this.#looking) return;
    this.#looking = true;
    const at = this.wall ?? this.timeline.playhead ?? now();
    const here = Math.abs(at - this.#arrived.wall) < NEAR ? this.#arrived.start : null;
    const query = way > 0 ? { from: api.time((here ?? at + LEAD_IN) + 1), order: "asc" } : { to: api.time(here ?? at - SECOND), order: "desc" };
    try {
      const { events: [event] } = await seen({ camera: this.lead, kind: this.timeline.chosen, ...query }, 1);
      if (this.#stopped) return;
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
    const at = (this.wall ?? this.timeline.playhead ?? now()) + by;
    this.timeline.setPlayhead(at);
    void this.seek(Math.min(at, now()));
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
    this.#stopped = true;
    clearTimeout(this.noteTimer);
    this.stage.stop();
    this.timeline.stop();
    this.events.stop();
  }
}

/** An hour around a moment, with little of what is still to come. @param {number} at */
function beginning(at) {
  const to = Math.min(at + HOUR / 2, Math.max(at, now()) + 8 * MINUTE);
  return { from: to - HOUR, to };
}

/** @typedef {Player} PlayerView */

// Several cameras in step: one leads, and the others follow the moment of its picture.

import { h } from "../dom.js";
import { now } from "../now.js";
import { signal, Undo } from "../signal.js";
import { MINUTE, SECOND } from "../time.js";
import { lastRecorded, nextOf, nextRecorded, recordedBefore, soonest } from "./gaps.js";
import { Pane } from "./pane.js";

/** How far a camera may be from the one that leads before it is sought; nearer, it is played a little faster or slower. */
const APART = 700;
const CHECK = 200;
/** Less video than this that is missing from picture to picture is not told. */
const GAP = SECOND;
/** Above this speed only key frames are played, at most one in so many milliseconds. */
const KEYS_ABOVE = 4;
const KEYS_EVERY = 125;
/** So near to the present, what is not there yet may be on its way to the disk: it is asked for again so often. */
const RECENT = 15 * SECOND;
const AGAIN = SECOND / 2;

/**
 * @typedef {object} Heard
 * @property {(camera: string) => string} zone
 * @property {(wall: number) => void} time
 * @property {(from: number, to: number) => void} skipped
 * @property {(why: string) => void} ended Nothing more can be shown; `why`, where that is not for want of video.
 * @property {(camera: string) => void} leads
 * @property {() => void} twice There is other video of the moment that is shown: a clock was set back.
 * @property {(camera: string) => number} first
 * @property {(camera: string) => boolean} records Whether more of a camera is to come.
 * @property {(error: unknown) => void} failed
 */
/** @typedef {{ wall: number, moving: boolean }} Target A moment that is to be shown; `moving`: until one has chosen. */

export class Stage {
  element = h("div", { class: "stage" });
  /** @type {Pane[]} */
  panes = [];
  playing = signal(false);
  speed = signal(1);
  /** Whether it goes backwards. */
  backwards = signal(false);
  /** The moment that is shown, or was asked for. */
  wall = signal(/** @type {number | null} */ (null));
  muted = signal(true);
  #lead = 0;
  #undo = new Undo();
  /** What is not shown yet. @type {Target | null} */
  #target = null;
  #keysApart = 0;
  #stopped = false;

  /** @param {Heard} heard */
  constructor(heard) {
    this.heard = heard;
    this.#undo.every(() => this.#keepStep(), CHECK);
  }

  /** @param {string[]} names The first one leads. */
  setCameras(names) {
    for (const pane of this.panes) if (!names.includes(pane.camera)) pane.stop();
    this.panes = names.map((name) => this.panes.find((pane) => pane.camera === name) ?? this.#pane(name));
    this.element.replaceChildren(...this.panes.map((pane) => pane.element));
    this.element.dataset.count = String(this.panes.length);
    this.#setLead(0);
    if (this.wall.value !== null) void this.seek(this.wall.value);
  }

  /** @param {string} name @returns {Pane} */
  #pane(name) {
    const pane = new Pane(name, this.heard.zone, {
      picture: (wall) => this.#picture(pane, wall),
      state: () => {},
      ended: () => void this.#ended(pane),
      lead: () => {
        this.#setLead(this.panes.indexOf(pane));
        this.heard.leads(name);
      },
    });
    pane.archive.keysApart = this.#keysApart;
    return pane;
  }

  /** @returns {Pane | undefined} */
  get lead() {
    return this.panes[this.#lead];
  }

  /** @param {number} at */
  #setLead(at) {
    this.#lead = Math.max(0, Math.min(at, this.panes.length - 1));
    this.panes.forEach((pane, number) => {
      pane.mark(number === this.#lead, this.panes.length === 1);
      pane.archive.video.muted = this.muted.value || number !== this.#lead;
    });
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.muted.value = muted;
    this.#setLead(this.#lead);
  }

  /** @param {Pane} pane @param {number} wall */
  #picture(pane, wall) {
    if (pane !== this.lead || this.#target || this.backwards.value) return;
    const before = this.wall.value;
    if (this.playing.value && before !== null) {
      const end = pane.archive.map.until(before);
      if (wall - end > GAP) this.heard.skipped(end, wall);
    }
    this.wall.value = wall;
    this.heard.time(wall);
  }

  /**
   * Shows a moment on all cameras. Where none has video then, the next that has some; `moving`: only
   * what can be shown at once. Called again before it is done, the last call counts.
   * @param {number} wall @param {boolean} [moving]
   */
  async seek(wall, moving = false) {
    if (this.#stopped) return;
    const those = moving ? this.panes.filter((pane) => pane.archive.covers(wall)) : this.panes;
    await this.#reach({ wall, moving }, () => those.map((pane) => pane.archive.show(wall)));
  }

  /** Where a clock was set back, the other video of the moment that is shown. */
  async other() {
    const { value: wall } = this.wall;
    if (wall !== null) await this.#reach({ wall, moving: false }, () => this.panes.map((pane) => pane.archive.showOther(wall)));
  }

  /** @param {Target} target @param {() => Promise<void>[]} show */
  async #reach(target, show) {
    if (this.backwards.value) this.#stopBackwards();
    for (const pane of this.panes) pane.awaited = false;
    this.wall.value = target.wall;
    this.#target = target;
    await Promise.all(show());
    if (this.#target !== target) return;
    if (!target.moving) await this.#arrive(target);
    if (this.#target === target) this.#target = null;
  }

  /** What nobody has is awaited, or not to be had. @param {boolean} awaited */
  #lack(awaited) {
    for (const pane of this.panes) {
      pane.awaited = awaited;
      pane.absent = !awaited;
      pane.update();
    }
  }

  /** Whether a moment that nobody has may be recorded soon. @param {number} wall */
  #isDue(wall) {
    return Math.abs(now() - wall) < RECENT && this.panes.some((pane) => this.heard.records(pane.camera));
  }

  /** Asks again for a moment that is being recorded. @param {Target} target */
  async #askAgain(target) {
    this.#lack(true);
    await new Promise((resolve) => setTimeout(resolve, AGAIN));
    if (this.#target !== target) return;
    await Promise.all(this.panes.map((pane) => pane.archive.show(target.wall)));
    if (this.#target === target) await this.#arrive(target);
  }

  /** After a seek: who has video leads; where nobody has, all go on to where somebody has. @param {Target} target */
  async #arrive(target) {
    const { wall } = target;
    const there = this.panes.findIndex((pane) => pane.archive.map.has(wall));
    if (there >= 0) {
      if (!this.lead?.archive.map.has(wall)) this.#setLead(there);
      const archive = this.lead?.archive;
      // What is shown is a picture's moment, not one between two.
      const shown = archive?.wall ?? wall;
      this.wall.value = shown;
      this.#show(shown);
      if (archive && archive.map.places(wall).length > 1) this.heard.twice();
      return;
    }
    const next = await soonest(this.panes.map((pane) => nextOf(pane.archive, wall)));
    if (this.#target !== target) return;
    if (next.at === null && next.why === "" && this.#isDue(wall)) return this.#askAgain(target);
    if (next.at !== null && next.at > wall) {
      this.heard.skipped(wall, next.at);
      await this.seek(next.at);
      return;
    }
    this.#lack(false);
    this.#end(next.at === null ? next.why : "what is recorded here can't be played");
  }

  /** @param {string} why */
  #end(why) {
    this.pause();
    this.heard.ended(why);
  }

  /** @param {number} wall */
  #show(wall) {
    for (const pane of this.panes) {
      pane.absent = !pane.archive.map.has(wall);
      pane.awaited = false;
      pane.update();
      if (this.playing.value && !pane.absent) {
        pane.archive.rate = this.speed.value;
        pane.archive.play();
      } else pane.archive.pause();
    }
    this.heard.time(wall);
  }

  play() {
    if (this.#stopped) return;
    const back = this.backwards.value;
    if (back) this.#stopBackwards();
    this.playing.value = true;
    const { value: wall } = this.wall;
    // What is on its way plays when it is there.
    if (this.#choosePictures() || this.#target || wall === null) return;
    if (!back && this.panes.some((pane) => pane.archive.map.has(wall))) this.#show(wall);
    else void this.seek(wall);
  }

  pause() {
    const back = this.backwards.value;
    if (back) this.#stopBackwards();
    if (this.panes.some((pane) => pane.awaited)) {
      this.#target = null;
      this.#lack(false);
    }
    this.playing.value = false;
    for (const pane of this.panes) pane.archive.pause();
    if (!this.#choosePictures() && back && this.wall.value !== null) void this.seek(this.wall.value);
  }

  /** All pictures, or where it plays fast key frames only: tells whether others are on their way now. */
  #choosePictures() {
    const fast = this.playing.value && this.speed.value > KEYS_ABOVE;
    const apart = fast ? this.speed.value * KEYS_EVERY : 0;
    if (apart === this.#keysApart) return false;
    this.#keysApart = apart;
    for (const pane of this.panes) pane.archive.keysApart = apart;
    const { value: wall } = this.wall;
    if (wall === null || this.panes.every((pane) => pane.archive.covers(wall))) return false;
    void this.seek(wall);
    return true;
  }

  toggle() {
    if (this.playing.value || this.backwards.value) this.pause();
    else this.play();
  }

  /** @param {number} speed */
  setSpeed(speed) {
    this.speed.value = speed;
    for (const pane of this.panes) pane.archive.rate = speed;
    this.#choosePictures();
    if (this.backwards.value) this.playBackwards();
  }

  /** @param {1 | -1} way */
  async step(way) {
    this.pause();
    const { lead } = this;
    if (!lead) return;
    await lead.archive.step(way);
    const { wall } = lead.archive;
    if (wall === null || this.#target) return;
    this.wall.value = wall;
    this.heard.time(wall);
    for (const pane of this.panes) if (pane !== lead && pane.archive.covers(wall)) void pane.archive.show(wall);
  }

  /** From key frame to key frame, backwards. */
  playBackwards() {
    const from = this.wall.value;
    if (from === null) return;
    for (const pane of this.panes) {
      pane.archive.pause();
      pane.reverse.stop();
    }
    this.playing.value = false;
    this.backwards.value = true;
    this.#target = null;
    for (const pane of this.panes) {
      const width = Math.min(1280, Math.round(pane.element.clientWidth * (devicePixelRatio || 1)));
      const first = this.heard.first(pane.camera);
      void pane.reverse.run(from, this.speed.value, width, {
        shown: (wall) => {
          pane.showTime(wall);
          if (pane !== this.lead) return;
          this.wall.value = wall;
          this.heard.time(wall);
        },
        back: (at) => recordedBefore(pane.archive.map, at, first),
        before: (at) => lastRecorded(pane.camera, at, first),
        ended: (why) => {
          if (pane !== this.lead) return;
          this.pause();
          if (why) this.heard.failed(new Error(why));
        },
      });
    }
  }

  #stopBackwards() {
    this.backwards.value = false;
    for (const pane of this.panes) pane.reverse.stop();
  }

  /** @param {Pane} pane */
  async #ended(pane) {
    if (pane !== this.lead || !this.playing.value) return;
    const wall = pane.archive.map.end ?? this.wall.value;
    if (wall === null) return;
    if (await pane.archive.more().catch(() => false)) {
      if (this.playing.value) pane.archive.play();
      return;
    }
    // The others may have more, and this one after a gap. Where nobody has, the last picture stays.
    const next = await soonest(this.panes.map(({ archive }) => archive.video.ended
      ? nextRecorded(archive.camera, Math.max(wall, archive.map.last ?? 0, archive.known))
      : nextOf(archive, wall + 1)));
    if (this.#target || !this.playing.value) return;
    if (next.at === null) return this.#end(next.why);
    if (next.at - wall > GAP) this.heard.skipped(wall, next.at);
    await this.seek(next.at);
  }

  /** Keeps those that follow where the one that leads is. */
  #keepStep() {
    const wall = this.wall.value;
    const { lead } = this;
    if (!lead || wall === null || !this.playing.value || this.#target) return;
    const last = lead.archive.map.last;
    if (last !== null && wall > last + MINUTE) return;
    for (const pane of this.panes) {
      if (pane !== lead) this.#follow(pane, wall);
    }
  }

  /** @param {Pane} pane @param {number} wall */
  #follow(pane, wall) {
    const { archive } = pane;
    const place = this.lead?.archive.place;
    if (archive.state === "loading") return;
    const asked = archive.state === "failed" || (archive.state === "nothing" && wall < archive.known + MINUTE);
    if (!asked && !archive.covers(wall)) void archive.show(wall, place);
    const absent = !archive.map.has(wall);
    if (absent !== pane.absent) {
      pane.absent = absent;
      pane.update();
      if (absent) archive.pause();
      else void archive.show(wall, place).then(() => this.playing.value && archive.play());
      return;
    }
    if (absent || archive.wall === null) return;
    const behind = wall - archive.wall;
    if (Math.abs(behind) > APART * Math.max(1, this.speed.value / 2)) {
      void archive.show(wall, place).then(() => this.playing.value && archive.play());
      return;
    }
    archive.rate = this.speed.value * (1 + Math.max(-0.15, Math.min(0.15, behind / 2000)));
    if (archive.video.paused) archive.play();
  }

  stop() {
    this.#stopped = true;
    this.#target = null;
    this.playing.value = false;
    this.#undo.run();
    for (const pane of this.panes) pane.stop();
  }
}

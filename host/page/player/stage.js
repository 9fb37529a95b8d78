// Several cameras in step: one leads, and the others follow the moment of its picture.

import { h } from "../dom.js";
import { signal, Undo } from "../signal.js";
import { MINUTE, SECOND } from "../time.js";
import { nextRecorded, recordedBefore } from "./gaps.js";
import { Pane } from "./pane.js";

/** How far a camera may be from the one that leads before it is sought; nearer, it is played a little faster or slower. */
const APART = 700;
const CHECK = 200;
/** A jump of the wall clock from picture to picture that is told as a gap. */
const GAP = SECOND;

/** @typedef {{ zone: (camera: string) => string, time: (wall: number) => void, skipped: (from: number, to: number) => void, ended: () => void, leads: (camera: string) => void, first: (camera: string) => number, failed: (error: unknown) => void }} Heard */

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
  #seeks = 0;

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
    if (pane !== this.lead || this.#seeks > 0 || this.backwards.value) return;
    const before = this.wall.value;
    if (this.playing.value && before !== null && wall - before > GAP + this.speed.value * 400) this.heard.skipped(before, wall);
    this.wall.value = wall;
    this.heard.time(wall);
  }

  /**
   * Shows a moment on all cameras. Where none has video then, the next that has some; `moving`: only
   * what can be shown at once.
   * @param {number} wall @param {boolean} [moving]
   */
  async seek(wall, moving = false) {
    if (this.backwards.value) this.#stopBackwards();
    this.wall.value = wall;
    this.#seeks += 1;
    try {
      const those = moving ? this.panes.filter((pane) => pane.archive.covers(wall)) : this.panes;
      await Promise.all(those.map((pane) => pane.archive.seek(wall)));
    } finally {
      this.#seeks -= 1;
    }
    if (moving || this.#seeks > 0) return;
    await this.#arrive(wall);
  }

  /** After a seek: who has video leads; where nobody has, all go on to where somebody has. @param {number} wall */
  async #arrive(wall) {
    const there = this.panes.findIndex((pane) => pane.archive.map.has(wall));
    if (there >= 0) {
      if (!this.lead?.archive.map.has(wall)) this.#setLead(there);
      // What is shown is a picture's moment, not one between two.
      const shown = this.lead?.archive.wall ?? wall;
      this.wall.value = shown;
      this.#show(shown);
      return;
    }
    const nexts = await Promise.all(this.panes.map((pane) => this.#nextOf(pane, wall)));
    const soonest = Math.min(...nexts.map((next) => next ?? Number.POSITIVE_INFINITY));
    if (this.#seeks > 0 || this.wall.value !== wall) return;
    if (!Number.isFinite(soonest)) {
      this.pause();
      for (const pane of this.panes) {
        pane.absent = true;
        pane.update();
      }
      this.heard.ended();
      return;
    }
    this.heard.skipped(wall, soonest);
    await this.seek(soonest);
  }

  /** @param {Pane} pane @param {number} wall */
  #nextOf(pane, wall) {
    const found = pane.archive.map.toMedia(wall);
    if (found) return Promise.resolve(found.wall);
    return nextRecorded(pane.camera, wall).catch((error) => {
      this.heard.failed(error);
      return null;
    });
  }

  /** @param {number} wall */
  #show(wall) {
    for (const pane of this.panes) {
      pane.absent = !pane.archive.map.has(wall);
      pane.update();
      if (this.playing.value && !pane.absent) {
        pane.archive.rate = this.speed.value;
        pane.archive.play();
      } else pane.archive.pause();
    }
    this.heard.time(wall);
  }

  play() {
    if (this.backwards.value) this.#stopBackwards();
    this.playing.value = true;
    if (this.wall.value !== null) this.#show(this.wall.value);
  }

  pause() {
    const back = this.backwards.value;
    if (back) this.#stopBackwards();
    this.playing.value = false;
    for (const pane of this.panes) pane.archive.pause();
    if (back && this.wall.value !== null) void this.seek(this.wall.value);
  }

  toggle() {
    if (this.playing.value || this.backwards.value) this.pause();
    else this.play();
  }

  /** @param {number} speed */
  setSpeed(speed) {
    this.speed.value = speed;
    for (const pane of this.panes) pane.archive.rate = speed;
    if (this.backwards.value) this.playBackwards();
  }

  /** @param {1 | -1} way */
  async step(way) {
    this.pause();
    const { lead } = this;
    if (!lead) return;
    await lead.archive.step(way);
    const { wall } = lead.archive;
    if (wall === null) return;
    this.wall.value = wall;
    this.heard.time(wall);
    for (const pane of this.panes) if (pane !== lead && pane.archive.covers(wall)) void pane.archive.seek(wall);
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
    for (const pane of this.panes) {
      const width = Math.min(1280, Math.round(pane.element.clientWidth * (devicePixelRatio || 1)));
      void pane.reverse.run(from, this.speed.value, width, (wall) => {
        pane.showTime(wall);
        if (pane !== this.lead) return;
        this.wall.value = wall;
        this.heard.time(wall);
      }, (at) => recordedBefore(pane.archive.map, at, this.heard.first(pane.camera)), () => pane === this.lead && this.pause());
    }
  }

  #stopBackwards() {
    this.backwards.value = false;
    for (const pane of this.panes) pane.reverse.stop();
  }

  /** @param {Pane} pane */
  async #ended(pane) {
    if (pane !== this.lead || !this.playing.value) return;
    const wall = pane.archive.map.last ?? this.wall.value;
    if (wall === null) return;
    if (await pane.archive.more().catch(() => false)) {
      if (this.playing.value) pane.archive.play();
      return;
    }
    // The others may have more, and this one after a gap. Where nobody has, the last picture stays.
    const nexts = await Promise.all(this.panes.map((one) => this.#nextOf(one, wall + 1)));
    if (nexts.some((next) => next !== null)) {
      await this.seek(wall + 1);
      return;
    }
    this.pause();
    this.heard.ended();
  }

  /** Keeps those that follow where the one that leads is. */
  #keepStep() {
    const wall = this.wall.value;
    const { lead } = this;
    if (!lead || wall === null || !this.playing.value || this.#seeks > 0) return;
    const last = lead.archive.map.last;
    if (last !== null && wall > last + MINUTE) return;
    for (const pane of this.panes) {
      if (pane !== lead) this.#follow(pane, wall);
    }
  }

  /** @param {Pane} pane @param {number} wall */
  #follow(pane, wall) {
    const { archive } = pane;
    if (archive.state === "loading") return;
    if (!archive.covers(wall) && archive.state !== "failed" && archive.state !== "nothing") void archive.seek(wall);
    const absent = !archive.map.has(wall);
    if (absent !== pane.absent) {
      pane.absent = absent;
      pane.update();
      if (absent) archive.pause();
      else void archive.seek(wall).then(() => this.playing.value && archive.play());
      return;
    }
    if (absent || archive.wall === null) return;
    const behind = wall - archive.wall;
    if (Math.abs(behind) > APART * Math.max(1, this.speed.value / 2)) {
      void archive.seek(wall).then(() => this.playing.value && archive.play());
      return;
    }
    archive.rate = this.speed.value * (1 + Math.max(-0.15, Math.min(0.15, behind / 2000)));
    if (archive.video.paused) archive.play();
  }

  stop() {
    this.#undo.run();
    for (const pane of this.panes) pane.stop();
  }
}

// What the mock host has: cameras, recordings with gaps, events, exports. Deterministic but for the
// clock, so that a look at the page shows the same twice.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @typedef {"full" | "many" | "empty" | "no-camera" | "troubles" | "one"} Scenario */

/** A number in 0..1 that is the same for the same text. @param {string} text */
export function chance(text) {
  let hash = 2166136261;
  for (const char of text) hash = Math.imul(hash ^ char.charCodeAt(0), 16777619);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 2246822507);
  hash ^= hash >>> 13;
  return (hash >>> 0) / 4294967296;
}

/** @param {number} at */
export const iso = (at) => new Date(at).toISOString();

export class World {
  /** @type {Scenario} */
  scenario = "full";
  begun = Date.now();
  /** @type {any[]} */
  pins = [];
  /** @type {any[]} */
  jobs = [];
  /** So many pieces of the first live stream are nonsense from now on. */
  spoil = 0;
  /** Who follows the events. @type {Set<(notice: any) => void>} */
  listeners = new Set();
  /** Said by a test, beside what is made up. @type {any[]} */
  said = [];
  #sequence = 1e9;
  password = "";
  user = "";

  /** As it was at first. Who listens goes on to. */
  reset() {
    Object.assign(this, { scenario: "full", pins: [], jobs: [], spoil: 0, said: [], password: "", user: "" });
  }

  /** @returns {string[]} */
  get names() {
    return { full: ["gate", "yard", "porch", "garage"], many: Array.from({ length: 12 }, (_, at) => `camera-${at + 1}`), troubles: ["gate", "yard", "porch", "garage"], empty: ["gate"], "no-camera": [], one: ["gate"] }[this.scenario];
  }

  get hasVideo() {
    return this.scenario !== "empty" && this.scenario !== "no-camera";
  }

  cameras() {
    const now = Date.now();
    return this.names.map((name) => {
      const gone = this.scenario === "troubles" && name === "porch";
      const full = this.scenario === "troubles";
      return {
        name, mode: name === "garage" ? "events" : "both", time_zone: "America/New_York", configured: true,
        connected: !gone, recording: !gone && !full && name !== "garage", stalled: full && !gone, fail_open: this.scenario === "troubles" && name === "yard",
        since: iso(gone ? now - 23 * MINUTE : this.begun), ...(gone ? { detail: "connect to 10.0.0.23: connection refused" } : {}),
        first: this.hasVideo ? iso(now - 12 * DAY) : null, last: this.hasVideo ? iso(now - 10 * SECOND) : null,
        bytes: this.hasVideo ? Math.round(48e9 * (0.5 + chance(name))) : 0,
        streams: { main: { codec: "avc1.64001f", width: 1280, height: 720 }, second: name === "gate" ? { codec: "avc1.64000d", width: 320, height: 180 } : null },
      };
    });
  }

  /** Where a camera has no video: some minutes every few hours but for the last day, and half a day once. @param {string} camera @param {number} from @param {number} to */
  gaps(camera, from, to) {
    const found = [];
    for (let slot = Math.floor(from / (4 * HOUR)) - 1; slot * 4 * HOUR < to; slot += 1) {
      if (chance(`${camera} gap ${slot}`) > 0.4) continue;
      const start = slot * 4 * HOUR + Math.floor(chance(`${camera} at ${slot}`) * 3 * HOUR / MINUTE) * MINUTE;
      const end = start + (2 + Math.floor(chance(`${camera} for ${slot}`) * 20)) * MINUTE;
      // Tests look at moments some hours ago, at any time of day.
      if (end < this.begun - DAY) found.push({ start, end, reason: ["offline", "silent", "stopped"][slot % 3] });
    }
    const day = Math.floor((Date.now() - 5 * DAY) / DAY) * DAY;
    found.push({ start: day + 3 * HOUR, end: day + 14 * HOUR, reason: "offline" });
    // One that is always near: some minutes ago.
    const near = Math.floor((this.begun - 14 * MINUTE) / MINUTE) * MINUTE;
    found.push({ start: near, end: near + 90 * SECOND, reason: "offline" });
    return found.filter((gap) => gap.end > from && gap.start < to).sort((one, other) => one.start - other.start);
  }

  /** @param {string} camera @param {number} from @param {number} to @returns {{ start: number, end: number }[]} */
  recorded(camera, from, to) {
    if (!this.hasVideo) return [];
    const first = Date.now() - 12 * DAY;
    const last = Date.now() - 4 * SECOND;
    let at = Math.max(from, first);
    const end = Math.min(to, last);
    const found = [];
    for (const gap of this.gaps(camera, at, end)) {
      if (gap.start > at) found.push({ start: at, end: gap.start });
      at = Math.max(at, gap.end);
    }
    if (end > at) found.push({ start: at, end });
    return found;
  }

  /** @param {string} camera @param {number} from @param {number} to */
  events(camera, from, to) {
    if (!this.hasVideo) return [];
    const found = [];
    for (let slot = Math.floor(from / (20 * MINUTE)) - 1; slot * 20 * MINUTE < Math.min(to, Date.now()); slot += 1) {
      const key = `${camera} event ${slot}`;
      if (chance(key) > 0.55) continue;
      const start = slot * 20 * MINUTE + Math.floor(chance(`${key} at`) * 18 * MINUTE);
      const roll = chance(`${key} kind`);
      const kind = roll < 0.6 ? "motion" : roll < 0.8 ? "person" : roll < 0.93 ? "vehicle" : "door.opened";
      const long = kind === "door.opened" ? 0 : 4 * SECOND + Math.floor(chance(`${key} for`) * 50 * SECOND);
      if (start > Date.now()) continue;
      const open = start + long > Date.now();
      const x = 0.1 + chance(`${key} x`) * 0.6;
      found.push({
        sequence: slot * 8 + this.names.indexOf(camera), id: `${camera}/${kind === "door.opened" ? "door" : "motion"}/1/${slot}`, kind, camera, origin: kind === "door.opened" ? "door" : "motion",
        start: iso(start), end: open ? null : iso(start + long), open, confidence: kind === "door.opened" ? 1 : 0.4 + 0.6 * chance(`${key} sure`),
        regions: long > 0 ? [{ area: { x, y: 0.3 + chance(`${key} y`) * 0.3, width: 0.15, height: 0.35 }, confidence: 0.8 }] : [],
        zones: x > 0.4 ? ["driveway"] : [], attributes: [], correlation: null,
      });
    }
    found.push(...this.said.filter((event) => event.camera === camera));
    return found.filter((event) => Date.parse(event.end ?? event.start) >= from && Date.parse(event.start) < to);
  }

  /**
   * What is said of an event now.
   * @param {any} event @param {"instant" | "begin" | "update" | "end"} phase @param {number} [time]
   */
  notice(event, phase, time = Date.now()) {
    const { id, kind, camera, origin, confidence, regions, attributes, correlation } = event;
    // An event has the number of what is said of it first.
    const sequence = phase === "begin" ? event.sequence : (this.#sequence += 1);
    return { id, kind, phase, time: iso(time), camera, origin, confidence, sequence, received: iso(Date.now()), regions, attributes, correlation };
  }

  /** An event begins, and lasts until a test says otherwise. @param {string} camera @param {string} kind @param {number} start */
  begin(camera, kind, start) {
    this.#sequence += 1;
    const event = { sequence: this.#sequence, id: `${camera}/motion/1/${this.#sequence}`, kind, camera, origin: "motion", start: iso(start), end: /** @type {string | null} */ (null), open: true, confidence: 0.6, regions: [], zones: [], attributes: [], correlation: null };
    this.said.push(event);
    return event;
  }

  /** @param {any} event @param {"begin" | "update" | "end"} phase @param {number} [time] */
  tell(event, phase, time = Date.now()) {
    if (phase === "end") Object.assign(event, { end: iso(time), open: false });
    const notice = this.notice(event, phase, time);
    for (const listener of this.listeners) listener(notice);
  }

  /** @param {string} camera @param {number} from @param {number} to */
  timeline(camera, from, to) {
    const events = this.events(camera, from, to);
    const step = Math.max(SECOND, Math.round((to - from) / 600 / SECOND) * SECOND);
    const values = Array.from({ length: Math.ceil((to - from) / step) }, (_, at) => {
      const begin = from + at * step;
      const there = events.find((event) => event.kind !== "door.opened" && Date.parse(event.start) < begin + step && Date.parse(event.end ?? event.start) > begin);
      return there ? 0.05 + 0.4 * chance(`${there.id} ${Math.floor(begin / step)}`) : 0;
    });
    return {
      recorded: this.recorded(camera, from, to).map(({ start, end }) => ({ epoch: 0, start: iso(start), end: iso(end), segments: 4, bytes: 1e6 })),
      growing: this.hasVideo && to > Date.now() ? [iso(Date.now() - 4 * SECOND)] : [],
      gaps: this.hasVideo ? this.gaps(camera, Math.max(from, Date.now() - 12 * DAY), Math.min(to, Date.now())).map((gap) => ({ ...gap, start: iso(gap.start), end: iso(gap.end) })) : [],
      spans: events.filter((event) => event.kind !== "motion").map((event) => ({ policy: "visits", start: iso(Date.parse(event.start) - 10 * SECOND), end: iso(Date.parse(event.end ?? event.start) + 20 * SECOND), count: 1, id: event.id, label: event.kind })),
      pins: this.pins.filter((pin) => pin.camera === camera),
      events: events.map(({ kind, origin, start, end, sequence }) => ({ kind, origin, start, end, count: 1, sequence })),
      motion: { start: iso(from), step: `${step / SECOND}s`, values }, truncated: null,
    };
  }

  health() {
    const troubled = this.scenario === "troubles";
    const detail = "the filesystem is at its floor of 2 GB: nothing is written until there is room";
    return {
      cameras: [], plugins: [],
      store: {
        healthy: !troubled, free_bytes: troubled ? 1.9e9 : 412e9, ...(troubled ? { detail } : {}),
        places: [
          { name: "main", path: "/var/lib/wardline", healthy: !troubled, free_bytes: troubled ? 1.9e9 : 412e9, bytes: this.hasVideo ? 188e9 : 0, ...(troubled ? { detail } : {}) },
          ...(this.scenario === "full" || troubled ? [{ name: "archive", path: "/mnt/archive/wardline", healthy: true, free_bytes: 2.4e12, bytes: 1.1e12 }] : []),
        ],
      },
    };
  }

  plugins() {
    const troubled = this.scenario === "troubles";
    const component = (/** @type {string} */ id, /** @type {string} */ world) => ({ id, version: "0.1.0", world, digest: `sha256:${"ab".repeat(32)}`, grants: [] });
    return this.names.flatMap((camera) => [
      { name: "motion", camera, state: troubled && camera === "yard" ? "quarantined" : "running", ...(troubled && camera === "yard" ? { reason: "trapped five times in ten minutes: unreachable executed" } : {}),
        component: component("analyzer-motion", "analyzer"), calls: 183_220, mean_micros: 410, p50_micros: 380, p99_micros: 1240, overruns: 0, faults: troubled && camera === "yard" ? 5 : 0, memory_peak_bytes: 5.4e6 },
      { name: "visits", camera, state: "running", component: component("policy-pre-post", "policy"), calls: 4210, mean_micros: 38, p50_micros: 30, p99_micros: 120, overruns: 0, faults: 0, memory_peak_bytes: 1.3e6 },
    ]);
  }

  plan() {
    const held = (/** @type {number} */ all) => ({ expired: 0, continuous: all * 0.78, span: all * 0.18, pinned: all * 0.04 });
    return {
      at: iso(Date.now()), guarded: null, now: [],
      cameras: this.cameras().map((camera) => ({
        name: camera.name, configured: true, segments: 9000, bytes: camera.bytes, held: held(camera.bytes), oldest: camera.first, bytes_a_day: camera.bytes / 12,
        asked_days: camera.name === "garage" ? null : 30, sustainable_days: this.hasVideo ? (camera.name === "yard" ? 21.4 : 44) : null, size_max: null, next_by_age: null, next_by_size: null,
      })),
      stores: this.health().store.places.map((place) => ({ name: place.name, bytes: place.bytes, held: held(place.bytes), free: place.free_bytes, floor: 2e9, size_max: null, bytes_a_day: place.bytes / 12, next_by_room: null })),
    };
  }

  config() {
    return {
      plugins: { motion: { component: "analyzer-motion", params: { sensitivity: "high", zones: { driveway: [[0.4, 0.35], [0.95, 0.4], [0.9, 0.95], [0.35, 0.9]] }, masks: [[[0, 0], [0.3, 0], [0.22, 0.2], [0, 0.25]]] } } },
      cameras: Object.fromEntries(this.names.map((name) => [name, { mode: "both", analyzers: ["motion"], policies: ["visits"], url: "rtsp://***@10.0.0.20/stream" }])),
    };
  }
}

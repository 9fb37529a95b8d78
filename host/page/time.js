// Moments, as people read them: in a time zone, over its changes of offset. All moments are
// milliseconds of UTC since 1970; no view asks the browser's own zone for anything.

import { now } from "./now.js";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** @typedef {{ year: number, month: number, day: number, hour: number, minute: number, second: number, millisecond: number }} Parts */
/** @typedef {"millisecond" | "second" | "minute" | "hour" | "day" | "month" | "year"} Unit */

/** Offsets change at quarters of an hour, so one is asked for once in each. */
const QUARTER = 15 * MINUTE;

/** @type {Map<string, { format: Intl.DateTimeFormat, offsets: Map<number, number> }>} */
const zones = new Map();

/** The zone of the one who looks. */
export function ownZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** @param {string} zone */
export function isZone(zone) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** @param {string} zone */
function known(zone) {
  let found = zones.get(zone);
  if (!found) {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hourCycle: "h23", era: "short",
      year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
    });
    found = { format, offsets: new Map() };
    zones.set(zone, found);
  }
  return found;
}

/**
 * Milliseconds that a zone is ahead of UTC at a moment.
 * @param {number} at
 * @param {string} zone
 */
export function offset(at, zone) {
  const quarter = Math.floor(at / QUARTER);
  const { format, offsets } = known(zone);
  let found = offsets.get(quarter);
  if (found === undefined) {
    const begin = quarter * QUARTER;
    /** @type {Record<string, string>} */
    const text = {};
    for (const part of format.formatToParts(begin)) text[part.type] = part.value;
    const local = Date.UTC(+text.year, +text.month - 1, +text.day, +text.hour, +text.minute, +text.second);
    found = local - begin;
    if (offsets.size > 20_000) offsets.clear();
    offsets.set(quarter, found);
  }
  return found;
}

/**
 * What a clock in the zone shows.
 * @param {number} at
 * @param {string} zone
 * @returns {Parts}
 */
export function parts(at, zone) {
  const local = new Date(Math.floor(at) + offset(at, zone));
  return {
    year: local.getUTCFullYear(), month: local.getUTCMonth() + 1, day: local.getUTCDate(),
    hour: local.getUTCHours(), minute: local.getUTCMinutes(), second: local.getUTCSeconds(),
    millisecond: local.getUTCMilliseconds(),
  };
}

/**
 * The moment at which a clock in the zone shows this: of two, the one nearer to `near`, else the
 * earlier one. What no clock shows, because an hour is left out, is as much later as the clock jumps.
 * @param {{ year: number, month?: number, day?: number, hour?: number, minute?: number, second?: number, millisecond?: number }} shown
 * @param {string} zone
 * @param {number} [near]
 */
export function moment(shown, zone, near = Number.NEGATIVE_INFINITY) {
  const { year, month = 1, day = 1, hour = 0, minute = 0, second = 0, millisecond = 0 } = shown;
  const local = Date.UTC(year, month - 1, day, hour, minute, second, millisecond);
  const before = offset(local - DAY, zone);
  const after = offset(local + DAY, zone);
  const [early, late] = [local - Math.max(before, after), local - Math.min(before, after)].filter((at) => at + offset(at, zone) === local);
  if (early === undefined) return local - before;
  return late !== undefined && near > (early + late) / 2 ? late : early;
}

/**
 * The last beginning of a unit, as clocks in the zone show it, at or before a moment.
 * @param {number} at
 * @param {Unit} unit
 * @param {string} zone
 */
export function floor(at, unit, zone) {
  if (unit === "millisecond") return Math.floor(at);
  if (unit === "second") return Math.floor(at / SECOND) * SECOND;
  const ahead = offset(at, zone);
  if (unit === "minute") return Math.floor((at + ahead) / MINUTE) * MINUTE - ahead;
  if (unit === "hour") return Math.floor((at + ahead) / HOUR) * HOUR - ahead;
  const { year, month, day } = parts(at, zone);
  if (unit === "day") return moment({ year, month, day }, zone);
  if (unit === "month") return moment({ year, month }, zone);
  return moment({ year }, zone);
}

/**
 * As much later as people count: a day later is the same time tomorrow, be it 23 hours or 25.
 * @param {number} at
 * @param {Unit} unit
 * @param {number} count
 * @param {string} zone
 */
export function add(at, unit, count, zone) {
  if (unit === "day" || unit === "month" || unit === "year") {
    const shown = parts(at, zone);
    shown[unit] += count;
    return moment(shown, zone);
  }
  const lengths = { millisecond: 1, second: SECOND, minute: MINUTE, hour: HOUR };
  return at + count * lengths[unit];
}

/** @param {number} number @param {number} [digits] */
const pad = (number, digits = 2) => String(number).padStart(digits, "0");

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** @param {Parts} shown */
function weekday(shown) {
  return WEEKDAYS[new Date(Date.UTC(shown.year, shown.month - 1, shown.day)).getUTCDay()];
}

/**
 * `14:03`, `14:03:20` or `14:03:20.480`.
 * @param {number} at
 * @param {string} zone
 * @param {"minute" | "second" | "millisecond"} [to]
 */
export function clock(at, zone, to = "second") {
  const shown = parts(at, zone);
  const text = `${pad(shown.hour)}:${pad(shown.minute)}`;
  if (to === "minute") return text;
  if (to === "second") return `${text}:${pad(shown.second)}`;
  return `${text}:${pad(shown.second)}.${pad(shown.millisecond, 3)}`;
}

/**
 * `Sat 28 Nov 2026`; the year is left out where it is this one.
 * @param {number} at
 * @param {string} zone
 * @param {number} [present]
 */
export function date(at, zone, present = now()) {
  const shown = parts(at, zone);
  const text = `${weekday(shown)} ${shown.day} ${MONTHS[shown.month - 1]}`;
  return shown.year === parts(present, zone).year ? text : `${text} ${shown.year}`;
}

/**
 * `today 14:03:20`, `yesterday 14:03:20` or with the date.
 * @param {number} at
 * @param {string} zone
 * @param {number} [present]
 */
export function dateTime(at, zone, present = now()) {
  const today = floor(present, "day", zone);
  const day = floor(at, "day", zone);
  const time = clock(at, zone);
  if (day === today) return `today ${time}`;
  if (day === add(today, "day", -1, zone)) return `yesterday ${time}`;
  return `${date(at, zone, present)}, ${time}`;
}

/**
 * Whether the clocks of a zone change within a day of a moment: then a time alone may be mistaken.
 * @param {number} at
 * @param {string} zone
 */
export const isNearChange = (at, zone) => offset(at - DAY, zone) !== offset(at + DAY, zone);

/**
 * What is said beside a time, where it may be mistaken without.
 * @param {number} at
 * @param {string} zone
 */
export const offsetNote = (at, zone) => (isNearChange(at, zone) ? ` ${offsetName(at, zone)}` : "");

/**
 * `UTC+1`, `UTC-3:30`: what tells the two hours apart that a clock shows twice.
 * @param {number} at
 * @param {string} zone
 */
export function offsetName(at, zone) {
  const minutes = Math.round(offset(at, zone) / MINUTE);
  if (minutes === 0) return "UTC";
  const whole = Math.floor(Math.abs(minutes) / 60);
  const rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? "−" : "+"}${whole}${rest ? `:${pad(rest)}` : ""}`;
}

/**
 * `4 d 2 h`, `3 min 20 s`, `12.4 s`, `480 ms`: the two units that matter.
 * @param {number} milliseconds
 */
export function length(milliseconds) {
  const rounded = Math.round(Math.abs(milliseconds));
  if (rounded < SECOND) return `${rounded} ms`;
  if (rounded < MINUTE) return `${Number((rounded / SECOND).toFixed(rounded < 10 * SECOND ? 1 : 0))} s`;
  /** @type {[number, string][]} */
  const units = [[DAY, "d"], [HOUR, "h"], [MINUTE, "min"], [SECOND, "s"]];
  const at = units.findIndex(([unit]) => rounded >= unit);
  const [[first, firstName], next] = [units[at], units[at + 1]];
  const whole = Math.floor(rounded / first);
  const rest = next ? Math.floor((rounded % first) / next[0]) : 0;
  return rest && next ? `${whole} ${firstName} ${rest} ${next[1]}` : `${whole} ${firstName}`;
}

/**
 * The value of `<input type="datetime-local" step="1">`.
 * @param {number} at
 * @param {string} zone
 */
export function toInput(at, zone) {
  const shown = parts(at, zone);
  return `${pad(shown.year, 4)}-${pad(shown.month)}-${pad(shown.day)}T${clock(at, zone)}`;
}

/**
 * @param {string} text
 * @param {string} zone
 * @param {number} [near] Of two moments that a clock shows alike, the nearer to this is meant; else the earlier.
 * @returns {number | null}
 */
export function fromInput(text, zone, near) {
  const found = /^(\d{4,})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d))?)?/.exec(text);
  if (!found) return null;
  const [year, month, day, hour, minute, second] = found.slice(1).map((digits) => Number(digits ?? 0));
  return moment({ year, month, day, hour, minute, second }, zone, near);
}

/** @typedef {{ at: number, label: string, major: boolean }} Tick */

/** From fine to coarse: a unit, how many of it, and what makes a tick of these a major one. */
/** @type {[Unit, number, Unit][]} */
const STEPS = [
  ["millisecond", 20, "second"], ["millisecond", 100, "second"], ["millisecond", 200, "second"], ["millisecond", 500, "second"],
  ["second", 1, "minute"], ["second", 2, "minute"], ["second", 5, "minute"], ["second", 10, "minute"], ["second", 30, "minute"],
  ["minute", 1, "hour"], ["minute", 2, "hour"], ["minute", 5, "hour"], ["minute", 10, "hour"], ["minute", 30, "hour"],
  ["hour", 1, "day"], ["hour", 2, "day"], ["hour", 3, "day"], ["hour", 6, "day"], ["hour", 12, "day"],
  ["day", 1, "month"], ["day", 2, "month"], ["day", 7, "month"], ["month", 1, "year"],
];

/**
 * Where a ruler over `[from, to)` has its marks, at least `apart` milliseconds from one another.
 * @param {number} from
 * @param {number} to
 * @param {number} apart
 * @param {string} zone
 * @returns {Tick[]}
 */
export function ticks(from, to, apart, zone) {
  const rough = { millisecond: 1, second: SECOND, minute: MINUTE, hour: HOUR, day: DAY, month: 28 * DAY, year: 365 * DAY };
  const [unit, count, major] = STEPS.find(([unit, count]) => rough[unit] * count >= apart) ?? STEPS[STEPS.length - 1];
  /** @type {Tick[]} */
  const found = [];
  let group = floor(from, major, zone);
  while (group < to && found.length < 500) {
    const next = floor(add(group, major, 1, zone), major, zone);
    let at = group;
    for (let number = 0; at < next && at < to; number += 1) {
      // The last of a month's weeks would stand too near to the next month.
      const crowded = number > 0 && unit === "day" && count > 1 && next - at < apart;
      if (at >= from && !crowded) found.push({ at, label: label(at, number === 0 ? major : unit, zone), major: number === 0 });
      at = step(at, group, unit, count, number + 1, zone);
    }
    group = next > group ? next : group + rough[major];
  }
  return found;
}

/**
 * The tick after `at`. Hours are counted by what clocks show, so that ticks stay at even hours over
 * a change of offset.
 * @param {number} at @param {number} group @param {Unit} unit @param {number} count
 * @param {number} number @param {string} zone
 */
function step(at, group, unit, count, number, zone) {
  if (unit !== "hour") return add(group, unit, count * number, zone);
  let next = at;
  do next += HOUR;
  while (parts(next, zone).hour % count !== 0);
  return next;
}

/** @param {number} at @param {Unit} unit @param {string} zone */
function label(at, unit, zone) {
  const shown = parts(at, zone);
  if (unit === "year") return String(shown.year);
  if (unit === "month") return MONTHS[shown.month - 1];
  if (unit === "day") return `${weekday(shown)} ${shown.day} ${MONTHS[shown.month - 1]}`;
  if (unit === "hour" || unit === "minute") return `${pad(shown.hour)}:${pad(shown.minute)}`;
  if (unit === "second") return `${pad(shown.hour)}:${pad(shown.minute)}:${pad(shown.second)}`;
  return `.${pad(shown.millisecond, 3)}`;
}

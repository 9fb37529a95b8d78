// The time line as a picture: a ruler, and a row of bands for each camera. Draws, and decides nothing.

import { ticks } from "../time.js";
import { toX } from "./scale.js";

/** @import { Line } from "./data.js" */
/** @import { Stretch } from "./scale.js" */

export const RULER = 28;
const ROW = 28;
const ROW_SMALL = 18;
const LANE = 12;
const SPACE = 8;
const LANES_MAX = 3;

/** @typedef {{ camera: string, line: Line }} Row */
/**
 * @typedef {object} Scene
 * @property {Stretch} view
 * @property {number} width
 * @property {Row[]} rows The first one leads.
 * @property {string[]} kinds Kinds of events that have a lane.
 * @property {string} zone
 * @property {number | null} playhead
 * @property {number | null} hover
 * @property {Stretch | null} range
 * @property {number} now
 * @property {string | null} chosen A kind that stands out.
 */

/** @param {Row[]} rows @param {string[]} kinds */
export function height(rows, kinds) {
  const bands = rows.length > 1 ? rows.length * (ROW_SMALL + 4) : ROW;
  return RULER + SPACE + bands + SPACE + Math.max(1, kinds.length) * LANE + LANE + SPACE;
}

/**
 * The kinds of events that get a lane, most frequent first; what is left shares the last one.
 * @param {Line} line
 * @returns {string[]}
 */
export function lanes(line) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const event of line.events) counts.set(event.kind, (counts.get(event.kind) ?? 0) + event.count);
  const kinds = [...counts.keys()].sort((one, other) => one === "motion" ? -1 : other === "motion" ? 1 : (counts.get(other) ?? 0) - (counts.get(one) ?? 0) || one.localeCompare(other));
  return kinds.length <= LANES_MAX ? kinds : [...kinds.slice(0, LANES_MAX - 1), "other"];
}

/** @typedef {Record<"text" | "quiet" | "line" | "surface" | "band" | "motion" | "accent" | "gap" | "danger" | "event" | "range" | "font", string>} Palette */

/** @param {Element} element @returns {Palette} */
export function palette(element) {
  const style = getComputedStyle(element);
  const of = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  return {
    text: of("--text"), quiet: of("--text-quiet"), line: of("--line"), surface: of("--surface"), band: of("--band"),
    motion: of("--band-motion"), accent: of("--accent"), gap: of("--gap"), danger: of("--danger"),
    event: of("--event"), range: of("--range"), font: style.fontFamily,
  };
}

/**
 * @param {CanvasRenderingContext2D} context @param {Scene} scene @param {Palette} colours
 */
export function draw(context, scene, colours) {
  const tall = height(scene.rows, scene.kinds);
  context.clearRect(0, 0, scene.width, tall);
  context.textBaseline = "middle";
  if (scene.range) drawRange(context, scene, colours, tall);
  drawRuler(context, scene, colours, tall);
  let y = RULER + SPACE;
  const many = scene.rows.length > 1;
  for (const row of scene.rows) {
    drawRow(context, scene, colours, row, y, many ? ROW_SMALL : ROW);
    if (many) tag(context, colours, row.camera, y + ROW_SMALL / 2);
    y += many ? ROW_SMALL + 4 : ROW;
  }
  if (scene.rows.length > 0) drawLanes(context, scene, colours, scene.rows[0].line, y + SPACE);
  drawHead(context, scene, colours, tall);
}

/** @param {CanvasRenderingContext2D} context @param {Scene} scene @param {Palette} colours @param {number} tall */
function drawRuler(context, scene, colours, tall) {
  const { view, width, zone } = scene;
  const apart = ((view.to - view.from) / width) * 84;
  context.font = `12px ${colours.font}`;
  context.textAlign = "left";
  for (const tick of ticks(view.from, view.to, apart, zone)) {
    const x = Math.round(toX(view, width, tick.at)) + 0.5;
    context.strokeStyle = colours.line;
    context.lineWidth = 1;
    context.globalAlpha = tick.major ? 1 : 0.55;
    stroke(context, x, tick.major ? 0 : RULER - 8, x, tall);
    context.globalAlpha = 1;
    context.fillStyle = tick.major ? colours.text : colours.quiet;
    context.fillText(tick.label, x + 5, RULER / 2);
  }
}

/** @param {CanvasRenderingContext2D} context @param {Scene} scene @param {Palette} colours @param {Row} row @param {number} y @param {number} high */
function drawRow(context, scene, colours, row, y, high) {
  const { view, width, now } = scene;
  const { line } = row;
  context.fillStyle = colours.line;
  context.globalAlpha = 0.35;
  context.fillRect(0, y, width, high);
  context.globalAlpha = 1;
  for (const gap of line.gaps) {
    const [left, wide] = extent(view, width, gap.start, gap.end, 0);
    if (wide > 0) hatch(context, colours, left, y, wide, high, gap.reason);
  }
  context.fillStyle = colours.band;
  for (const piece of line.recorded) bar(context, ...extent(view, width, piece.start, piece.end, 1), y, high, 3);
  for (const start of line.growing) {
    context.globalAlpha = 0.6;
    bar(context, ...extent(view, width, start, now, 2), y, high, 3);
    context.globalAlpha = 1;
  }
  if (line.motion) drawMotion(context, scene, colours, line.motion, y, high);
  for (const pin of line.pins) {
    const [left, wide] = extent(view, width, pin.start, pin.end, 2);
    context.strokeStyle = colours.accent;
    context.lineWidth = 2;
    context.strokeRect(left + 1, y + 1, Math.max(1, wide - 2), high - 2);
  }
}

/**
 * How strong motion was, as bars within the band.
 * @param {CanvasRenderingContext2D} context @param {Scene} scene @param {Palette} colours
 * @param {NonNullable<Line["motion"]>} motion @param {number} y @param {number} high
 */
function drawMotion(context, scene, colours, motion, y, high) {
  const { view, width } = scene;
  context.fillStyle = colours.motion;
  const first = Math.max(0, Math.floor((view.from - motion.start) / motion.step));
  const last = Math.min(motion.values.length, Math.ceil((view.to - motion.start) / motion.step) + 1);
  for (let at = first; at < last; at += 1) {
    const value = motion.values[at];
    if (!(value > 0)) continue;
    const [left, wide] = extent(view, width, motion.start + at * motion.step, motion.start + (at + 1) * motion.step, 1);
    const tall = Math.round(Math.max(2, Math.sqrt(Math.min(1, value)) * (high - 4)));
    // On whole pixels: neighbours leave no seam.
    context.fillRect(Math.floor(left), y + high - tall, Math.ceil(left + wide) - Math.floor(left), tall);
  }
}

/** @param {CanvasRenderingContext2D} context @param {Scene} scene @param {Palette} colours @param {Line} line @param {number} y */
function drawLanes(context, scene, colours, line, y) {
  const { view, width, kinds, chosen } = scene;
  for (const event of line.events) {
    let lane = kinds.indexOf(event.kind);
    if (lane < 0) lane = kinds.length - 1;
    if (lane < 0) continue;
    const [left, wide] = extent(view, width, event.start, event.end, 4);
    if (left > width || left + wide < 0) continue;
    context.globalAlpha = chosen && chosen !== event.kind ? 0.25 : 1;
    context.fillStyle = event.kind === "motion" ? colours.motion : colours.event;
    bar(context, left, wide, y + lane * LANE + 2, LANE - 4, 3);
  }
  context.globalAlpha = 1;
  const below = y + Math.max(1, kinds.length) * LANE;
  context.fillStyle = colours.quiet;
  for (const span of line.spans) bar(context, ...extent(view, width, span.start, span.end, 3), below + 3, 4, 2);
  kinds.forEach((kind, lane) => tag(context, colours, kind, y + lane * LANE + LANE / 2));
  if (line.spans.length > 0) tag(context, colours, "kept by policy", below + LANE / 2);
}

/** @param {CanvasRenderingContext2D} context @param {Scene} scene @param {Palette} colours @param {number} tall */
function drawRange(context, scene, colours, tall) {
  if (!scene.range) return;
  const [left, wide] = extent(scene.view, scene.width, scene.range.from, scene.range.to, 2);
  context.fillStyle = colours.range;
  context.fillRect(left, 0, wide, tall);
  context.strokeStyle = colours.accent;
  context.lineWidth = 2;
  for (const x of [left, left + wide]) {
    stroke(context, x, 0, x, tall);
    context.fillStyle = colours.accent;
    bar(context, x - 4, 8, tall / 2 - 12, 24, 4);
  }
}

/** @param {CanvasRenderingContext2D} context @param {Scene} scene @param {Palette} colours @param {number} tall */
function drawHead(context, scene, colours, tall) {
  const { view, width } = scene;
  if (scene.now > view.from && scene.now < view.to) {
    const x = Math.round(toX(view, width, scene.now)) + 0.5;
    context.strokeStyle = colours.quiet;
    context.setLineDash([2, 3]);
    stroke(context, x, RULER, x, tall);
    context.setLineDash([]);
  }
  if (scene.hover !== null) {
    const x = Math.round(toX(view, width, scene.hover)) + 0.5;
    context.strokeStyle = colours.quiet;
    context.lineWidth = 1;
    stroke(context, x, 0, x, tall);
  }
  if (scene.playhead !== null) {
    const x = Math.round(toX(view, width, scene.playhead));
    context.strokeStyle = colours.accent;
    context.fillStyle = colours.accent;
    context.lineWidth = 2;
    stroke(context, x, RULER - 6, x, tall);
    context.beginPath();
    context.moveTo(x - 7, RULER - 12);
    context.lineTo(x + 7, RULER - 12);
    context.lineTo(x, RULER - 2);
    context.closePath();
    context.fill();
  }
}

/** @param {Stretch} view @param {number} width @param {number} start @param {number} end @param {number} least @returns {[number, number]} */
function extent(view, width, start, end, least) {
  const left = Math.max(-8, toX(view, width, start));
  const right = Math.min(width + 8, toX(view, width, end));
  return [left, right < left ? (right < -8 || left > width ? 0 : least) : Math.max(least, right - left)];
}

/** @param {CanvasRenderingContext2D} context @param {number} left @param {number} wide @param {number} y @param {number} high @param {number} round */
function bar(context, left, wide, y, high, round) {
  if (wide <= 0) return;
  context.beginPath();
  context.roundRect(left, y, wide, high, Math.min(round, wide / 2));
  context.fill();
}

/** @param {CanvasRenderingContext2D} context @param {number} x @param {number} y @param {number} toX @param {number} toY */
function stroke(context, x, y, toX, toY) {
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(toX, toY);
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {Palette} colours @param {number} left @param {number} y @param {number} wide @param {number} high @param {string} reason */
function hatch(context, colours, left, y, wide, high, reason) {
  context.save();
  context.beginPath();
  context.rect(left, y, wide, high);
  context.clip();
  context.strokeStyle = colours.gap;
  context.lineWidth = 1.5;
  context.beginPath();
  const begin = Math.floor(left / 7) * 7 - high;
  for (let x = begin; x < left + wide + high; x += 7) {
    context.moveTo(x, y + high);
    context.lineTo(x + high, y);
  }
  context.stroke();
  context.font = `11px ${colours.font}`;
  const text = GAP_WORDS[reason] ?? reason;
  const room = context.measureText(text).width + 12;
  if (wide > room && high >= ROW_SMALL) {
    const from = Math.max(4, left) + 4;
    if (left + wide - from > room) {
      context.fillStyle = colours.surface;
      bar(context, from, room, y + high / 2 - 8, 16, 4);
      context.fillStyle = colours.text;
      context.textAlign = "left";
      context.fillText(text, from + 6, y + high / 2 + 0.5);
    }
  }
  context.restore();
}

/** A name at the left edge, readable over what is drawn. @param {CanvasRenderingContext2D} context @param {Palette} colours @param {string} text @param {number} y */
function tag(context, colours, text, y) {
  context.font = `10px ${colours.font}`;
  context.textAlign = "left";
  const wide = context.measureText(text).width + 8;
  context.fillStyle = colours.surface;
  context.globalAlpha = 0.85;
  bar(context, 2, wide, y - 6, 12, 3);
  context.globalAlpha = 1;
  context.fillStyle = colours.quiet;
  context.fillText(text, 6, y + 0.5);
}

/** @type {Record<string, string>} Why video is missing, for people. */
export const GAP_WORDS = {
  offline: "camera offline", silent: "camera silent", ended: "end of the file", overload: "recorder overloaded",
  disk: "disk refused", stopped: "Wardline was not running", lost: "file lost",
};

// Zones and masks of a motion plugin: polygons in parts of the picture, and the TOML they stand in.

/** @typedef {[number, number]} Point */
/** @typedef {{ kind: "zone" | "mask", name: string, points: Point[] }} Shape */

/** Three digits are a pixel in a thousand: nobody draws more exactly. */
const DIGITS = 3;

/** @param {number} value */
export const part = (value) => Number(Math.max(0, Math.min(1, value)).toFixed(DIGITS));

/** What a plugin's params hold. @param {any} params @returns {Shape[]} */
export function read(params) {
  /** @type {Shape[]} */
  const shapes = [];
  for (const [name, points] of Object.entries(params?.zones ?? {})) {
    if (Array.isArray(points)) shapes.push({ kind: "zone", name, points: points.map(([x, y]) => [part(x), part(y)]) });
  }
  for (const points of params?.masks ?? []) {
    if (Array.isArray(points)) shapes.push({ kind: "mask", name: "", points: points.map(([x, y]) => [part(x), part(y)]) });
  }
  return shapes;
}

/** What is wrong with the shapes, for people. @param {Shape[]} shapes @returns {string[]} */
export function mistakes(shapes) {
  /** @type {string[]} */
  const found = [];
  const names = new Set();
  shapes.forEach((shape, at) => {
    const called = shape.kind === "mask" ? `Mask ${shapes.slice(0, at + 1).filter((one) => one.kind === "mask").length}` : `Zone ${shape.name || "without a name"}`;
    if (shape.points.length < 3) found.push(`${called} needs at least three corners.`);
    if (shape.kind === "zone" && !shape.name) found.push("Each zone needs a name.");
    if (shape.kind === "zone" && names.has(shape.name)) found.push(`There are two zones ${shape.name}.`);
    if (shape.kind === "zone") names.add(shape.name);
  });
  return [...new Set(found)];
}

/** @param {Point[]} points */
const polygon = (points) => `[${points.map(([x, y]) => `[${x}, ${y}]`).join(", ")}]`;

/** A key, quoted where TOML asks for it. @param {string} name */
const key = (name) => (/^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name));

/** A value as TOML writes it on one line. @param {any} value @returns {string} */
function valueOf(value) {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((one) => valueOf(one)).join(", ")}]`;
  if (value && typeof value === "object") return `{ ${Object.entries(value).map(([name, one]) => `${key(name)} = ${valueOf(one)}`).join(", ")} }`;
  return String(value);
}


/**
 * The table of a plugin's params, with what they had beside zones and masks.
 * @param {string} plugin @param {any} params @param {Shape[]} shapes
 */
export function toml(plugin, params, shapes) {
  const zones = shapes.filter((shape) => shape.kind === "zone" && shape.points.length >= 3);
  const masks = shapes.filter((shape) => shape.kind === "mask" && shape.points.length >= 3);
  const lines = [`[plugins.${key(plugin)}.params]`];
  for (const [name, one] of Object.entries(params ?? {})) {
    if (name === "zones" || name === "masks") continue;
    // The host hides secrets: what stands in the file is to stay.
    const hidden = JSON.stringify(one)?.includes('"***"');
    lines.push(hidden ? `# ${key(name)} is hidden here: keep it as it is in your file` : `${key(name)} = ${valueOf(one)}`);
  }
  if (masks.length > 0) lines.push("masks = [", ...masks.map((mask) => `  ${polygon(mask.points)},`), "]");
  if (zones.length > 0) {
    lines.push("", `[plugins.${key(plugin)}.params.zones]`);
    for (const zone of zones) lines.push(`${key(zone.name)} = ${polygon(zone.points)}`);
  }
  return `${lines.join("\n")}\n`;
}

/**
 * What to paste for a camera, and where.
 * @param {string} camera
 * @param {{ name: string, params: any, users: string[] } | null} plugin `null`: the camera has none yet.
 * @param {Shape[]} shapes
 * @returns {{ text: string, hint: string }}
 */
export function handedBack(camera, plugin, shapes) {
  if (!plugin) {
    const text = `[plugins.motion]\ncomponent = "analyzer-motion"\n\n${toml("motion", {}, shapes)}`;
    return { text, hint: `Add this, write "motion" into analyzers of [cameras.${key(camera)}], then reload the configuration.` };
  }
  const { name, params, users } = plugin;
  const others = users.filter((user) => user !== camera);
  if (others.length === 0) {
    const hint = `Put this in the place of the params of [plugins.${key(name)}]; the rest of that table stays. Then reload the configuration.`;
    return { text: toml(name, params, shapes), hint };
  }
  // What others use too is not changed for them: the camera gets a plugin of its own.
  const own = `${name}-${camera}`;
  const text = `[plugins.${key(own)}]\n# here all of [plugins.${key(name)}] but its params\n\n${toml(own, params, shapes)}`;
  const hint = `${name} also looks at ${others.join(", ")}, so ${camera} gets a plugin of its own: add this, copy the rest of [plugins.${key(name)}] into it, and write "${own}" instead of "${name}" into analyzers of [cameras.${key(camera)}]. Then reload the configuration.`;
  return { text, hint };
}

/**
 * Where a new corner goes: into the nearest side.
 * @param {Point[]} points @param {Point} at
 */
export function insertAt(points, at) {
  if (points.length < 3) return points.length;
  let best = points.length;
  let least = Number.POSITIVE_INFINITY;
  points.forEach((point, index) => {
    const next = points[(index + 1) % points.length];
    const [dx, dy] = [next[0] - point[0], next[1] - point[1]];
    const square = dx * dx + dy * dy;
    const along = square === 0 ? 0 : Math.max(0, Math.min(1, ((at[0] - point[0]) * dx + (at[1] - point[1]) * dy) / square));
    const apart = Math.hypot(point[0] + along * dx - at[0], point[1] + along * dy - at[1]);
    if (apart < least) {
      least = apart;
      best = index + 1;
    }
  });
  return best;
}

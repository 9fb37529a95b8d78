// What the page asks of the host, one function a request. Knows no element.

import { asking } from "./now.js";
import { signal } from "./signal.js";

/** @import { Camera, EventItem, ExportJob, Health, Pin, Plan, PluginStatus, Session, TimelineAnswer } from "./types.js" */

const ROOT = "/api/v1";

/** A refusal, with the reason that the host gives (RFC 9457). */
export class ApiError extends Error {
  /**
   * @param {number} status 0: there was no answer.
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** Whether the host answers. */
export const reachable = signal(true);

/** Called when the host asks who is there. */
export const signedOut = signal(0);

/** @typedef {Record<string, string | number | boolean | null | undefined | (string | number)[]>} Query */

/**
 * A path below the API's root with its query.
 * @param {string} path
 * @param {Query} [query]
 */
export function url(path, query = {}) {
  const pairs = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) pairs.append(key, String(one));
  }
  const text = pairs.toString();
  return `${ROOT}${path}${text ? `?${text}` : ""}`;
}

/** @param {number} at */
export const time = (at) => new Date(Math.round(at)).toISOString();

/** @param {string} camera */
const of = (camera) => `/cameras/${encodeURIComponent(camera)}`;

/**
 * @param {string} address
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
export async function request(address, init) {
  const answered = asking();
  let response;
  try {
    response = await fetch(address, { credentials: "same-origin", cache: "no-store", ...init });
  } catch (error) {
    if (init?.signal?.aborted) throw error;
    reachable.value = false;
    throw new ApiError(0, "the host does not answer");
  }
  reachable.value = true;
  answered(response.headers.get("date"));
  if (response.ok) return response;
  if (response.status === 401) signedOut.value += 1;
  throw new ApiError(response.status, await reason(response));
}

/** @param {Response} response */
async function reason(response) {
  const text = await response.text().catch(() => "");
  try {
    const problem = JSON.parse(text);
    return problem.detail ?? problem.error ?? problem.title ?? response.statusText;
  } catch {
    return text || response.statusText || `status ${response.status}`;
  }
}

/**
 * @param {string} path
 * @param {Query} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
const get = async (path, query, signal) => (await request(url(path, query), { signal })).json();

/**
 * @param {string} method
 * @param {string} path
 * @param {any} [body]
 * @param {Query} [query]
 * @returns {Promise<any>}
 */
async function send(method, path, body, query) {
  const response = await request(url(path, query), {
    method,
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/** @returns {Promise<Session>} */
export const session = () => get("/session");
/** @param {string} user @param {string} password */
export const logIn = (user, password) => send("POST", "/session", { user, password });
export const logOut = () => send("DELETE", "/session");

/** @returns {Promise<Camera[]>} */
export const cameras = async () => (await get("/cameras")).cameras;

/**
 * @param {string} camera @param {number} from @param {number} to
 * @param {number} resolution Milliseconds.
 * @param {AbortSignal} [signal]
 * @returns {Promise<TimelineAnswer>}
 */
export const timeline = (camera, from, to, resolution, signal) =>
  get(`${of(camera)}/timeline`, { from: time(from), to: time(to), resolution: `${Math.max(1, Math.round(resolution))}ms` }, signal);

/**
 * @param {string} camera @param {string} precision @param {Query} [query]
 * @returns {Promise<any>}
 */
export const availability = (camera, precision, query) => get(`${of(camera)}/availability`, { precision, ...query });

/** @param {string} camera @param {number} from @param {number} to @param {number} [keysApart] Key frames only, at least so many milliseconds apart. */
export const playlist = (camera, from, to, keysApart = 0) =>
  url(`${of(camera)}/playback.m3u8`, { from: time(from), to: time(to), ...(keysApart > 0 ? { keys: true, step: `${Math.round(keysApart)}ms` } : {}) });

/** @param {string[]} views Each `camera:stream`. */
export const live = (views) => url("/live", { view: views });
/** @param {string} camera */
export const livePlaylist = (camera) => url(`${of(camera)}/live.m3u8`);

/** @param {string} camera @param {number | null} at @param {number} width */
export const snapshot = (camera, at, width) => url(`${of(camera)}/snapshot.jpg`, { at: at === null ? null : time(at), width });

/**
 * The newest picture as the address of a blob, whatever the browser has of it already; whoever asks
 * gives it back.
 * @param {string} camera @param {number} width
 */
export const newest = async (camera, width) => URL.createObjectURL(await (await request(snapshot(camera, null, width))).blob());

/** @param {string} camera @param {number} from @param {number} step @param {number} count @param {number} width */
export const strip = (camera, from, step, count, width) =>
  url(`${of(camera)}/strip.jpg`, { from: time(from), step: `${Math.round(step)}ms`, count, width });
/** @param {number} sequence @param {number} width @param {boolean} [regions] */
export const eventPicture = (sequence, width, regions) =>
  url(`/events/${sequence}/picture.jpg`, { width, regions: regions || null });

/**
 * @param {Query} query @param {AbortSignal} [signal]
 * @returns {Promise<{ events: EventItem[], next: string | null }>}
 */
export const events = (query, signal) => get("/events", query, signal);
/** @param {Query} query */
export const eventStream = (query) => url("/events/stream", query);

/** @returns {Promise<ExportJob[]>} */
export const exports = async () => (await get("/exports")).exports;
/** @param {string} id @returns {Promise<ExportJob>} */
export const exportJob = (id) => get(`/exports/${encodeURIComponent(id)}`);
/** @param {{ camera: string, from: string, to: string, gaps: "hold" | "cut", one_file: boolean }} body @returns {Promise<ExportJob>} */
export const startExport = (body) => send("POST", "/exports", body);
/** @param {string} id */
export const dropExport = (id) => send("DELETE", `/exports/${encodeURIComponent(id)}`);

/** @param {string} camera @param {number} start @param {number} end @param {string} label @returns {Promise<Pin>} */
export const pin = (camera, start, end, label) =>
  send("POST", "/pins", { camera, start: time(start), end: time(end), ...(label ? { label } : {}) });
/** @param {string} id */
export const unpin = (id) => send("DELETE", "/pins", undefined, { id });
/** @param {string} camera @param {number} start @param {number} end @param {boolean} look */
export const remove = (camera, start, end, look) =>
  send("DELETE", "/recordings", undefined, { camera, start: time(start), end: time(end), look: look || null });
/** @param {string} camera @param {{ before?: string, for?: string, label?: string }} body */
export const trigger = (camera, body) => send("POST", `${of(camera)}/trigger`, body);

/** @returns {Promise<Health>} */
export const health = () => get("/health");
/** @returns {Promise<PluginStatus[]>} */
export const plugins = () => get("/plugins");
/** @returns {Promise<Plan>} */
export const plan = () => get("/plan");
/** @returns {Promise<any>} */
export const config = () => get("/config");
/** @param {string} plugin */
export const reloadPlugin = (plugin) => send("POST", `/plugins/${encodeURIComponent(plugin)}/reload`);
export const reloadConfig = () => send("POST", "/config/reload");
export const confirmTime = () => send("POST", "/time/confirm");

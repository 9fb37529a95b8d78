// What more than one view follows: who looks, which cameras there are, how times are shown.

import * as api from "./api.js";
import { signal } from "./signal.js";
import { isZone, ownZone } from "./time.js";

/** @import { Camera, Role, Session } from "./types.js" */
/** @import { Signal } from "./signal.js" */

/** @type {Signal<Session | null>} */
export const session = signal(/** @type {Session | null} */ (null));

/** @type {Signal<Camera[] | null>} */
export const cameras = signal(/** @type {Camera[] | null} */ (null));

/** Whose time zone times are shown in. */
/** @type {Signal<"viewer" | "camera">} */
export const zoneChoice = signal(/** @type {"viewer" | "camera"} */ (recall("zone") === "camera" ? "camera" : "viewer"));
zoneChoice.follow((choice) => remember("zone", choice));

/**
 * The zone in which times of a camera are shown.
 * @param {string | null} [camera]
 * @param {"viewer" | "camera"} [choice]
 */
export function zoneOf(camera, choice = zoneChoice.value) {
  if (choice === "viewer") return ownZone();
  const zone = cameras.value?.find((one) => one.name === camera)?.time_zone ?? cameras.value?.find((one) => one.time_zone)?.time_zone;
  return zone && isZone(zone) ? zone : "UTC";
}

/** @type {Record<Role, number>} */
const RANKS = { viewer: 0, operator: 1, admin: 2 };

/**
 * Whether who looks may do what a role may.
 * @param {Role} role
 */
export function may(role) {
  return session.value !== null && RANKS[session.value.role] >= RANKS[role];
}

/** Whether who looks sees all cameras, and so may know of the host as a whole. */
export function seesAll() {
  return session.value?.cameras.includes("*") ?? false;
}

export async function refreshCameras() {
  const found = await api.cameras();
  if (JSON.stringify(found) !== JSON.stringify(cameras.value)) cameras.value = found;
  return found;
}

/** @param {string} key @returns {string | null} */
export function recall(key) {
  try {
    return localStorage.getItem(`wardline.${key}`);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string} value */
export function remember(key, value) {
  try {
    localStorage.setItem(`wardline.${key}`, value);
  } catch {
    // Private windows may refuse: then it is for this visit only.
  }
}

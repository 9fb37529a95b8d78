// Where in the page one is, in the address: `#/play/gate?at=2026-11-28T12:00:00.000Z`.

import { signal } from "./signal.js";

/** @typedef {{ view: string, camera?: string, query?: Record<string, string> }} Route */

const KNOWN = ["live", "play", "events", "system", "zones"];

/** @returns {Route} */
function read() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, camera] = path.split("/");
  let name;
  try {
    name = camera ? decodeURIComponent(camera) : undefined;
  } catch {
    name = undefined;
  }
  return {
    view: KNOWN.includes(view) ? view : "live",
    camera: name,
    query: Object.fromEntries(new URLSearchParams(query ?? "")),
  };
}

export const route = signal(read());
addEventListener("hashchange", () => {
  route.value = read();
});

/** @param {Route} to */
export function address(to) {
  const query = new URLSearchParams(to.query ?? {}).toString();
  return `#/${to.view}${to.camera ? `/${encodeURIComponent(to.camera)}` : ""}${query ? `?${query}` : ""}`;
}

/** @param {Route} to */
export function navigate(to) {
  location.hash = address(to);
}

/**
 * The address says what is shown by now: no step back leads to what it said before. Not while one is
 * on the way elsewhere: tells whether it does.
 * @param {Route} to
 */
export function restate(to) {
  if (address(read()) !== address(route.value)) return false;
  history.replaceState(null, "", address(to));
  route.value = read();
  return true;
}

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

/**
 * @param {Route} to
 * @param {{ replace?: boolean }} [options] In the place of where one is: no step back leads there.
 */
export function navigate(to, options) {
  if (!options?.replace) {
    location.hash = address(to);
    return;
  }
  history.replaceState(null, "", address(to));
  route.value = read();
}

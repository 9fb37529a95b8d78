// Dark or light: as the system says, unless chosen. Loaded first, so that nothing flashes.

/** @typedef {"system" | "light" | "dark"} Theme */

const KEY = "wardline.theme";
/** When the dark colours are taken. */
const MEDIA = { system: "(prefers-color-scheme: dark)", light: "not all", dark: "all" };

/** @returns {Theme} */
export function theme() {
  const stored = read();
  return stored === "light" || stored === "dark" ? stored : "system";
}

/** @param {Theme} wished */
export function setTheme(wished) {
  try {
    localStorage.setItem(KEY, wished);
  } catch {
    // Private windows may refuse: then it is for this visit only.
  }
  apply(wished);
}

function read() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** @param {Theme} wished */
function apply(wished) {
  const link = document.getElementById("dark");
  if (link instanceof HTMLLinkElement) link.media = MEDIA[wished];
  document.dispatchEvent(new Event("theme"));
}

apply(theme());
matchMedia(MEDIA.system).addEventListener("change", () =>
  document.dispatchEvent(new Event("theme")),
);

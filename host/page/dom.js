// Elements from code. No markup is ever parsed from text, so nothing that a camera, a plugin or a
// person named can become code.

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, any>} Props */

/**
 * An element. `class`, `on` (listeners by event), `style` (custom properties and styles by name),
 * `data` and any attribute; `true` is an empty attribute, `false` and `null` are none.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Props | null} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  dress(element, props ?? {});
  element.append(...nodes(children));
  return element;
}

/**
 * The same for drawings.
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Props} [props]
 * @param {...(Child | Child[])} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function s(tag, props, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  dress(element, props ?? {});
  element.append(...nodes(children));
  return element;
}

/**
 * @param {(Child | Child[])[]} children
 * @returns {(Node | string)[]}
 */
function nodes(children) {
  /** @type {(Node | string)[]} */
  const found = [];
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    found.push(child instanceof Node ? child : String(child));
  }
  return found;
}

/**
 * @param {HTMLElement | SVGElement} element
 * @param {Props} props
 */
function dress(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.setAttribute("class", value);
    else if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "style") {
      for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    } else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "value" && "value" in element) element.value = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
}

/**
 * Puts others in the place of what an element holds.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
}

/**
 * Does something to what an element holds, and gives the focus back to what has the same name after.
 * @param {Element} within @param {() => void} change
 */
export function keepFocus(within, change) {
  const name = (/** @type {Element} */ one) => `${one.tagName} ${one.getAttribute("data-sequence") ?? one.getAttribute("aria-label") ?? one.textContent}`;
  const active = document.activeElement;
  const before = active && active !== document.body && within.contains(active) ? name(active) : null;
  change();
  if (before === null) return;
  const after = [...within.querySelectorAll("a, button, input, select, [tabindex]")].find((one) => name(one) === before);
  if (after instanceof HTMLElement) after.focus({ preventScroll: true });
}

/** Path data of the icons, drawn on 24 by 24 with a stroke of 1.75. */
const ICONS = {
  live: "M4 7a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2zM16 10.5l5-3v9l-5-3",
  recordings: "M3 12a9 9 0 1 0 3-6.7M3 4v5h5M12 7.5V12l3 2",
  events: "M12 3a6 6 0 0 1 6 6c0 5 2 6 2 7H4c0-1 2-2 2-7a6 6 0 0 1 6-6zM10 20a2 2 0 0 0 4 0",
  system: "M4 13h4l2-7 4 13 2-6h4",
  play: "M7 4.5v15l12-7.5z",
  pause: "M8 5v14M16 5v14",
  back: "M17 4.5v15L5 12z",
  frameBack: "M17 5v14L8 12zM6 5v14",
  frameOn: "M7 5v14l9-7zM18 5v14",
  previous: "M11 6l-6 6 6 6M19 6l-6 6 6 6",
  next: "M5 6l6 6-6 6M13 6l6 6-6 6",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  pin: "M9 4h6l-1 6 3 3v2H7v-2l3-3zM12 15v6",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  record: "M12 12m-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0M12 12m-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0",
  close: "M6 6l12 12M18 6L6 18",
  help: "M12 12m-9 0a9 9 0 1 0 18 0a9 9 0 1 0-18 0M9.7 9.5a2.4 2.4 0 1 1 3.4 2.2c-.8.4-1.1.9-1.1 1.8M12 16.5v.1",
  sun: "M12 12m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6L7 7M17 17l1.4 1.4M5.6 18.4L7 17M17 7l1.4-1.4",
  moon: "M20 14.5A8 8 0 0 1 9.5 4a8 8 0 1 0 10.5 10.5z",
  auto: "M12 12m-8.5 0a8.5 8.5 0 1 0 17 0a8.5 8.5 0 1 0-17 0M12 3.5v17M12 8l6.5 0M12 12h8.5M12 16h6.5",
  user: "M12 8m-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0M4.5 20c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5",
  globe: "M12 12m-9 0a9 9 0 1 0 18 0a9 9 0 1 0-18 0M3 12h18M12 3c3 3 3.5 6 3.5 9s-.5 6-3.5 9c-3-3-3.5-6-3.5-9s.5-6 3.5-9",
  search: "M11 11m-6.5 0a6.5 6.5 0 1 0 13 0a6.5 6.5 0 1 0-13 0M16 16l5 5",
  area: "M4 8V5h3M17 5h3v3M20 16v3h-3M7 19H4v-3M9 9h6v6H9z",
  warning: "M12 4L2.5 20h19zM12 10v4.5M12 17.3v.1",
  zones: "M5 7l8-3 6 6-3 9-9-1zM5 7m-1.5 0a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0-3 0M19 10m-1.5 0a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0-3 0",
  sound: "M4 10v4h4l5 4V6l-5 4zM16 9a4 4 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11",
  mute: "M4 10v4h4l5 4V6l-5 4zM16.5 9.5l5 5M21.5 9.5l-5 5",
  expand: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  grid: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  camera: "M4 8h3l2-3h6l2 3h3v11H4zM12 13m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0",
  reload: "M20 12a8 8 0 1 1-2.5-5.8M20 4v4.5h-4.5",
  filter: "M4 6h16M7 12h10M10 18h4",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  down: "M6 9.5l6 6 6-6",
};

/** @typedef {keyof typeof ICONS} Icon */

/**
 * An icon; it says nothing to those who do not see it.
 * @param {Icon} name
 */
export function icon(name) {
  const filled = name === "play" || name === "back";
  return s(
    "svg",
    { class: `icon${filled ? " icon-filled" : ""}`, viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    s("path", { d: ICONS[name] }),
  );
}

/**
 * A button with an icon and a name; the name is seen where `props.class` does not hide it.
 * @param {Icon} name
 * @param {string} label
 * @param {() => void} act
 * @param {Props} [props]
 */
export function iconButton(name, label, act, props) {
  return h(
    "button",
    { type: "button", class: "icon-button", "aria-label": label, title: label, on: { click: act }, ...props },
    icon(name),
  );
}

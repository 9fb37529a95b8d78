// Events as cards, by day, in the order in which they are given. One that comes is put where it
// belongs, and all others stay the elements that they are.

import { fill, h, keepFocus } from "../dom.js";
import { now } from "../now.js";
import { zoneOf } from "../state.js";
import { Still } from "../still.js";
import { date } from "../time.js";
import { eventCard, renew } from "./row.js";

/** @import { EventItem } from "../types.js" */

/** The day of an event, as people say it. @param {EventItem} item */
const dayOf = (item) => date(Date.parse(item.start), zoneOf(item.camera));

export class EventDays {
  element = h("div", { class: "event-days", "aria-live": "off" });
  #still = new Still(this.element);

  /** @param {(item: EventItem) => void} open */
  constructor(open) {
    this.open = open;
  }

  /** @param {EventItem[]} items @param {() => HTMLElement} none What stands there where there is none. */
  show(items, none) {
    /** @type {Map<string, EventItem[]>} */
    const byDay = new Map();
    for (const item of items) {
      const day = dayOf(item);
      byDay.set(day, [...(byDay.get(day) ?? []), item]);
    }
    this.#still.change(() => keepFocus(this.element, () => {
      fill(this.element, items.length === 0 ? none() : [...byDay].map(([day, its]) => this.#day(day, its)));
      this.#head();
    }));
  }

  /** Puts one of `items` where it belongs among them. @param {EventItem[]} items @param {EventItem} item */
  put(items, item) {
    this.#still.change(() => {
      const later = items.slice(items.indexOf(item) + 1);
      const day = dayOf(item);
      const section = this.#sections().find((one) => one.dataset.day === day);
      if (section) {
        const next = this.#first(later, (one) => (dayOf(one) === day ? this.#cardOf(one) : null));
        section.lastElementChild?.insertBefore(this.#card(item), next);
      } else {
        // What was there instead of events goes.
        for (const child of [...this.element.children]) if (child.tagName !== "SECTION") child.remove();
        const next = this.#first(later, (one) => this.#sections().find(({ dataset }) => dataset.day === dayOf(one)) ?? null);
        this.element.insertBefore(this.#day(day, [item]), next);
      }
      this.#head();
    });
  }

  /** @param {EventItem} before @param {EventItem} item */
  renew(before, item) {
    this.#still.change(() => renew(this.element, before, item, () => this.#card(item)));
  }

  /** The first element that there is of some events. @param {EventItem[]} items @param {(item: EventItem) => HTMLElement | null} find */
  #first(items, find) {
    for (const item of items) {
      const found = find(item);
      if (found) return found;
    }
    return null;
  }

  #sections() {
    return [...this.element.querySelectorAll("section")];
  }

  /** @param {EventItem} item @returns {HTMLElement | null} */
  #cardOf(item) {
    return this.element.querySelector(`[data-sequence="${item.sequence}"]`);
  }

  /** @param {string} day @param {EventItem[]} items */
  #day(day, items) {
    return h("section", { data: { day } }, h("h2", { class: "day-head" }), h("div", { class: "event-grid" }, items.map((item) => this.#card(item))));
  }

  /** Which day it is, and how many events it has. */
  #head() {
    const today = date(now(), zoneOf(null));
    for (const section of this.#sections()) {
      const { day } = section.dataset;
      const [head, grid] = section.children;
      fill(head, day === today ? `Today, ${day}` : day, h("span", { class: "quiet" }, ` ${grid.childElementCount}`));
    }
  }

  /** @param {EventItem} item */
  #card(item) {
    return eventCard(item, () => this.open(item));
  }
}

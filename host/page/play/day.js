// Which day: the one before, the one after, or one of a calendar that shows where there is video.

import * as api from "../api.js";
import { dialog } from "../dialog.js";
import { fill, h, iconButton } from "../dom.js";
import { now } from "../now.js";
import { onDay } from "../player/gaps.js";
import { zoneChoice, zoneOf } from "../state.js";
import { add, date, floor, fromInput, moment, parts, toInput } from "../time.js";
import { complain } from "../toast.js";

/** @import { PlayerView } from "../views/play.js" */
/** @import { Undo } from "../signal.js" */

/** @param {PlayerView} player @param {Undo} undo */
export function dayPicker(player, undo) {
  const zone = () => zoneOf(player.lead);
  const at = () => player.wall ?? player.timeline.playhead ?? now();
  const go = (/** @type {number} */ wall) => {
    player.timeline.setPlayhead(wall, true);
    void player.seek(wall);
  };
  const label = h("button", { type: "button", class: "button button-quiet", "aria-haspopup": "dialog", on: { click: () => calendar(player, zone(), at(), go) } });
  const show = () => fill(label, date(at(), zone()));
  undo.add(player.stage.wall.follow(show, { now: true }), zoneChoice.follow(show));
  return h("div", { class: "day-picker", role: "group", "aria-label": "Day" },
    iconButton("left", "The day before", () => go(add(at(), "day", -1, zone()))),
    label,
    iconButton("right", "The day after", () => go(Math.min(now(), add(at(), "day", 1, zone())))));
}

/** @param {PlayerView} player @param {string} zone @param {number} at @param {(wall: number) => void} go */
function calendar(player, zone, at, go) {
  let month = floor(at, "month", zone);
  const title = h("span", { class: "calendar-title", "aria-live": "polite" });
  const days = h("div", { class: "calendar-days" });
  const input = h("input", { type: "datetime-local", step: 1, value: toInput(at, zone), "aria-label": `Date and time, in ${zone}` });
  const jump = h("button", { type: "button", class: "button button-main", on: { click: () => choose(fromInput(input.value, zone, at)) } }, "Go there");
  const choose = (/** @type {number | null} */ wall) => {
    if (wall === null) return;
    box.close();
    go(wall);
  };
  const chooseDay = async (/** @type {number} */ wall, /** @type {number} */ begin) => {
    const day = { from: begin, to: add(begin, "day", 1, zone) };
    // What can't be looked up is said where one goes to.
    choose(await onDay(player.lead, wall, day).catch(() => wall));
  };
  const draw = (/** @type {Set<string> | null} */ there) => {
    const { year, month: number } = parts(month, zone);
    title.textContent = new Date(Date.UTC(year, number - 1, 1)).toLocaleDateString("en", { timeZone: "UTC", month: "long", year: "numeric" });
    const lead = (new Date(Date.UTC(year, number - 1, 1)).getUTCDay() + 6) % 7;
    const count = new Date(Date.UTC(year, number, 0)).getUTCDate();
    const chosen = parts(at, zone);
    fill(days, ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"].map((name) => h("span", { class: "calendar-head", "aria-hidden": "true" }, name)),
      Array.from({ length: lead }, () => h("span", {})),
      Array.from({ length: count }, (_, index) => {
        const name = `${year}-${String(number).padStart(2, "0")}-${String(index + 1).padStart(2, "0")}`;
        const recorded = there === null || there.has(name);
        const here = chosen.year === year && chosen.month === number && chosen.day === index + 1;
        return h("button", {
          type: "button", class: `calendar-day${there?.has(name) ? " calendar-there" : ""}`, disabled: !recorded,
          "aria-label": `${index + 1} ${title.textContent}${recorded ? "" : ", nothing recorded"}`, "aria-current": here ? "date" : null,
          on: { click: () => {
            const day = { year, month: number, day: index + 1 };
            void chooseDay(moment({ ...parts(at, zone), ...day }, zone), moment(day, zone));
          } },
        }, String(index + 1));
      }));
  };
  const load = () => {
    draw(null);
    const to = add(month, "month", 1, zone);
    api.availability(player.lead, "day", { from: api.time(month), to: api.time(to), zone }).then(
      (answer) => draw(new Set(answer.available)),
      (error) => complain(error, "Calendar"));
  };
  const turn = (/** @type {number} */ by) => {
    month = add(month, "month", by, zone);
    load();
  };
  const box = dialog("Go to a day", [
    h("div", { class: "calendar-bar" }, iconButton("left", "The month before", () => turn(-1)), title, iconButton("right", "The month after", () => turn(1))),
    days, h("div", { class: "calendar-jump" }, input, jump),
  ]);
  box.classList.add("dialog-small");
  load();
}

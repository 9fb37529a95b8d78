// The controls below the stage: play, step, jump, speed, sound, and the moment that is shown.

import { h, icon, iconButton, fill } from "../dom.js";
import { chooser } from "../menu.js";
import { navigate } from "../route.js";
import { zoneChoice, zoneOf } from "../state.js";
import { clock, date, isNearChange, offset, offsetName, ownZone } from "../time.js";

/** @import { PlayerView } from "../views/play.js" */
/** @import { Undo } from "../signal.js" */

const SPEEDS = [0.5, 1, 2, 4, 8, 16];

/** @param {PlayerView} player @param {Undo} undo */
export function transport(player, undo) {
  const { stage } = player;
  const play = iconButton("play", "Play", () => stage.toggle(), { class: "icon-button play-button" });
  const back = iconButton("back", "Play backwards", () => (stage.backwards.value ? stage.pause() : stage.playBackwards()));
  const sound = iconButton("mute", "Sound on", () => stage.mute(!stage.muted.value));
  const day = h("span", { class: "quiet" });
  const time = h("span", { class: "wall-time tabular" });
  const zone = h("span", { class: "quiet" });
  const speed = chooser("Speed", SPEEDS.map((value) => ({ value, label: `${value}×` })), 1, (value) => stage.setSpeed(value));

  const showState = () => {
    const on = stage.playing.value;
    fill(play, icon(on || stage.backwards.value ? "pause" : "play"));
    const label = on || stage.backwards.value ? "Pause" : "Play";
    play.setAttribute("aria-label", label);
    play.title = label;
    back.setAttribute("aria-pressed", String(stage.backwards.value));
  };
  const showSound = () => {
    fill(sound, icon(stage.muted.value ? "mute" : "sound"));
    sound.setAttribute("aria-label", stage.muted.value ? "Sound on" : "Sound off");
  };
  const showTime = () => {
    const wall = player.wall;
    if (wall === null) return;
    const named = zoneOf(player.lead);
    day.textContent = date(wall, named);
    time.textContent = clock(wall, named, "millisecond").slice(0, -2);
    time.dataset.wall = String(wall);
    // The offset is told where it might be mistaken: another zone than one's own, or near to a change.
    zone.textContent = isNearChange(wall, named) || offset(wall, named) !== offset(wall, ownZone()) ? offsetName(wall, named) : "";
  };
  undo.add(stage.playing.follow(showState), stage.backwards.follow(showState, { now: true }), stage.muted.follow(showSound, { now: true }),
    stage.wall.follow(showTime, { now: true }), zoneChoice.follow(showTime));

  return h("div", { class: "transport", role: "group", "aria-label": "Playback" },
    h("div", { class: "transport-time" }, day, time, zone),
    h("div", { class: "transport-buttons" },
      iconButton("previous", "The event before", () => void player.goToNext(-1)),
      back,
      iconButton("frameBack", "The picture before", () => void stage.step(-1)),
      play,
      iconButton("frameOn", "The next picture", () => void stage.step(1)),
      iconButton("next", "The next event", () => void player.goToNext(1))),
    h("div", { class: "transport-end" }, speed.element, sound,
      h("button", { type: "button", class: "button button-quiet live-link", on: { click: () => navigate({ view: "live", camera: player.lead }) } }, icon("live"), "Live")));
}

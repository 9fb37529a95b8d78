// Keeps what happens out of hours for long, and what happens during them for a short time. This file
// stands between the host and `schedule.js`, which decides.

import { local } from "wardline:plugin/clock@0.1.0";

import { exported } from "./exported.js";
import { Schedule, Stretches } from "./schedule.js";

/** Who says what is no reason to keep video: a camera comes and goes, and what a person asks for, the host
 * keeps by itself. */
const NOT_HEARD = ["host", "api"];

const SECOND = 1_000_000;
const DAY = 86_400 * SECOND;

let params;
let schedule;
let stretches;

function set(text) {
  params = JSON.parse(text);
  schedule = new Schedule(params);
  stretches = new Stretches(params.before * SECOND, params.after * SECOND);
}

const nothing = () => ({ spans: [], wake: null, events: [] });

export const recordingPolicy = exported({
  init(setup) {
    set(setup.params);
  },

  onEvent(notice, _now) {
    const { event, origin } = notice;
    const atWork = schedule.atWork(local(event.time));
    const days = atWork ? params["keep-at-work"] : params["keep-out-of-hours"];
    if (NOT_HEARD.includes(origin) || days === 0) {
      return nothing();
    }
    const { number, start, end, because } = stretches.hear(event.id, event.time, atWork);
    const label = `${event.kind} ${atWork ? "during work" : "out of hours"}`;
    const span = { id: String(number), start, end, keep: days * DAY, label, because, attributes: [] };
    return { ...nothing(), spans: [span] };
  },

  onWake(_now) {
    return nothing();
  },

  keepContinuous(_segment, _now) {
    return null;
  },
});

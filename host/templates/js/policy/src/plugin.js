// Keeps video around each event. This file stands between the host and `keeper.js`, which decides.

import { exported } from "./exported.js";
import { Keeper } from "./keeper.js";

/** Who says what is no reason to keep video: a camera comes and goes, and what a person asks for, the host
 * keeps by itself. */
const NOT_HEARD = ["host", "api"];

const SECOND = 1_000_000;

let keeper;

export const recordingPolicy = exported({
  init(setup) {
    // As `plugin.toml` describes them. The host has checked them and filled in the defaults.
    const { before, after } = JSON.parse(setup.params);
    keeper = new Keeper(before * SECOND, after * SECOND);
  },

  onEvent(notice, _now) {
    const spans = [];
    if (!NOT_HEARD.includes(notice.origin)) {
      const { number, start, end, because } = keeper.hear(notice.event.id, notice.event.time);
      spans.push({
        id: String(number),
        start,
        end,
        keep: null,
        label: notice.event.kind,
        because,
        attributes: [],
      });
    }
    return { spans, wake: null, events: [] };
  },

  onWake(_now) {
    return { spans: [], wake: null, events: [] };
  },

  keepContinuous(_segment, _now) {
    return null;
  },
});

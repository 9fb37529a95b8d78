// Turns the words `open` and `closed` into events of a door. This file stands between the host and
// `door.js`, which reads.

import { read } from "./door.js";
import { exported, fault } from "./exported.js";

let count = 0;

export const eventSource = exported({
  init(setup) {
    // Its own path, /hooks/<name>.
    return { topics: [`hook:${setup.name}`], tick: null };
  },

  onTick(_now) {
    return [];
  },
});

export const messages = exported({
  onMessage(message, body) {
    const kind = read(body);
    if (kind === undefined) {
      // Who sent it gets 400 with this text.
      throw fault("rejected", "say `open` or `closed`");
    }
    count++;
    return [
      {
        id: String(count),
        kind,
        phase: "instant",
        time: message.received,
        confidence: 1,
        regions: [],
        // None named: all those that the source is configured for.
        cameras: [],
        correlation: null,
        attributes: [],
      },
    ];
  },
});

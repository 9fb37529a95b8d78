// Time zones: over changes of offset, and what a ruler shows then.

import assert from "node:assert/strict";
import { test } from "node:test";
import { add, clock, date, dateTime, DAY, floor, fromInput, HOUR, length, MINUTE, moment, offset, offsetName, offsetNote, parts, SECOND, ticks, toInput } from "../../../host/page/time.js";

const BERLIN = "Europe/Berlin";
/** Clocks go from 02:00 to 03:00. */
const SPRING = Date.UTC(2026, 2, 29, 1);
/** Clocks go from 03:00 to 02:00. */
const AUTUMN = Date.UTC(2026, 9, 25, 1);

test("offsets change where the zone says", () => {
  assert.equal(offset(SPRING - 1, BERLIN), HOUR);
  assert.equal(offset(SPRING, BERLIN), 2 * HOUR);
  assert.equal(offset(AUTUMN - 1, BERLIN), 2 * HOUR);
  assert.equal(offset(AUTUMN, BERLIN), HOUR);
  assert.equal(offset(0, "Asia/Kathmandu"), 5.5 * HOUR);
  assert.equal(offsetName(AUTUMN, "Asia/Kathmandu"), "UTC+5:45");
  assert.equal(offsetName(AUTUMN, "America/St_Johns"), "UTC−2:30");
});

test("a day may have 23 or 25 hours, and is a day", () => {
  const before = moment({ year: 2026, month: 3, day: 29 }, BERLIN);
  assert.equal(add(before, "day", 1, BERLIN) - before, 23 * HOUR);
  const autumn = moment({ year: 2026, month: 10, day: 25 }, BERLIN);
  assert.equal(add(autumn, "day", 1, BERLIN) - autumn, 25 * HOUR);
  assert.equal(floor(autumn + 24.5 * HOUR, "day", BERLIN), autumn);
});

test("what clocks show twice is the first, what they leave out is later", () => {
  assert.equal(moment({ year: 2026, month: 10, day: 25, hour: 2, minute: 30 }, BERLIN), AUTUMN - 30 * MINUTE);
  assert.equal(moment({ year: 2026, month: 3, day: 29, hour: 2, minute: 30 }, BERLIN), SPRING + 30 * MINUTE);
  assert.equal(clock(SPRING + 30 * MINUTE, BERLIN), "03:30:00");
});

test("every moment of a year reads back", () => {
  for (const zone of [BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC", "America/Santiago"]) {
    let wrong = 0;
    for (let at = Date.UTC(2026, 0, 1); at < Date.UTC(2027, 0, 1); at += 7 * HOUR + 13 * MINUTE) {
      const back = moment(parts(at, zone), zone);
      // Twice shown is once meant.
      if (back !== at && offset(back, zone) === offset(at, zone)) wrong += 1;
      assert.ok(floor(at, "day", zone) <= at && floor(at, "month", zone) <= floor(at, "day", zone));
    }
    assert.equal(wrong, 0, zone);
  }
});

test("a ruler's ticks are even hours, over a change too, and never too near", () => {
  for (const change of [SPRING, AUTUMN]) {
    const from = floor(change, "day", BERLIN) - DAY;
    for (const apart of [20 * SECOND, 5 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, DAY, 7 * DAY]) {
      const found = ticks(from, from + Math.max(2 * DAY, apart * 8), apart, BERLIN);
      assert.ok(found.length > 1, String(apart));
      for (const [at, tick] of found.entries()) {
        if (at === 0) continue;
        const gap = tick.at - found[at - 1].at;
        // The hour that is left out is the one exception.
        assert.ok(gap >= (apart >= HOUR ? apart - HOUR : apart) && gap > 0, `${gap} ${apart}`);
      }
      if (apart === 6 * HOUR) assert.ok(found.every(({ at }) => parts(at, BERLIN).hour % 6 === 0), JSON.stringify(found));
      if (apart === 3 * HOUR) assert.ok(found.every(({ at }) => parts(at, BERLIN).hour % 3 === 0));
    }
  }
});

test("a year of ticks is months, with the year where it begins", () => {
  const found = ticks(Date.UTC(2026, 10, 1), Date.UTC(2027, 2, 2), 20 * DAY, "UTC");
  assert.deepEqual(found.map(({ label }) => label), ["Nov", "Dec", "2027", "Feb", "Mar"]);
});

test("words for people", () => {
  const at = Date.UTC(2026, 10, 28, 14, 3, 20, 480);
  assert.equal(clock(at, "UTC", "millisecond"), "14:03:20.480");
  assert.equal(date(at, "UTC", at), "Sat 28 Nov");
  assert.equal(date(at, "UTC", at + 300 * DAY), "Sat 28 Nov 2026");
  assert.equal(dateTime(at, "UTC", at), "today 14:03:20");
  assert.equal(dateTime(at, "UTC", at + DAY), "yesterday 14:03:20");
  assert.equal(length(480), "480 ms");
  assert.equal(length(12_400), "12 s");
  assert.equal(length(200_000), "3 min 20 s");
  assert.equal(length(4 * DAY + 2 * HOUR), "4 d 2 h");
});

test("of two moments that a clock shows alike the nearer is meant", () => {
  for (const at of [AUTUMN - 30 * MINUTE, AUTUMN + 30 * MINUTE]) {
    assert.equal(fromInput(toInput(at, BERLIN), BERLIN, at), at);
    assert.equal(fromInput("2026-10-25T02:45:00", BERLIN, at), at + 15 * MINUTE);
  }
  assert.equal(fromInput("2026-10-25T02:30:00", BERLIN), AUTUMN - 30 * MINUTE);
  assert.equal(fromInput("2026-10-25T04:30:00", BERLIN, 0), AUTUMN + 2.5 * HOUR, "what is shown once is that");
  assert.equal(fromInput("2026-03-29T02:30:00", BERLIN, SPRING), SPRING + 30 * MINUTE);
});

test("near to a change of the clocks a time has its offset", () => {
  assert.equal(offsetNote(AUTUMN - 30 * MINUTE, BERLIN), " UTC+2");
  assert.equal(offsetNote(AUTUMN + 30 * MINUTE, BERLIN), " UTC+1");
  assert.equal(offsetNote(AUTUMN + 2 * DAY, BERLIN), "");
  assert.equal(offsetNote(AUTUMN, "UTC"), "");
});

test("what is typed is meant in the zone", () => {
  for (const zone of [BERLIN, "America/New_York", "UTC"]) {
    const at = Date.UTC(2026, 6, 1, 12, 30, 15);
    assert.equal(fromInput(toInput(at, zone), zone), at);
  }
  assert.equal(fromInput("", "UTC"), null);
  assert.equal(fromInput("2026-11-28", "UTC"), Date.UTC(2026, 10, 28));
});

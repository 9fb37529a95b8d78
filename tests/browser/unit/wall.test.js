// The map between a video's time and the world's.

import assert from "node:assert/strict";
import { test } from "node:test";
import { moment, read, WallMap } from "../../../host/page/player/wall.js";

const PLAYLIST = `#EXTM3U
#EXT-X-TARGETDURATION:5
#EXT-X-MAP:URI="init"
#EXT-X-PROGRAM-DATE-TIME:2026-11-28T12:00:00.250500Z
#EXTINF:4.000,
a
#EXTINF:3.5,
b
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-11-28T12:10:00Z
#EXTINF:4,
c
#EXT-X-ENDLIST
`;

const BEGIN = Date.UTC(2026, 10, 28, 12);

test("pieces have their moments, those without a date follow on", () => {
  const pieces = read(PLAYLIST);
  assert.deepEqual(pieces.map(({ wall, start, fresh }) => [Math.round((wall - BEGIN) * 10) / 10, start, fresh]), [[250.5, 0, true], [4250.5, 4, false], [600_000, 7.5, true]]);
});

test("moments below a millisecond are kept", () => {
  assert.equal(moment("2026-11-28T12:00:00.000123Z") - BEGIN > 0.12, true);
  assert.equal(moment("2026-11-28T12:00:00Z"), BEGIN);
});

test("the map goes both ways, and over a gap to what comes next", () => {
  const map = new WallMap(read(PLAYLIST));
  for (const media of [0, 1.25, 4, 7.4, 7.5, 11]) {
    const wall = map.toWall(media);
    assert.ok(wall !== null);
    assert.ok(Math.abs((map.toMedia(wall)?.media ?? -1) - media) < 0.002, String(media));
  }
  const gap = map.toMedia(BEGIN + 60_000);
  assert.deepEqual([gap?.media, gap?.exact], [7.5, false]);
  assert.equal(map.has(BEGIN + 60_000), false);
  assert.equal(map.has(BEGIN + 5000), true);
  assert.equal(map.toMedia(BEGIN + 3_600_000), null);
  assert.equal(map.last, BEGIN + 604_000);
  assert.equal(map.toMedia(BEGIN + 604_000), null, "the end is not in it");
  assert.equal(map.toMedia(BEGIN + 7751)?.exact, false, "nor is that of a run");
});

/** The clock was set back by two minutes after ten, and there was a gap later. */
const BACK = `#EXTM3U
#EXT-X-PROGRAM-DATE-TIME:2026-11-28T12:00:00Z
#EXTINF:300,
a
#EXTINF:300,
b
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-11-28T12:08:00Z
#EXTINF:60,
c
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-11-28T12:09:00.020Z
#EXTINF:10,
d
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-11-28T12:09:30Z
#EXTINF:10,
e
`;

test("where a clock was set back, a moment has two places", () => {
  const map = new WallMap(read(BACK));
  const minute = 60_000;
  assert.deepEqual(map.places(BEGIN + 7 * minute), [420]);
  assert.deepEqual(map.places(BEGIN + 8.5 * minute), [510, 630]);
  assert.equal(map.toMedia(BEGIN + 8.5 * minute)?.media, 510, "the first");
  assert.equal(map.toMedia(BEGIN + 8.5 * minute, 100)?.media, 510, "the one in the run that is shown");
  assert.equal(map.toMedia(BEGIN + 8.5 * minute, 650)?.media, 630);
  for (const media of [0, 510, 599, 601, 630, 665, 675]) {
    const wall = map.toWall(media);
    assert.ok(wall !== null);
    assert.ok(Math.abs((map.toMedia(wall, media)?.media ?? -1) - media) < 0.002, String(media));
  }
  assert.equal(map.last, BEGIN + 10 * minute, "the latest moment, not that of the end");
  assert.equal(map.end, BEGIN + 9 * minute + 40_000);
  assert.equal(map.first, BEGIN);
  assert.equal(map.places(BEGIN + 9 * minute + 10).length, 2, "those that abut but for rounding are one");
  assert.equal(map.until(BEGIN + minute), BEGIN + 10 * minute);
  assert.equal(map.before(BEGIN + 11 * minute), BEGIN + 10 * minute - 1);
});

test("how long there is video without a gap", () => {
  const map = new WallMap(read(PLAYLIST));
  assert.equal(map.until(BEGIN + 1000), BEGIN + 7750.5);
  assert.equal(map.until(BEGIN + 60_000), BEGIN + 60_000);
  assert.equal(map.before(BEGIN + 60_000), BEGIN + 7749.5);
  assert.equal(map.before(BEGIN + 2000), BEGIN + 2000);
  assert.equal(map.before(BEGIN), null);
});

test("nonsense is an empty map", () => {
  for (const text of ["", "#EXTM3U\n", "#EXTM3U\n#EXTINF:x,\na\n", "#EXTM3U\n#EXT-X-PROGRAM-DATE-TIME:never\n#EXTINF:1,\na\n"]) {
    const map = new WallMap(read(text));
    assert.equal(map.isEmpty, true, text);
    assert.equal(map.toMedia(0), null);
    assert.equal(map.toWall(0), null);
  }
});

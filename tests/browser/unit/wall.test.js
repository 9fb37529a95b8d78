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

test("nonsense is an empty map", () => {
  for (const text of ["", "#EXTM3U\n", "#EXTM3U\n#EXTINF:x,\na\n", "#EXTM3U\n#EXT-X-PROGRAM-DATE-TIME:never\n#EXTINF:1,\na\n"]) {
    const map = new WallMap(read(text));
    assert.equal(map.isEmpty, true, text);
    assert.equal(map.toMedia(0), null);
    assert.equal(map.toWall(0), null);
  }
});

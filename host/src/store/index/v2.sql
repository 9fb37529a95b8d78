-- Several places for files, pins, limits by size, and answers of several policies: `keep_by` of a
-- segment is bits from here on, 1 as configured and 2 as policies answered.

-- Where files lie. 0 is the store that holds this index; its uuid and path are set at each start.
CREATE TABLE place (
    id    INTEGER PRIMARY KEY,
    uuid  TEXT NOT NULL UNIQUE,
    name  TEXT NOT NULL UNIQUE,
    path  TEXT NOT NULL,
    bytes INTEGER NOT NULL DEFAULT 0         -- of the segments that lie there and are not claimed
);
INSERT INTO place (id, uuid, name, path, bytes)
    SELECT 0, '', 'main', '', coalesce(sum(bytes), 0) FROM segment WHERE state <> 3;
ALTER TABLE segment ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
-- A further place that may hold a copy, which is not the segment: where it is being copied to,
-- then where it came from.
ALTER TABLE segment ADD COLUMN moving INTEGER;
CREATE INDEX segment_moving ON segment (moving) WHERE moving IS NOT NULL;
-- What is oldest, and what is due, is asked of each place.
DROP INDEX segment_by_age;
DROP INDEX segment_due;
CREATE INDEX segment_by_age ON segment (place, start) WHERE state = 2;
CREATE INDEX segment_due ON segment (place, recheck_at) WHERE state = 2;
-- Ids grow in the order of recording, whatever the clock said: in this order segments go when room
-- is needed.
CREATE INDEX segment_in_order ON segment (place, id) WHERE state = 2;
CREATE INDEX segment_of_camera_in_order ON segment (camera, id) WHERE state = 2;

-- Sums for the limits by size. What is claimed for deletion is in none of them any more.
ALTER TABLE camera ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
UPDATE camera SET bytes = coalesce(
    (SELECT sum(s.bytes) FROM segment s WHERE s.camera = camera.id AND s.state <> 3), 0);
ALTER TABLE camera ADD COLUMN size_max INTEGER;  -- bytes; NULL: no limit by size
CREATE TRIGGER segment_comes AFTER INSERT ON segment WHEN new.bytes > 0 AND new.state <> 3 BEGIN
    UPDATE place SET bytes = bytes + new.bytes WHERE id = new.place;
    UPDATE camera SET bytes = bytes + new.bytes WHERE id = new.camera;
END;
CREATE TRIGGER segment_changes AFTER UPDATE OF bytes, place, state ON segment
    WHEN old.bytes <> new.bytes OR old.place <> new.place OR (old.state = 3) <> (new.state = 3)
BEGIN
    UPDATE place SET bytes = bytes - old.bytes WHERE id = old.place AND old.state <> 3;
    UPDATE camera SET bytes = bytes - old.bytes WHERE id = old.camera AND old.state <> 3;
    UPDATE place SET bytes = bytes + new.bytes WHERE id = new.place AND new.state <> 3;
    UPDATE camera SET bytes = bytes + new.bytes WHERE id = new.camera AND new.state <> 3;
END;
CREATE TRIGGER segment_goes AFTER DELETE ON segment WHEN old.state <> 3 BEGIN
    UPDATE place SET bytes = bytes - old.bytes WHERE id = old.place;
    UPDATE camera SET bytes = bytes - old.bytes WHERE id = old.camera;
END;

-- All segments of the camera with a higher sequence are still to be looked at by a sweep, because
-- what keeps them has changed; NULL: none.
ALTER TABLE camera ADD COLUMN recheck_after INTEGER;

-- No segment is longer: where to look for those that touch a moment, whatever the epochs.
ALTER TABLE camera ADD COLUMN longest INTEGER NOT NULL DEFAULT 0;
UPDATE camera SET longest =
    coalesce((SELECT max(s.end - s.start) FROM segment s WHERE s.camera = camera.id), 0);

-- The same of spans.
ALTER TABLE camera ADD COLUMN longest_span INTEGER NOT NULL DEFAULT 0;
UPDATE camera SET longest_span =
    coalesce((SELECT max(p.end - p.start) FROM span p WHERE p.camera = camera.id), 0);
CREATE TRIGGER span_comes AFTER INSERT ON span BEGIN
    UPDATE camera SET longest_span = new.end - new.start
        WHERE id = new.camera AND longest_span < new.end - new.start;
END;
CREATE TRIGGER span_changes AFTER UPDATE OF camera, start, end ON span BEGIN
    UPDATE camera SET longest_span = new.end - new.start
        WHERE id = new.camera AND longest_span < new.end - new.start;
END;

-- What a person wants kept for ever.
CREATE TABLE pin (
    id     TEXT PRIMARY KEY,
    camera INTEGER NOT NULL REFERENCES camera (id),
    start  INTEGER NOT NULL,
    end    INTEGER NOT NULL,
    label  TEXT NOT NULL,
    made   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX pin_by_time ON pin (camera, start);

-- A policy with its component and parameters; others of them are another judge. Rows stay: an
-- answer must never be taken for that of a later judge.
CREATE TABLE judge (
    id      INTEGER PRIMARY KEY,
    camera  INTEGER NOT NULL REFERENCES camera (id),
    policy  TEXT NOT NULL,
    digest  TEXT NOT NULL,                       -- '': it can't be loaded, and says nothing
    current INTEGER NOT NULL,                    -- 1 while the camera is configured with it
    silent  INTEGER,                             -- since then it does not answer; NULL: it does
    UNIQUE (camera, policy, digest)
);

-- What a judge said of a segment. Of one policy's judges only the last that answered is kept.
CREATE TABLE answer (
    segment INTEGER NOT NULL REFERENCES segment (id) ON DELETE CASCADE,
    judge   INTEGER NOT NULL REFERENCES judge (id),
    until   INTEGER,                             -- NULL: as configured
    PRIMARY KEY (segment, judge)
) WITHOUT ROWID;

-- What of a span's life stands among the events: bits of index/told.rs. Spans of earlier versions: all.
ALTER TABLE span ADD COLUMN told INTEGER NOT NULL DEFAULT 15;
CREATE INDEX span_untold ON span (end) WHERE told & 4 = 0;

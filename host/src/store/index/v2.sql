-- Several places for files, pins, limits by size, and answers of several policies: `keep_by` of a
-- segment is bits from here on, 1 as configured and 2 as policies answered.

-- Where files lie. 0 is the store that holds this index.
CREATE TABLE place (
    id   INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    path TEXT NOT NULL
);
ALTER TABLE segment ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
ALTER TABLE segment ADD COLUMN moving INTEGER;   -- the place it is being copied to
CREATE INDEX segment_moving ON segment (moving) WHERE moving IS NOT NULL;

-- No segment is longer: where to look for those that touch a moment, whatever the epochs.
ALTER TABLE camera ADD COLUMN longest INTEGER NOT NULL DEFAULT 0;
UPDATE camera SET longest =
    coalesce((SELECT max(s.end - s.start) FROM segment s WHERE s.camera = camera.id), 0);

ALTER TABLE camera ADD COLUMN size_max INTEGER;  -- bytes; NULL: no limit by size

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

-- Times are microseconds since the Unix epoch, UTC; lengths of time are microseconds.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE camera (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    keep          INTEGER,                    -- configured; NULL: no limit by age
    next_sequence INTEGER NOT NULL DEFAULT 0
);

-- The time line: one narrow row a file.
CREATE TABLE segment (
    id               INTEGER PRIMARY KEY,
    camera           INTEGER NOT NULL REFERENCES camera (id),
    sequence         INTEGER NOT NULL,
    epoch            INTEGER NOT NULL,
    start            INTEGER NOT NULL,
    end              INTEGER NOT NULL,        -- start until it is closed
    bytes            INTEGER NOT NULL,
    state            INTEGER NOT NULL,        -- 0 opening, 1 open, 2 closed, 3 deleting
    flags            INTEGER NOT NULL,
    format           INTEGER NOT NULL REFERENCES format (id),
    continuous_until INTEGER NOT NULL,        -- where a policy answered
    keep_by          INTEGER NOT NULL,        -- 0 nobody, 1 configuration, 2 a policy's answer
    closed_at        INTEGER NOT NULL DEFAULT 0,
    recheck_at       INTEGER NOT NULL DEFAULT 0, -- no hold can end before
    UNIQUE (camera, sequence)
);
CREATE INDEX segment_by_time ON segment (camera, start);
CREATE INDEX segment_unfinished ON segment (state) WHERE state <> 2;
CREATE INDEX segment_by_age ON segment (start) WHERE state = 2;
CREATE INDEX segment_due ON segment (recheck_at) WHERE state = 2;

-- Coded formats repeat over thousands of segments.
CREATE TABLE format (
    id     INTEGER PRIMARY KEY,
    codec  TEXT NOT NULL,
    width  INTEGER NOT NULL,
    height INTEGER NOT NULL,
    audio  TEXT NOT NULL,                     -- '': none
    UNIQUE (codec, width, height, audio)
);

-- What playback needs of a file, apart from the time line. See index/map.rs.
CREATE TABLE fragments (
    segment INTEGER PRIMARY KEY REFERENCES segment (id) ON DELETE CASCADE,
    map     BLOB NOT NULL
);

CREATE TABLE span (
    id          TEXT PRIMARY KEY,
    camera      INTEGER NOT NULL REFERENCES camera (id),
    policy      TEXT NOT NULL,
    start       INTEGER NOT NULL,
    end         INTEGER NOT NULL,
    true_start  INTEGER,                      -- NULL: no video yet
    true_end    INTEGER,
    truncated   INTEGER NOT NULL DEFAULT 0,
    keep        INTEGER,                      -- NULL: as the camera's
    label       TEXT NOT NULL,
    because     TEXT NOT NULL,                -- JSON list
    correlation TEXT
) WITHOUT ROWID;
CREATE INDEX span_by_start ON span (camera, start);
CREATE INDEX span_by_end ON span (camera, end);

CREATE TABLE gap (
    id     INTEGER PRIMARY KEY,
    camera INTEGER NOT NULL REFERENCES camera (id),
    start  INTEGER NOT NULL,
    end    INTEGER,                           -- NULL while it lasts
    reason TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX gap_by_time ON gap (camera, start);

CREATE TABLE event (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    camera   TEXT NOT NULL,
    origin   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    phase    TEXT NOT NULL,
    time     INTEGER NOT NULL,
    received INTEGER NOT NULL,
    outcome  TEXT NOT NULL,                   -- accepted, late, refused
    reason   TEXT,
    json     TEXT NOT NULL
);
CREATE INDEX event_by_time ON event (camera, time);

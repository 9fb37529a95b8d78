-- What the files of segments do not say, and a rebuild needs, goes from here to the journal beside
-- them. The triggers note what changed in the transaction that changes it, so that nothing is
-- forgotten; of several changes of one thing, one entry is left.
CREATE TABLE outbox (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key  NOT NULL,                              -- its primary key
    UNIQUE (kind, key)
);

CREATE TRIGGER place_noted AFTER INSERT ON place BEGIN
    DELETE FROM outbox WHERE kind = 'place' AND key = new.id;
    INSERT INTO outbox (kind, key) VALUES ('place', new.id);
END;
CREATE TRIGGER place_renoted AFTER UPDATE OF uuid, name, path ON place
WHEN (new.uuid, new.name, new.path) <> (old.uuid, old.name, old.path) BEGIN
    DELETE FROM outbox WHERE kind = 'place' AND key = new.id;
    INSERT INTO outbox (kind, key) VALUES ('place', new.id);
END;

CREATE TRIGGER camera_noted AFTER INSERT ON camera BEGIN
    DELETE FROM outbox WHERE kind = 'camera' AND key = new.id;
    INSERT INTO outbox (kind, key) VALUES ('camera', new.id);
END;
CREATE TRIGGER camera_renoted AFTER UPDATE OF name, keep, size_max ON camera BEGIN
    DELETE FROM outbox WHERE kind = 'camera' AND key = new.id;
    INSERT INTO outbox (kind, key) VALUES ('camera', new.id);
END;
-- Once the newest segment is gone, no file says which sequence comes next.
CREATE TRIGGER camera_loses_newest AFTER DELETE ON segment
WHEN old.sequence + 1 = (SELECT next_sequence FROM camera WHERE id = old.camera) BEGIN
    DELETE FROM outbox WHERE kind = 'camera' AND key = old.camera;
    INSERT INTO outbox (kind, key) VALUES ('camera', old.camera);
END;

CREATE TRIGGER judge_noted AFTER INSERT ON judge BEGIN
    DELETE FROM outbox WHERE kind = 'judge' AND key = new.id;
    INSERT INTO outbox (kind, key) VALUES ('judge', new.id);
END;
CREATE TRIGGER judge_renoted AFTER UPDATE OF current ON judge WHEN new.current <> old.current BEGIN
    DELETE FROM outbox WHERE kind = 'judge' AND key = new.id;
    INSERT INTO outbox (kind, key) VALUES ('judge', new.id);
END;

-- 20: damaged or repaired.
CREATE TRIGGER segment_noted AFTER UPDATE OF flags ON segment
WHEN new.flags & 20 <> old.flags & 20 BEGIN
    DELETE FROM outbox WHERE kind = 'segment' AND key = new.id;
    INSERT INTO outbox (kind, key) VALUES ('segment', new.id);
END;
CREATE TRIGGER answer_noted AFTER INSERT ON answer BEGIN
    DELETE FROM outbox WHERE kind = 'segment' AND key = new.segment;
    INSERT INTO outbox (kind, key) VALUES ('segment', new.segment);
END;
CREATE TRIGGER answer_dropped AFTER DELETE ON answer
WHEN EXISTS (SELECT 1 FROM segment WHERE id = old.segment) BEGIN
    DELETE FROM outbox WHERE kind = 'segment' AND key = old.segment;
    INSERT INTO outbox (kind, key) VALUES ('segment', old.segment);
END;

CREATE TRIGGER span_noted AFTER INSERT ON span BEGIN
    DELETE FROM outbox WHERE kind = 'span' AND key = new.id;
    INSERT INTO outbox (kind, key) VALUES ('span', new.id);
END;
CREATE TRIGGER span_renoted
AFTER UPDATE OF camera, policy, start, end, keep, label, because, correlation, told ON span BEGIN
    DELETE FROM outbox WHERE kind = 'span' AND key = new.id;
    INSERT INTO outbox (kind, key) VALUES ('span', new.id);
END;
CREATE TRIGGER span_gone AFTER DELETE ON span BEGIN
    DELETE FROM outbox WHERE kind = 'span' AND key = old.id;
    INSERT INTO outbox (kind, key) VALUES ('span', old.id);
END;

CREATE TRIGGER pin_noted AFTER INSERT ON pin BEGIN
    DELETE FROM outbox WHERE kind = 'pin' AND key = new.id;
    INSERT INTO outbox (kind, key) VALUES ('pin', new.id);
END;
CREATE TRIGGER pin_gone AFTER DELETE ON pin BEGIN
    DELETE FROM outbox WHERE kind = 'pin' AND key = old.id;
    INSERT INTO outbox (kind, key) VALUES ('pin', old.id);
END;

CREATE TRIGGER gap_noted AFTER INSERT ON gap BEGIN
    DELETE FROM outbox WHERE kind = 'gap' AND key = new.id;
    INSERT INTO outbox (kind, key) VALUES ('gap', new.id);
END;
CREATE TRIGGER gap_renoted AFTER UPDATE ON gap BEGIN
    DELETE FROM outbox WHERE kind = 'gap' AND key = new.id;
    INSERT INTO outbox (kind, key) VALUES ('gap', new.id);
END;
CREATE TRIGGER gap_gone AFTER DELETE ON gap BEGIN
    DELETE FROM outbox WHERE kind = 'gap' AND key = old.id;
    INSERT INTO outbox (kind, key) VALUES ('gap', old.id);
END;

-- What an index of the first version knows.
INSERT INTO outbox (kind, key) SELECT 'place', id FROM place;
INSERT INTO outbox (kind, key) SELECT 'camera', id FROM camera;
INSERT INTO outbox (kind, key) SELECT 'segment', id FROM segment WHERE flags & 20 <> 0;
INSERT INTO outbox (kind, key) SELECT 'span', id FROM span;
INSERT INTO outbox (kind, key) SELECT 'gap', id FROM gap;

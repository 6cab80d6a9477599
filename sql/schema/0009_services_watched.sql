-- What watched services went through, from health_changed: uptimes and incidents follow from it.
CREATE TABLE service_change (
  service TEXT    NOT NULL,
  at      INTEGER NOT NULL,  -- timestamp
  event   INTEGER NOT NULL,  -- id of the event
  status  TEXT    NOT NULL,  -- from then on, until the next
  message TEXT    NOT NULL,  -- why
  PRIMARY KEY (service, at, event)
) WITHOUT ROWID;
INSERT INTO service_change
SELECT data ->> '$.service', timestamp, id, coalesce(data ->> '$.status', 'unknown'), coalesce(data ->> '$.message', '')
FROM event WHERE type = 'health_changed' AND data ->> '$.service' IS NOT NULL;

-- One that never rests is remembered for a shorter time.
CREATE TRIGGER service_change_bound AFTER INSERT ON service_change
WHEN (SELECT count(*) FROM service_change WHERE service = new.service) > 10000
BEGIN
  DELETE FROM service_change WHERE (service, at, event) =
    (SELECT service, at, event FROM service_change WHERE service = new.service ORDER BY at, event LIMIT 1);
END;

-- What belfry-watchd is asked to do. It answers with `state` and an event.
CREATE TABLE task (
  task_id  TEXT PRIMARY KEY,
  kind     TEXT    NOT NULL,   -- check
  service  TEXT,               -- NULL: all
  asked    INTEGER NOT NULL,
  asked_by TEXT    NOT NULL,
  state    TEXT    NOT NULL DEFAULT 'asked',  -- asked, done, failed
  message  TEXT    NOT NULL DEFAULT ''        -- why it failed
) WITHOUT ROWID;
CREATE INDEX task_asked ON task (asked) WHERE state = 'asked';

-- What is over is forgotten after a day.
CREATE TRIGGER task_bound AFTER INSERT ON task
BEGIN
  DELETE FROM task WHERE task_id IN
    (SELECT task_id FROM task WHERE asked < new.asked - 86400000 ORDER BY task_id LIMIT 100);
END;

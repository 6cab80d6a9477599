-- Services that are not probed for a while, because an operator said so.
CREATE TABLE service_pause (
  service   TEXT PRIMARY KEY,
  since     INTEGER NOT NULL,
  until     INTEGER,                   -- NULL: until somebody resumes it
  paused_by TEXT    NOT NULL,
  comment   TEXT    NOT NULL
) WITHOUT ROWID;

-- What has been over for a day is forgotten.
CREATE TRIGGER service_pause_bound AFTER INSERT ON service_pause
BEGIN
  DELETE FROM service_pause WHERE until < new.since - 86400000;
END;

-- What was done about services that were down, from recovery_started and recovery_finished.
CREATE TABLE recovery (
  recovery_id TEXT PRIMARY KEY,
  service     TEXT    NOT NULL,
  action      TEXT    NOT NULL,
  asked_by    TEXT    NOT NULL,  -- who wanted it: watchd, or an identity's name
  trigger     TEXT    NOT NULL,  -- failures, cpu, memory, request
  reason      TEXT    NOT NULL,
  dry_run     INTEGER NOT NULL,
  started     INTEGER NOT NULL,
  finished    INTEGER,           -- NULL: it runs
  state       TEXT    NOT NULL,  -- running, succeeded, failed, interrupted, dry_run
  exit_status INTEGER,
  timed_out   INTEGER NOT NULL,
  verified    INTEGER,           -- whether a check found the service well afterwards; NULL: none was made
  message     TEXT    NOT NULL   -- what came of it
) WITHOUT ROWID;
CREATE INDEX recovery_started ON recovery (started);

CREATE TRIGGER recovery_bound AFTER INSERT ON recovery
WHEN (SELECT count(*) FROM recovery) > 10000
BEGIN
  DELETE FROM recovery WHERE recovery_id IN (SELECT recovery_id FROM recovery ORDER BY started LIMIT 100);
END;

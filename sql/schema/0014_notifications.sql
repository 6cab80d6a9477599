-- What is to be told of alerts, and was, channel by channel. Who tells it (belfry-watchd) reads what is open when it
-- starts, and goes on from there.
CREATE TABLE notification (
  notice_id TEXT    NOT NULL,               -- of the alert, its start and the kind: the same again changes nothing
  channel   TEXT    NOT NULL,
  alert_id  TEXT    NOT NULL,
  rule      TEXT    NOT NULL,
  kind      TEXT    NOT NULL,               -- firing, repeat, resolved
  severity  INTEGER NOT NULL,
  alert_group TEXT  NOT NULL,               -- alerts of the same group go in one message
  labels    TEXT    NOT NULL,               -- a JSON object of texts
  summary   TEXT    NOT NULL,               -- for a person
  value     REAL,                           -- the figure; NULL: none
  started   INTEGER NOT NULL,               -- when the alert began to fire
  ended     INTEGER,                        -- when that was over; NULL: it is not
  queued    INTEGER NOT NULL,
  done      INTEGER,                        -- when it was accepted, or given up; NULL: it is still to be told
  given_up  INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (notice_id, channel)
) WITHOUT ROWID;
CREATE INDEX notification_open ON notification (channel, queued, notice_id) WHERE done IS NULL;
CREATE INDEX notification_told ON notification (channel, alert_id, started);
CREATE INDEX notification_done ON notification (done) WHERE done IS NOT NULL;

-- What is done is remembered for 40 days, which is longer than an alert goes on without being told again, and no more
-- than 100,000 of it.
CREATE TRIGGER notification_bound AFTER INSERT ON notification
BEGIN
  DELETE FROM notification WHERE (notice_id, channel) IN (
    SELECT notice_id, channel FROM notification WHERE done < new.queued - 3456000000 ORDER BY done LIMIT 100);
  DELETE FROM notification WHERE (SELECT count(*) FROM notification WHERE done IS NOT NULL) > 100000 AND (notice_id, channel) IN (
    SELECT notice_id, channel FROM notification WHERE done IS NOT NULL ORDER BY done LIMIT 100);
END;

-- How each channel does.
CREATE TABLE channel (
  channel       TEXT PRIMARY KEY,
  sent          INTEGER NOT NULL,           -- messages accepted
  failed        INTEGER NOT NULL,           -- attempts that failed
  given_up      INTEGER NOT NULL,           -- notices
  attempts      INTEGER NOT NULL,           -- that failed since the last one that did not
  last_success  INTEGER,
  last_failure  INTEGER,
  last_error    TEXT    NOT NULL,           -- what went wrong then
  failing_since INTEGER,                    -- NULL: it is not failing
  next_attempt  INTEGER,                    -- not before, while it is failing
  tokens        REAL    NOT NULL,           -- messages that it may get now, of max_per_hour
  tokens_at     INTEGER NOT NULL            -- when that was so
) WITHOUT ROWID;

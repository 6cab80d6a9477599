-- Alerts as they stand. Who raises them (belfry-watchd) reads this when it starts, and goes on from there.
CREATE TABLE alert (
  alert_id TEXT PRIMARY KEY,               -- made of the rule and what is bad
  rule     TEXT    NOT NULL,
  severity TEXT    NOT NULL,
  labels   TEXT    NOT NULL,               -- a JSON object of texts
  subject  TEXT    NOT NULL,               -- what of these tells it from the rule's others
  state    TEXT    NOT NULL,               -- ok, pending, firing, acknowledged, silenced, unknown
  since    INTEGER NOT NULL,               -- of the state
  message  TEXT    NOT NULL,               -- for a person
  value    REAL,                           -- the figure, as it was last
  fired    INTEGER,                        -- when it began to fire; NULL: it does not
  resolved INTEGER,                        -- when it was last over
  quiet    TEXT    NOT NULL DEFAULT '',    -- why it is not told, while it fires
  told     INTEGER,                        -- when it was last told; NULL: of what fires now nobody was told
  acknowledged         INTEGER,            -- when; of what fires now
  acknowledged_by      TEXT    NOT NULL DEFAULT '',
  acknowledged_comment TEXT    NOT NULL DEFAULT ''
) WITHOUT ROWID;

-- The rules, as they were last asked.
CREATE TABLE alert_rule (
  rule     TEXT PRIMARY KEY,
  about    TEXT    NOT NULL,               -- in words
  severity TEXT    NOT NULL,
  state    TEXT    NOT NULL,               -- the gravest of its alerts; ok without any
  asked    INTEGER,                        -- when; NULL: not yet
  message  TEXT    NOT NULL DEFAULT ''     -- why it could not be asked
) WITHOUT ROWID;

-- Times in which alerts with certain labels are not told, by hand.
CREATE TABLE silence (
  silence_id TEXT PRIMARY KEY,             -- a ULID: they sort by when they were made
  matchers   TEXT    NOT NULL,             -- a JSON object: label to glob; all must match
  starts     INTEGER NOT NULL,
  ends       INTEGER NOT NULL,
  comment    TEXT    NOT NULL,
  created    INTEGER NOT NULL,
  created_by TEXT    NOT NULL
) WITHOUT ROWID;

-- What is over is forgotten after 90 days.
CREATE TRIGGER silence_bound AFTER INSERT ON silence
BEGIN
  DELETE FROM silence WHERE silence_id IN
    (SELECT silence_id FROM silence WHERE ends < new.created - 7776000000 ORDER BY silence_id LIMIT 100);
END;

-- What was sealed: the files below segments/, and what must be remembered of rows that went into them.

-- A sealed file. What a reader may use of it is what this row says, in the same moment as the rows of this database.
CREATE TABLE segment (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  kind       TEXT    NOT NULL,            -- events, samples, minutes (roll-ups), hours (roll-ups)
  file       TEXT    NOT NULL UNIQUE,     -- its name in the folder segments
  start      INTEGER NOT NULL,            -- the span that it is of: a day, or a month for hours ...
  end        INTEGER NOT NULL,            -- ... which ends before this
  state      TEXT    NOT NULL,            -- open: more will be put into it; finished; quarantined: damaged, not read
  last_block INTEGER NOT NULL,            -- pieces with a higher number are not valid (yet)
  first_id   INTEGER NOT NULL DEFAULT 0,  -- events: ids in it are from here ...
  last_id    INTEGER NOT NULL DEFAULT 0,  -- ... to here
  min_ts     INTEGER NOT NULL,            -- timestamps in it are from here ...
  max_ts     INTEGER NOT NULL,            -- ... to here
  rows       INTEGER NOT NULL,            -- events, samples or buckets in it
  bytes      INTEGER NOT NULL,            -- its size when this row was written
  created    INTEGER NOT NULL,
  changed    INTEGER NOT NULL
);
CREATE INDEX segment_kind ON segment (kind, start);

-- Which events were sealed lately, so that one that is sent again is known to be a duplicate: a row for each block, that
-- is, few and in order, where a row for each event would change a page of this database for each of them.
CREATE TABLE sealed_ids (
  first_id INTEGER PRIMARY KEY,  -- of the block
  received INTEGER NOT NULL,     -- of its last event: after a day the row may be forgotten
  hashes   BLOB    NOT NULL      -- sorted; of each event the first 16 bytes of SHA-256 of source, a zero byte, event_id
);

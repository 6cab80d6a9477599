-- What administrators have had deleted, until nothing of it is left anywhere.

-- An event that a row is about is not there any more for readers, from the moment of the row on; belfry-historyd then
-- deletes it from this database and from sealed files, and the row when that is done. The row after AUTOINCREMENT's
-- rules: its id is never used again, so that readers can tell that there was one.
CREATE TABLE deletion (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  last_id    INTEGER NOT NULL,            -- events up to this id, the head when it was ordered
  type       TEXT    NOT NULL,            -- of this type
  sources    TEXT    NOT NULL,            -- from a source that one of these globs matches, each on a line; '': from any
  severities INTEGER NOT NULL,            -- bit 1 << severity for each that goes; 0: all
  from_ts    INTEGER NOT NULL,            -- timestamps from here; 0: from the beginning
  to_ts      INTEGER NOT NULL,            -- and before this; 0: no bound
  ordered    INTEGER NOT NULL             -- when
);

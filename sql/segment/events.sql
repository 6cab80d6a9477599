-- A file of sealed events.

-- What tells whether a block of packed events (lib/history/block_priv.h) is worth unpacking.
CREATE TABLE block (
  number     INTEGER PRIMARY KEY,  -- from 1, in order of id
  first_id   INTEGER NOT NULL,
  last_id    INTEGER NOT NULL,
  count      INTEGER NOT NULL,     -- of events
  min_ts     INTEGER NOT NULL,     -- of their timestamps
  max_ts     INTEGER NOT NULL,
  severities INTEGER NOT NULL,     -- bit 1 << severity for each that occurs
  types      TEXT    NOT NULL,     -- those that occur, each followed by a line feed
  sources    TEXT    NOT NULL      -- likewise; empty: too many to be listed
);
CREATE INDEX block_id ON block (last_id);

-- The blocks themselves, apart, so that a look through the rows above reads nothing else.
CREATE TABLE block_data (
  number INTEGER PRIMARY KEY,
  data   BLOB NOT NULL
);

-- Which words occur in which block. A row is a block, by number; the words are cut and folded by lib/history/words.
CREATE VIRTUAL TABLE word USING fts5 (
  text, content = '', detail = none, columnsize = 0, tokenize = "ascii tokenchars '_'"
);

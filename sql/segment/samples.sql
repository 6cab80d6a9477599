-- A file of sealed samples, or of their roll-ups.

-- Packed samples (lib/history/chunk_priv.h) or buckets (lib/history/rollup_priv.h) of one series. They may overlap: of
-- two for one moment, the one in the chunk with the higher number counts.
CREATE TABLE chunk (
  series_id INTEGER NOT NULL,
  start     INTEGER NOT NULL,  -- time of the first in it
  number    INTEGER NOT NULL,  -- rises with each hand-over; many chunks may share one
  end       INTEGER NOT NULL,  -- time of the last
  count     INTEGER NOT NULL,
  data      BLOB    NOT NULL,
  PRIMARY KEY (series_id, start, number)
) WITHOUT ROWID;

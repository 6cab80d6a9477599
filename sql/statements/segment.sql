-- statement: segments
-- storage
-- All sealed files, in order of what they hold.
SELECT id, kind, file, start, end, state, last_block, first_id, last_id, min_ts, max_ts, rows, bytes, changed
FROM segment ORDER BY kind, start, id;

-- statement: segment_insert
-- storage
INSERT INTO segment (kind, file, start, end, state, last_block, first_id, last_id, min_ts, max_ts, rows, bytes, created, changed)
VALUES (:kind, :file, :start, :end, :state, :last_block, :first_id, :last_id, :min_ts, :max_ts, :rows, :bytes, :now, :now);

-- statement: segment_update
-- storage
-- What a file holds now. Nothing changes unless it still is as the keeper knew it.
UPDATE segment
SET file = :file, state = :state, last_block = :last_block, first_id = :first_id, last_id = :last_id,
    min_ts = :min_ts, max_ts = :max_ts, rows = :rows, bytes = :bytes, changed = :now
WHERE id = :id AND file = :old_file AND last_block = :old_last_block;

-- statement: segment_delete
-- storage
DELETE FROM segment WHERE id = :id AND file = :file;

-- statement: sealed_event_insert
-- storage
INSERT INTO sealed_event (hash, received) VALUES (:hash, :received) ON CONFLICT DO NOTHING;

-- statement: sealed_event_find
-- storage
SELECT received FROM sealed_event WHERE hash = :hash;

-- statement: sealed_event_sweep
-- storage
-- Some in order of hash, to be looked through for those that are too old: there is no index by time, since a sweep in
-- small steps costs less than keeping one.
SELECT hash, received FROM sealed_event WHERE hash > :after ORDER BY hash LIMIT :limit;

-- statement: sealed_event_forget
-- storage
DELETE FROM sealed_event WHERE hash = :hash;

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

-- statement: segments_version
-- storage
-- A number that changes whenever a row of segment does.
SELECT value FROM history WHERE key = 'segments';

-- statement: segments_changed
-- storage
INSERT INTO history (key, value) VALUES ('segments', '1')
ON CONFLICT (key) DO UPDATE SET value = CAST(value + 1 AS TEXT);

-- statement: sealed_ids_insert
-- storage
INSERT INTO sealed_ids (first_id, received, hashes) VALUES (:first_id, :received, :hashes);

-- statement: sealed_ids_get
-- storage
SELECT hashes FROM sealed_ids WHERE first_id = :first_id;

-- statement: sealed_ids_all
-- storage
SELECT first_id, received, hashes FROM sealed_ids ORDER BY first_id;

-- statement: sealed_ids_forget
-- storage
-- The oldest of those that are too old; a few at a time.
DELETE FROM sealed_ids
WHERE first_id IN (SELECT first_id FROM sealed_ids ORDER BY first_id LIMIT :limit) AND received < :before;

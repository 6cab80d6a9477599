-- statement: deletion_insert
-- writers: fcgi
-- Only log lines can be deleted. No more than 64 at a time wait for being carried out.
INSERT INTO deletion (last_id, type, sources, severities, from_ts, to_ts, ordered)
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0), 'log', :sources, :severities, :from, :to, :now
WHERE (SELECT count(*) FROM deletion) < 64;

-- statement: deletions
-- storage
SELECT id, last_id, type, sources, severities, from_ts, to_ts FROM deletion ORDER BY id;

-- statement: deletion_forget
-- storage
-- It was carried out.
DELETE FROM deletion WHERE id = :id;

-- statement: event_delete
-- storage
DELETE FROM event WHERE id = :id;

-- statement: event_insert
-- storage
-- An event whose producer's id is there already is a duplicate and changes nothing. The writer gives the id itself, so
-- that duplicates leave no holes.
INSERT INTO event (id, event_id, type, severity, source, origin, timestamp, received, data)
VALUES (:id, :event_id, :type, :severity, :source, :origin, :timestamp, :received, :data)
ON CONFLICT (source, event_id) DO NOTHING;

-- statement: event_position
-- storage
-- The oldest id still there, sealed or not (NULL for none), the highest id ever given, when the newest event was stored
-- (the newest is never sealed), and the newest deletion there ever was.
SELECT coalesce((SELECT first_id FROM segment WHERE kind = 'events' AND state <> 'quarantined' ORDER BY start, id LIMIT 1),
                (SELECT min(id) FROM event)),
       coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0),
       coalesce((SELECT received FROM event ORDER BY id DESC LIMIT 1), 0),
       coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'deletion'), 0);

-- statement: events_ascending
-- storage
SELECT id, timestamp, severity, type, source, event_id, origin, received, data
FROM event
WHERE id > :after AND id < :before
ORDER BY id;

-- statement: events_descending
-- storage
SELECT id, timestamp, severity, type, source, event_id, origin, received, data
FROM event
WHERE id > :after AND id < :before
ORDER BY id DESC;

-- statement: events_of_time_ascending
-- storage
-- The same for a narrow window of time: the ids come from the index, sorted; only their events are read.
SELECT id, timestamp, severity, type, source, event_id, origin, received, data
FROM event
WHERE id IN (SELECT id FROM event INDEXED BY event_timestamp
             WHERE timestamp >= :from AND timestamp < :to AND id > :after AND id < :before)
ORDER BY id;

-- statement: events_of_time_descending
-- storage
SELECT id, timestamp, severity, type, source, event_id, origin, received, data
FROM event
WHERE id IN (SELECT id FROM event INDEXED BY event_timestamp
             WHERE timestamp >= :from AND timestamp < :to AND id > :after AND id < :before)
ORDER BY id DESC;

-- statement: event_time_count
-- storage
-- How many events a window of time holds, counted up to :most.
SELECT count(*) FROM (SELECT 1 FROM event INDEXED BY event_timestamp
                      WHERE timestamp >= :from AND timestamp < :to LIMIT :most);

-- statement: event_time_bounds
-- storage
-- Between which ids the events of a window of time are (NULL for none). Reads the window's part of the index only.
SELECT min(id), max(id) FROM event INDEXED BY event_timestamp
WHERE timestamp >= :from AND timestamp < :to AND id > :after AND id < :before;

-- statement: event_bounds
-- storage
-- The oldest event that is not sealed, when it was stored, and the newest; no row when there is none.
SELECT id, received, (SELECT max(id) FROM event) FROM event ORDER BY id LIMIT 1;

-- statement: events_to_seal
-- storage
-- The oldest, with all that a block keeps of them.
SELECT id, timestamp, severity, type, source, event_id, origin, received, data
FROM event ORDER BY id LIMIT :limit;

-- statement: event_delete_range
-- storage
DELETE FROM event WHERE id >= :first AND id <= :last;

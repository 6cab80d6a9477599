-- statement: project_total_events
-- projection
-- Every event but a log line counts.
INSERT INTO counter (name, value) VALUES ('total_events', 1)
ON CONFLICT (name) DO UPDATE SET value = value + 1;

-- statement: project_quality
-- projection, if quality_score
-- The average quality over everything that was rated. A number beyond all reason would spoil it for ever.
INSERT INTO counter (name, value)
SELECT part.name, part.value
FROM (SELECT 'quality_sum' AS name, :number_quality_score AS value
      UNION ALL SELECT 'quality_count', 1) AS part
WHERE abs(:number_quality_score) <= 1e6
ON CONFLICT (name) DO UPDATE SET value = value + excluded.value;

-- statement: project_count_type
-- projection
-- Counts the events of one type under the type's name.
INSERT INTO counter (name, value) VALUES ('events_' || :type, 1)
ON CONFLICT (name) DO UPDATE SET value = value + 1;

-- statement: counters
-- reads
SELECT name, value FROM counter;

-- statement: project_error
-- projection
-- Errors by the component that they are in; by their source where they do not say.
INSERT INTO error_component (component, count, last_seen, last_message)
VALUES (coalesce(:name_component, :source), 1, min(:timestamp, :received), :text500_message)
ON CONFLICT (component) DO UPDATE SET
  count        = count + 1,
  last_message = CASE WHEN excluded.last_seen >= last_seen THEN coalesce(excluded.last_message, last_message)
                      ELSE last_message END,
  last_seen    = max(last_seen, excluded.last_seen);

-- statement: project_file_operation
-- projection
-- What was done to files, by operation. Neither names nor contents are kept here.
INSERT INTO file_operation (operation, count, bytes, last_seen)
VALUES (coalesce(lower(:text32_operation), 'unknown'), 1,
        CASE WHEN :number_size BETWEEN 0 AND 1e15 THEN :number_size ELSE 0 END, min(:timestamp, :received))
ON CONFLICT (operation) DO UPDATE SET
  count = count + 1, bytes = bytes + excluded.bytes, last_seen = max(last_seen, excluded.last_seen);

-- statement: error_components
-- reads
-- Where most errors are.
SELECT component, count, last_seen, last_message FROM error_component ORDER BY count DESC, component LIMIT :limit;

-- statement: file_operations
-- reads
SELECT operation, count, bytes FROM file_operation ORDER BY count DESC, operation LIMIT :limit;

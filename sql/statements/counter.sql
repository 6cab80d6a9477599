-- statement: project_total_events
-- projection
-- Every event but a log line counts.
INSERT INTO counter (name, value) VALUES ('total_events', 1)
ON CONFLICT (name) DO UPDATE SET value = value + 1;

-- statement: project_quality
-- projection
-- The average quality over everything that was rated.
INSERT INTO counter (name, value)
SELECT part.name, part.value
FROM (SELECT 'quality_sum' AS name, :data ->> '$.quality_score' AS value
      UNION ALL SELECT 'quality_count', 1) AS part
WHERE json_type(:data, '$.quality_score') IN ('integer', 'real')
ON CONFLICT (name) DO UPDATE SET value = value + excluded.value;

-- statement: project_count_type
-- projection
-- Counts the events of one type under the type's name.
INSERT INTO counter (name, value) VALUES ('events_' || :type, 1)
ON CONFLICT (name) DO UPDATE SET value = value + 1;

-- statement: counters
-- reads
SELECT name, value FROM counter;

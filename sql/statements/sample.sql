-- statement: sample_insert
-- storage
INSERT INTO sample (ts, series_id, value) VALUES (:ts, :series_id, :value)
ON CONFLICT (ts, series_id) DO NOTHING;

-- statement: sample_replace
-- storage
-- The later of two samples of one series at one millisecond wins.
UPDATE sample SET value = :value WHERE ts = :ts AND series_id = :series_id;

-- statement: series_insert
-- storage
INSERT INTO series (id, metric, labels) VALUES (:id, :metric, :labels);

-- statement: series_update
-- storage
UPDATE series SET count = :count, last_ts = :last_ts, last_value = :last_value WHERE id = :id;

-- statement: series_all
-- storage
SELECT id, metric, labels, count, last_ts, last_value FROM series ORDER BY id;

-- statement: series_of_metric
-- storage
SELECT id, labels FROM series WHERE metric = :metric ORDER BY labels;

-- statement: samples_from
-- storage
-- Samples in order of time and series, from a place on.
SELECT ts, series_id, value FROM sample
WHERE (ts, series_id) >= (:ts, :series_id) AND ts < :to
ORDER BY ts, series_id;

-- statement: sample_marks
-- storage
SELECT (SELECT value FROM sample_mark WHERE name = 'closed'),
       (SELECT value FROM sample_mark WHERE name = 'sealed'),
       (SELECT value FROM sample_mark WHERE name = 'late_sealed'),
       (SELECT coalesce(max(seq), 0) FROM late_sample);

-- statement: sample_mark_set
-- storage
UPDATE sample_mark SET value = :value WHERE name = :name;

-- statement: late_sample_insert
-- storage
INSERT INTO late_sample (seq, ts, series_id, value) VALUES (:seq, :ts, :series_id, :value);

-- statement: late_samples_from
-- storage
SELECT seq, ts, series_id, value FROM late_sample WHERE seq > :after ORDER BY seq LIMIT :limit;

-- statement: samples_between
-- storage
SELECT ts, series_id, value FROM sample WHERE ts >= :from AND ts < :to;

-- statement: sample_first
-- storage
-- Time of the first sample from a time on, and of the one so many behind it, if that one is before :to.
SELECT min(ts), (SELECT ts FROM sample WHERE ts >= :from AND ts < :to ORDER BY ts, series_id LIMIT 1 OFFSET :offset)
FROM sample WHERE ts >= :from;

-- statement: sample_swept
-- storage
-- Whether there are rows left of what is sealed.
SELECT EXISTS (SELECT 1 FROM sample WHERE ts < :sealed) OR EXISTS (SELECT 1 FROM late_sample WHERE seq <= :late_sealed);

-- statement: sample_sweep
-- storage
-- Removes some of what is sealed.
DELETE FROM sample WHERE (ts, series_id) IN (
  SELECT ts, series_id FROM sample WHERE ts < :sealed ORDER BY ts, series_id LIMIT :limit
);

-- statement: late_sample_sweep
-- storage
DELETE FROM late_sample
WHERE seq <= :late_sealed AND seq < (SELECT min(seq) FROM late_sample) + :limit;

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

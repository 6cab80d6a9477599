-- statement: series_page
-- reads
-- Series by metric and labels, of :metric only unless it is NULL, from behind the series :after (0: from the start).
SELECT id, metric, labels, count, last_ts, last_value FROM series
WHERE (:metric IS NULL OR metric = :metric)
  AND (:after = 0 OR (metric, labels) > (SELECT metric, labels FROM series WHERE id = :after))
ORDER BY metric, labels
LIMIT :limit;

-- statement: series_metric
-- storage
SELECT metric FROM series WHERE id = :id;

-- statement: series_newest
-- reads
-- When a metric of a source was given last.
SELECT max(last_ts) FROM series WHERE metric = :metric AND count > 0 AND labels ->> '$.source' = :source;

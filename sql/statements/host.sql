-- statement: host_series_last
-- reads
-- The newest value of everything that is measured of the host.
SELECT metric, labels, last_ts, last_value FROM series
WHERE metric >= 'host_' AND metric < 'host`' AND count > 0
ORDER BY metric, labels;

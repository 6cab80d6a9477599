-- statement: project_health_changed
-- projection
INSERT INTO service (name, status, message, last_change)
SELECT :name_service, coalesce(:text32_status, 'unknown'), coalesce(:text500_message, ''), :timestamp
WHERE :name_service IS NOT NULL
ON CONFLICT (name) DO UPDATE SET
  status = excluded.status, message = excluded.message, last_change = excluded.last_change;

-- statement: service_checked
-- writers: watchd
-- What the last check of a service found. Its status changes with the event health_changed only.
UPDATE service SET latency_ms = coalesce(:latency_ms, latency_ms), last_check = :last_check, message = :message
WHERE name = :name;

-- statement: service_forget
-- writers: watchd
-- A service that is not in the configuration any more.
DELETE FROM service WHERE name = :name;

-- statement: services
-- reads
SELECT name, status, message, latency_ms, last_check, last_change FROM service ORDER BY name;

-- statement: service_watch
-- writers: watchd
-- A service that is watched from now on; what is known of it stays.
INSERT INTO service (name, status, message, last_change)
VALUES (:name, 'unknown', 'not checked yet', :last_change)
ON CONFLICT (name) DO NOTHING;

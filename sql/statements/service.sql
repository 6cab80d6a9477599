-- statement: project_health_changed
-- projection
INSERT INTO service (name, status, message, last_change)
SELECT :name_service, coalesce(:text32_status, 'unknown'), coalesce(:text500_message, ''), :timestamp
WHERE :name_service IS NOT NULL
ON CONFLICT (name) DO UPDATE SET
  status = excluded.status, message = excluded.message, last_change = excluded.last_change;

-- statement: project_service_change
-- projection, if service
INSERT INTO service_change (service, at, event, status, message)
VALUES (:name_service, min(:timestamp, :received), :id, coalesce(:text32_status, 'unknown'), coalesce(:text500_message, ''))
ON CONFLICT DO NOTHING;

-- statement: service_checked
-- writers: watchd
-- What the last check of a service found. Its status changes with the event health_changed only. One that comes behind the
-- news that the service is paused was made before that: why it is paused stays.
UPDATE service SET latency_ms = coalesce(:latency_ms, latency_ms), last_check = :last_check,
  message = CASE WHEN status = 'paused' THEN message ELSE :message END
WHERE name = :name;

-- statement: service_forget
-- writers: watchd
-- A service that is not in the configuration any more.
DELETE FROM service WHERE name = :name;

-- statement: services
-- reads
-- Of one that is paused also since when, until when, by whom and why.
SELECT service.name, service.status, service.message, service.latency_ms, service.last_check, service.last_change,
       pause.since, pause.until, pause.paused_by, pause.comment
FROM service LEFT JOIN service_pause AS pause ON pause.service = service.name AND service.status = 'paused'
ORDER BY service.name;

-- statement: service_get
-- reads
SELECT name FROM service WHERE name = :name;

-- statement: service_pauses
-- reads
SELECT service, until, paused_by, comment FROM service_pause ORDER BY service;

-- statement: service_pause
-- writers: fcgi
-- Changes nothing when it is paused already.
INSERT INTO service_pause (service, since, until, paused_by, comment)
VALUES (:service, :now, :until, :by, :comment)
ON CONFLICT (service) DO UPDATE SET
  since = excluded.since, until = excluded.until, paused_by = excluded.paused_by, comment = excluded.comment
WHERE service_pause.until <= excluded.since;

-- statement: service_resume
-- writers: fcgi
-- Changes nothing when it is not paused, or its pause is over.
DELETE FROM service_pause WHERE service = :service AND (until IS NULL OR until > :now);

-- statement: service_watch
-- writers: watchd
-- A service that is watched from now on; what is known of it stays.
INSERT INTO service (name, status, message, last_change)
VALUES (:name, 'unknown', 'not checked yet', :last_change)
ON CONFLICT (name) DO NOTHING;

-- statement: service_changes
-- reads
-- What the services that are watched went through since :since, from the change that says how each was then.
SELECT change.service, change.at, change.status
FROM service JOIN service_change AS change ON change.service = service.name
 AND change.at >= coalesce((SELECT max(service_change.at) FROM service_change WHERE service_change.service = service.name AND service_change.at <= :since), 0)
ORDER BY service.name, change.at, change.event;

-- statement: incidents_page
-- reads
-- Times in which services were down or degraded: from the change that began it to the one that ended it, without an end
-- while it goes on; the latest first. Its cause is what the first change to the gravest status said. A page goes on behind
-- :after_key and :after_id.
WITH change AS (
  SELECT service, at, event, status, message,
         lead(at) OVER of_service AS until,
         sum(status NOT IN ('down', 'degraded')) OVER of_service AS incident
  FROM service_change WHERE :service IS NULL OR service = :service
  WINDOW of_service AS (PARTITION BY service ORDER BY at, event)),
bad AS (
  SELECT *, first_value(message) OVER (PARTITION BY service, incident, status ORDER BY at, event) AS cause
  FROM change WHERE status IN ('down', 'degraded'))
SELECT * FROM (
  SELECT CAST(min(event) AS TEXT) AS id, service,
         CASE WHEN sum(status = 'down') > 0 THEN 'down' ELSE 'degraded' END,
         min(at) AS start,
         CASE WHEN sum(until IS NULL) = 0 THEN max(until) END AS ended,
         coalesce(max(CASE WHEN status = 'down' THEN cause END), max(cause)),
         min(at) AS key
  FROM bad GROUP BY service, incident)
WHERE (:open IS NULL OR (ended IS NULL) = :open)
  AND (:from IS NULL OR ended IS NULL OR ended > :from) AND (:to IS NULL OR start < :to)
  AND (:after_key IS NULL OR key < :after_key OR (key = :after_key AND id > :after_id))
ORDER BY key DESC, id
LIMIT :limit;

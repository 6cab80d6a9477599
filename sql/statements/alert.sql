-- statement: alert_put
-- writers: watchd
-- An alert as it stands. Somebody's acknowledgement is of what fires now, and ends with it.
INSERT INTO alert (alert_id, rule, severity, labels, subject, state, since, message, value, fired, resolved, quiet, told)
VALUES (:alert_id, :rule, :severity, :labels, :subject, :state, :since, :message, :value, :fired, :resolved, :quiet, :told)
ON CONFLICT (alert_id) DO UPDATE SET
  severity = excluded.severity, labels = excluded.labels, message = excluded.message, value = excluded.value,
  state = CASE WHEN excluded.fired IS NOT NULL AND fired IS excluded.fired AND acknowledged IS NOT NULL
               THEN 'acknowledged' ELSE excluded.state END,
  since = CASE WHEN excluded.fired IS NOT NULL AND fired IS excluded.fired AND acknowledged IS NOT NULL
               THEN since ELSE excluded.since END,
  acknowledged = CASE WHEN fired IS excluded.fired THEN acknowledged END,
  acknowledged_by = CASE WHEN fired IS excluded.fired THEN acknowledged_by ELSE '' END,
  acknowledged_comment = CASE WHEN fired IS excluded.fired THEN acknowledged_comment ELSE '' END,
  fired = excluded.fired, resolved = excluded.resolved, quiet = excluded.quiet, told = excluded.told;

-- statement: alert_measured
-- writers: watchd
-- What it is by now, when nothing else has changed.
UPDATE alert SET value = :value, message = :message WHERE alert_id = :alert_id;

-- statement: alert_forget
-- writers: watchd
DELETE FROM alert WHERE alert_id = :alert_id;

-- statement: alert_acknowledge
-- writers: fcgi
UPDATE alert SET state = 'acknowledged', since = :now, acknowledged = :now, acknowledged_by = :by, acknowledged_comment = :comment
WHERE alert_id = :alert_id AND fired IS NOT NULL AND acknowledged IS NULL;

-- statement: alerts
-- reads
SELECT alert_id, rule, labels, subject, state, since, fired, resolved, quiet, told, acknowledged, value, message FROM alert;

-- statement: alerts_acknowledged
-- reads
SELECT alert_id, fired FROM alert WHERE acknowledged IS NOT NULL;

-- statement: alert_get
-- reads
SELECT alert_id, rule, severity, labels, subject, state, since, message, value, fired, resolved, quiet, told,
       acknowledged, acknowledged_by, acknowledged_comment, since
FROM alert WHERE alert_id = :alert_id;

-- statement: alerts_page
-- reads
-- The latest to change first, behind :after_key and :after_id. :states is a list with a comma before and behind each.
SELECT alert_id, rule, severity, labels, subject, state, since, message, value, fired, resolved, quiet, told,
       acknowledged, acknowledged_by, acknowledged_comment, since AS key
FROM alert
WHERE (:states IS NULL OR instr(:states, ',' || state || ',') > 0)
  AND (:rule IS NULL OR rule = :rule)
  AND (:after_key IS NULL OR since < :after_key OR (since = :after_key AND alert_id > :after_id))
ORDER BY since DESC, alert_id
LIMIT :limit;

-- statement: alert_rule_put
-- writers: watchd
INSERT INTO alert_rule (rule, about, severity, state, asked, message)
VALUES (:rule, :about, :severity, :state, :asked, :message)
ON CONFLICT (rule) DO UPDATE SET
  about = excluded.about, severity = excluded.severity, state = excluded.state, asked = excluded.asked,
  message = excluded.message;

-- statement: alert_rule_forget
-- writers: watchd
DELETE FROM alert_rule WHERE rule = :rule;

-- statement: alert_rules
-- reads
SELECT rule, about, severity, state, asked, message FROM alert_rule ORDER BY rule;

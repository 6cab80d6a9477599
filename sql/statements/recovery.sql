-- statement: project_recovery_started
-- projection, if recovery_id
INSERT INTO recovery (recovery_id, service, action, asked_by, trigger, reason, dry_run, started, state, timed_out, message)
SELECT :name_recovery_id, coalesce(:name_service, ''), coalesce(:name_action, ''), coalesce(:name_by, ''),
       coalesce(:text32_trigger, ''), coalesce(:text500_reason, ''), coalesce(:flag_dry_run, 0), :timestamp, 'running', 0, ''
WHERE :name_recovery_id IS NOT NULL
ON CONFLICT (recovery_id) DO NOTHING;

-- statement: project_recovery_finished
-- projection, if recovery_id
-- One that only its end tells of (a dry run) began when it ended.
INSERT INTO recovery (recovery_id, service, action, asked_by, trigger, reason, dry_run, started, finished, state, exit_status,
                      timed_out, verified, message)
SELECT :name_recovery_id, coalesce(:name_service, ''), coalesce(:name_action, ''), coalesce(:name_by, ''),
       coalesce(:text32_trigger, ''), coalesce(:text500_reason, ''), coalesce(:flag_dry_run, 0), :timestamp, :timestamp,
       CASE WHEN :flag_dry_run THEN 'dry_run' WHEN :flag_interrupted THEN 'interrupted'
            WHEN :flag_success THEN 'succeeded' ELSE 'failed' END,
       :number_exit_status, coalesce(:flag_timed_out, 0), :flag_verified, coalesce(:text500_message, '')
WHERE :name_recovery_id IS NOT NULL
ON CONFLICT (recovery_id) DO UPDATE SET
  finished = excluded.finished, state = excluded.state, exit_status = excluded.exit_status,
  timed_out = excluded.timed_out, verified = excluded.verified, message = excluded.message;

-- statement: recoveries_recent
-- reads
-- What limits are about, the oldest first: of each service and action the last ones.
SELECT recovery_id, service, action, asked_by, trigger, reason, started, finished, state FROM (
  SELECT *, row_number() OVER (PARTITION BY service, action ORDER BY started DESC, recovery_id DESC) AS place
  FROM recovery WHERE NOT dry_run)
WHERE place <= 100 ORDER BY started, recovery_id;

-- statement: recoveries_page
-- reads
-- Recoveries, the newest first. A page goes on behind :after_key and :after_id.
SELECT recovery_id, service, action, asked_by, trigger, reason, dry_run, started, finished, state, exit_status, timed_out,
       verified, message, started AS key
FROM recovery
WHERE (:service IS NULL OR service = :service)
  AND (:after_key IS NULL OR started < :after_key OR (started = :after_key AND recovery_id > :after_id))
ORDER BY started DESC, recovery_id
LIMIT :limit;

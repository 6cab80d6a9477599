-- statement: notification_put
-- writers: watchd
-- That an alert is over is told only where the alert was, or is still to be. The same again changes nothing.
INSERT INTO notification (notice_id, channel, alert_id, rule, kind, severity, alert_group, labels, summary, value, started,
                          ended, queued)
SELECT :notice_id, :channel, :alert_id, :rule, :kind, :severity, :alert_group, :labels, :summary, :value, :started, :ended,
       :queued
WHERE :kind <> 'resolved' OR EXISTS (
  SELECT 1 FROM notification
  WHERE channel = :channel AND alert_id = :alert_id AND started = :started AND kind <> 'resolved' AND given_up = 0)
ON CONFLICT (notice_id, channel) DO NOTHING;

-- statement: notification_done
-- writers: watchd
UPDATE notification SET done = :now, given_up = :given_up
WHERE notice_id = :notice_id AND channel = :channel AND done IS NULL;

-- statement: notifications_orphaned
-- writers: watchd
-- Their channel is gone.
UPDATE notification SET done = :now, given_up = 1 WHERE channel = :channel AND done IS NULL;

-- statement: notifications_open
-- reads
SELECT notice_id, channel, alert_id, rule, kind, severity, alert_group, labels, summary, value, started, ended, queued
FROM notification WHERE channel = :channel AND done IS NULL ORDER BY queued, notice_id LIMIT 500;

-- statement: notifications_waiting
-- reads
SELECT channel, count(*), min(queued) FROM notification WHERE done IS NULL GROUP BY channel;

-- statement: channel_put
-- writers: watchd
INSERT INTO channel (channel, sent, failed, given_up, attempts, last_success, last_failure, last_error, failing_since,
                     next_attempt, tokens, tokens_at)
VALUES (:channel, :sent, :failed, :given_up, :attempts, :last_success, :last_failure, :last_error, :failing_since,
        :next_attempt, :tokens, :tokens_at)
ON CONFLICT (channel) DO UPDATE SET
  sent = excluded.sent, failed = excluded.failed, given_up = excluded.given_up, attempts = excluded.attempts,
  last_success = excluded.last_success, last_failure = excluded.last_failure, last_error = excluded.last_error,
  failing_since = excluded.failing_since, next_attempt = excluded.next_attempt, tokens = excluded.tokens,
  tokens_at = excluded.tokens_at;

-- statement: channel_forget
-- writers: watchd
DELETE FROM channel WHERE channel = :channel;

-- statement: channels_known
-- reads
SELECT channel, sent, failed, given_up, attempts, last_success, last_failure, last_error, failing_since, next_attempt,
       tokens, tokens_at
FROM channel;

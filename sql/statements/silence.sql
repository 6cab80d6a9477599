-- statement: silence_insert
-- writers: fcgi
INSERT INTO silence (silence_id, matchers, starts, ends, comment, created, created_by)
VALUES (:silence_id, :matchers, :starts, :ends, :comment, :now, :created_by);

-- statement: silence_end
-- writers: fcgi
-- Now; one that had not begun is as if it had not been.
UPDATE silence SET ends = :now, starts = min(starts, :now) WHERE silence_id = :silence_id AND ends > :now;

-- statement: silences_open
-- reads
-- Those that are not over.
SELECT silence_id, matchers, starts, ends, comment, created_by FROM silence WHERE ends > :now ORDER BY silence_id LIMIT 500;

-- statement: silence_get
-- reads
SELECT silence_id, matchers, starts, ends, comment, created, created_by, created FROM silence WHERE silence_id = :silence_id;

-- statement: silences_page
-- reads
-- The newest first, behind :after_key and :after_id. :state is active, pending or expired.
SELECT silence_id, matchers, starts, ends, comment, created, created_by, created AS key
FROM silence
WHERE (:state IS NULL OR :state = CASE WHEN ends <= :now THEN 'expired' WHEN starts > :now THEN 'pending' ELSE 'active' END)
  AND (:after_key IS NULL OR created < :after_key OR (created = :after_key AND silence_id > :after_id))
ORDER BY created DESC, silence_id
LIMIT :limit;

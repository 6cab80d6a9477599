-- statement: history_get
-- storage
-- What the history says about itself: its epoch, when it was made.
SELECT value FROM history WHERE key = :key;

-- statement: history_set
-- storage
INSERT INTO history (key, value) VALUES (:key, :value)
ON CONFLICT (key) DO UPDATE SET value = excluded.value;

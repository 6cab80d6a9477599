-- Settings changed at run time. The row with the empty key is no setting: its version is that of all of them together.

-- statement: settings
-- reads
SELECT key, value, version, changed, changed_by FROM setting WHERE key <> '' ORDER BY key;

-- statement: settings_version
-- reads
SELECT coalesce((SELECT version FROM setting WHERE key = ''), 0);

-- statement: settings_bump
-- writers: fcgi
-- Comes first in a change: it fails when the version is not the expected one any more.
INSERT INTO setting (key, value, version, changed, changed_by)
SELECT '', '', :expected + 1, :now, :by
WHERE :expected = coalesce((SELECT version FROM setting WHERE key = ''), 0)
ON CONFLICT (key) DO UPDATE SET version = excluded.version, changed = excluded.changed, changed_by = excluded.changed_by;

-- statement: setting_put
-- writers: fcgi
INSERT INTO setting (key, value, version, changed, changed_by)
VALUES (:key, :value, :version, :now, :by)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version, changed = excluded.changed,
  changed_by = excluded.changed_by;

-- statement: setting_delete
-- writers: fcgi
-- The file, or the default, is in force again.
DELETE FROM setting WHERE key = :key AND key <> '';

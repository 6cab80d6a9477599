-- statement: tail_position_set
-- writers: watchd
-- The journal is one, too: its path is `journal:` and its folder, its fingerprint the cursor.
-- Moves on from the version that the watcher knows (0: the file is new to it). Another version changes nothing.
INSERT INTO tail_position (path, device, inode, fingerprint, offset, version)
SELECT :path, :device, :inode, :fingerprint, :offset, 1
WHERE :expected > 0 OR NOT EXISTS (SELECT 1 FROM tail_position WHERE path = :path)
ON CONFLICT (path) DO UPDATE SET
  device = excluded.device, inode = excluded.inode, fingerprint = excluded.fingerprint, offset = excluded.offset,
  version = version + 1
WHERE version = :expected;

-- statement: tail_positions
-- reads
SELECT path, device, inode, fingerprint, offset, version FROM tail_position;

-- statement: tail_position_forget
-- writers: watchd
-- The file is gone, and nobody waits for it to come again.
DELETE FROM tail_position WHERE path = :path;

-- statement: daemon_report
-- writers: historyd, fcgi, pushd, watchd
-- A daemon's own figures, once a second.
INSERT INTO daemon (name, version, pid, started, updated, data)
VALUES (:name, :version, :pid, :started, :updated, :data)
ON CONFLICT (name) DO UPDATE SET
  version = excluded.version, pid = excluded.pid, started = excluded.started, updated = excluded.updated,
  data = excluded.data;

-- statement: daemons
-- reads
SELECT name, version, pid, started, updated, data FROM daemon ORDER BY name;

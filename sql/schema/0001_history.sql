-- The first schema: the log of events, the samples, the projections and the state.
-- Times are milliseconds since 1970-01-01 UTC.

-- What this history is: epoch (its random name), created (when).
CREATE TABLE history (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- The log. AUTOINCREMENT: an id is never used again, so a cursor stays good.
CREATE TABLE event (
  id        INTEGER PRIMARY KEY AUTOINCREMENT, -- place in the log; order of commit and of delivery
  event_id  TEXT    NOT NULL,                  -- the producer's own id, or one made up
  type      TEXT    NOT NULL,                  -- [a-z0-9_.:-]{1,64}; "event" in the API
  severity  INTEGER NOT NULL,                  -- 0 debug, 1 info, 2 success, 3 warning, 4 error, 5 critical
  source    TEXT    NOT NULL,                  -- who it is from
  origin    INTEGER NOT NULL,                  -- which program appended it (enum history_origin)
  timestamp INTEGER NOT NULL,                  -- when it happened
  received  INTEGER NOT NULL,                  -- when it was stored; never decreases with id
  data      TEXT    NOT NULL,                  -- a JSON object, byte for byte as it was accepted
  UNIQUE (source, event_id)
);
CREATE INDEX event_timestamp ON event (timestamp);

-- A metric with its labels.
CREATE TABLE series (
  id         INTEGER PRIMARY KEY,
  metric     TEXT    NOT NULL,  -- such as host_cpu_percent
  labels     TEXT    NOT NULL,  -- canonical JSON object of strings
  count      INTEGER NOT NULL DEFAULT 0, -- samples ever stored
  last_ts    INTEGER NOT NULL DEFAULT 0, -- time of the newest sample
  last_value REAL    NOT NULL DEFAULT 0, -- its value
  UNIQUE (metric, labels)
);

-- Time first: what is appended together lies together.
CREATE TABLE sample (
  ts        INTEGER NOT NULL,
  series_id INTEGER NOT NULL,
  value     REAL    NOT NULL,
  PRIMARY KEY (ts, series_id)
) WITHOUT ROWID;

-- Totals that only grow: total_events, quality_sum, quality_count, error_occurred ...
CREATE TABLE counter (
  name  TEXT PRIMARY KEY,
  value REAL NOT NULL
) WITHOUT ROWID;

-- Agents, from the agent_* events.
CREATE TABLE agent (
  name          TEXT PRIMARY KEY,
  agent_id      TEXT,
  status        TEXT    NOT NULL,            -- registered, running, idle, failed
  invocations   INTEGER NOT NULL DEFAULT 0,  -- starts
  completions   INTEGER NOT NULL DEFAULT 0,
  successes     INTEGER NOT NULL DEFAULT 0,
  active        INTEGER NOT NULL DEFAULT 0,  -- started and not completed
  quality_sum   REAL    NOT NULL DEFAULT 0,
  quality_count INTEGER NOT NULL DEFAULT 0,
  duration_sum  REAL    NOT NULL DEFAULT 0,  -- milliseconds
  duration_count INTEGER NOT NULL DEFAULT 0,
  last_seen     INTEGER NOT NULL,            -- timestamp of its newest event
  last_task     TEXT
) WITHOUT ROWID;

-- Opportunities, from opportunity_discovered.
CREATE TABLE opportunity (
  opportunity_id    TEXT PRIMARY KEY,
  title             TEXT,
  category          TEXT,
  description       TEXT,
  confidence        REAL,             -- 0 to 1
  revenue_potential TEXT,             -- JSON value as it was given
  source            TEXT    NOT NULL,
  discovered        INTEGER NOT NULL,
  event             INTEGER NOT NULL  -- id of the newest event about it
) WITHOUT ROWID;

-- Sessions of agents, from session_update.
CREATE TABLE session (
  session_id         TEXT PRIMARY KEY,
  agent              TEXT,
  source             TEXT    NOT NULL,
  state              TEXT    NOT NULL,
  token_usage        REAL,
  context_percentage REAL,
  started            INTEGER NOT NULL,
  updated            INTEGER NOT NULL
) WITHOUT ROWID;

-- What is watched, from health_changed and the watcher's reports.
CREATE TABLE service (
  name        TEXT PRIMARY KEY,
  status      TEXT    NOT NULL,  -- up, down, degraded, unknown, paused
  message     TEXT    NOT NULL,
  latency_ms  REAL,              -- of the last check that had an answer
  last_check  INTEGER,
  last_change INTEGER NOT NULL
) WITHOUT ROWID;

-- One row a daemon, written by itself once a second, outside the log.
CREATE TABLE daemon (
  name    TEXT PRIMARY KEY,  -- belfry-pushd ...
  version TEXT    NOT NULL,
  pid     INTEGER NOT NULL,
  started INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  data    TEXT    NOT NULL   -- JSON object of its figures: clients, requests, lag_ms, memory_bytes ...
) WITHOUT ROWID;

-- API keys. The key itself is never stored.
CREATE TABLE api_key (
  key_id     TEXT PRIMARY KEY,
  name       TEXT    NOT NULL,
  role       TEXT    NOT NULL,  -- viewer, operator, admin, ingest, scrape
  hash       TEXT    NOT NULL,  -- hexadecimal SHA-256 of the whole key (which holds 256 random bits)
  created    INTEGER NOT NULL,
  created_by TEXT    NOT NULL,
  expires    INTEGER            -- NULL: never
) WITHOUT ROWID;

-- Who is signed in by cookie.
CREATE TABLE sign_in (
  hash    TEXT PRIMARY KEY,  -- hexadecimal SHA-256 of the cookie's value
  key_id  TEXT    NOT NULL,  -- ends with its key
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL
) WITHOUT ROWID;

-- Settings changed at run time; they win over the configuration file.
CREATE TABLE setting (
  key        TEXT PRIMARY KEY,
  value      TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  changed    INTEGER NOT NULL,
  changed_by TEXT    NOT NULL
) WITHOUT ROWID;

-- How far each tailed file has been read; commits together with the lines.
CREATE TABLE tail_position (
  path        TEXT PRIMARY KEY,
  device      INTEGER NOT NULL,
  inode       INTEGER NOT NULL,
  fingerprint TEXT    NOT NULL,  -- hexadecimal hash of the file's first bytes, with their number
  offset      INTEGER NOT NULL,  -- bytes read
  version     INTEGER NOT NULL   -- grows with each change; the watcher expects the one it knows
) WITHOUT ROWID;

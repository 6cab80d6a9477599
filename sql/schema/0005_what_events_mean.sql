-- More of what events tell about agents, sessions, opportunities, errors and files; and how many rows each may have.

-- What the event in the making says of an agent, checked and shortened: one row, overwritten by each such event, so that
-- every statement of its projection reads the same.
CREATE TABLE agent_said (
  one         INTEGER PRIMARY KEY CHECK (one = 1),
  name        TEXT    NOT NULL,  -- of the row that it is about, there already or not
  real_name   TEXT,              -- as the event gives it, if it gives one
  agent_id    TEXT,
  named       INTEGER NOT NULL,  -- whether it names an agent at all; else its source stands for one
  at          INTEGER NOT NULL,  -- its timestamp, not later than now
  success     INTEGER NOT NULL,
  quality     REAL,
  duration_ms REAL,
  task        TEXT,
  action      TEXT
);

ALTER TABLE agent ADD COLUMN source TEXT NOT NULL DEFAULT '';          -- of its newest event
ALTER TABLE agent ADD COLUMN first_seen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN task_at INTEGER NOT NULL DEFAULT 0;       -- timestamp of what last_task is from
ALTER TABLE agent ADD COLUMN last_action TEXT;                         -- of its newest agent_activity that has one
ALTER TABLE agent ADD COLUMN action_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN completed INTEGER NOT NULL DEFAULT 0;     -- timestamp of its newest completion ...
ALTER TABLE agent ADD COLUMN last_duration_ms REAL;                    -- ... and how long that took
ALTER TABLE agent ADD COLUMN early INTEGER NOT NULL DEFAULT 0;         -- completions whose start has not come (yet)
ALTER TABLE agent ADD COLUMN early_at INTEGER NOT NULL DEFAULT 0;      -- timestamp of the newest of them
UPDATE agent SET first_seen = last_seen, completed = CASE WHEN completions > 0 THEN last_seen ELSE 0 END,
  status = CASE WHEN status = 'failed' THEN 'failed' WHEN completions > 0 THEN 'idle' ELSE 'registered' END;
CREATE INDEX agent_agent_id ON agent (agent_id) WHERE agent_id IS NOT NULL;
CREATE INDEX agent_last_seen ON agent (last_seen);

-- Tasks that agents have started and not completed; how many are open is counted here, and no more in the agent's row.
CREATE TABLE agent_run (
  agent   TEXT    NOT NULL,
  started INTEGER NOT NULL,  -- timestamp
  event   INTEGER NOT NULL,  -- id of the event
  PRIMARY KEY (agent, started, event)
) WITHOUT ROWID;
INSERT INTO agent_run SELECT name, last_seen, 0 FROM agent WHERE active > 0;
ALTER TABLE agent DROP COLUMN active;

-- Without a word about its end a task would be remembered for ever.
CREATE TRIGGER agent_run_bound AFTER INSERT ON agent_run
WHEN (SELECT count(*) FROM agent_run WHERE agent = new.agent) > 100
BEGIN
  DELETE FROM agent_run WHERE (agent, started, event) =
    (SELECT agent, started, event FROM agent_run WHERE agent = new.agent ORDER BY started, event LIMIT 1);
END;
CREATE TRIGGER agent_renamed AFTER UPDATE OF name ON agent WHEN new.name <> old.name
BEGIN
  UPDATE agent_run SET agent = new.name WHERE agent = old.name;
END;

ALTER TABLE session ADD COLUMN first_event INTEGER NOT NULL DEFAULT 0;  -- id of the event that told of it first
ALTER TABLE session ADD COLUMN updates INTEGER NOT NULL DEFAULT 0;      -- events about it
ALTER TABLE session ADD COLUMN ended INTEGER;                           -- when it ended; NULL: it has not
-- Its figures as they were when the last two windows of 5 minutes began, for the trend: near, and far before it.
ALTER TABLE session ADD COLUMN near_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN near_tokens REAL;
ALTER TABLE session ADD COLUMN near_context REAL;
ALTER TABLE session ADD COLUMN far_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN far_tokens REAL;
ALTER TABLE session ADD COLUMN far_context REAL;
-- The command to end it, until the application has acknowledged that.
ALTER TABLE session ADD COLUMN terminating INTEGER;     -- when it was given
ALTER TABLE session ADD COLUMN command_event_id TEXT;   -- the newest command, acknowledged or not
ALTER TABLE session ADD COLUMN command_reason TEXT;
CREATE INDEX session_least ON session (ended IS NULL, updated);
UPDATE session SET near_at = updated, near_tokens = token_usage, near_context = context_percentage,
  far_at = updated, far_tokens = token_usage, far_context = context_percentage, updates = 1;
UPDATE session SET ended = updated WHERE state IN ('ended', 'closed', 'completed', 'complete', 'finished', 'done',
  'terminated', 'stopped', 'cancelled', 'canceled', 'failed', 'expired');

ALTER TABLE opportunity ADD COLUMN updated INTEGER NOT NULL DEFAULT 0;  -- timestamp of the newest event about it
UPDATE opportunity SET updated = discovered;
CREATE INDEX opportunity_event ON opportunity (event);

-- What goes wrong, by what it goes wrong in, from error_occurred.
CREATE TABLE error_component (
  component    TEXT PRIMARY KEY,
  count        INTEGER NOT NULL,
  last_seen    INTEGER NOT NULL,  -- timestamp of its newest error ...
  last_message TEXT               -- ... and what that said
) WITHOUT ROWID;

-- What is done to files, by operation, from file_operation. Neither names nor contents.
CREATE TABLE file_operation (
  operation TEXT PRIMARY KEY,
  count     INTEGER NOT NULL,
  bytes     REAL    NOT NULL,  -- of those that told a size
  last_seen INTEGER NOT NULL
) WITHOUT ROWID;

-- How many rows each of these tables has had, and how many of them were given up for new ones.
INSERT INTO counter (name, value)
SELECT 'agents', (SELECT count(*) FROM agent) UNION ALL SELECT 'agents_forgotten', 0
UNION ALL SELECT 'events_agent_execution_completed', (SELECT coalesce(sum(completions), 0) FROM agent)
UNION ALL SELECT 'sessions', (SELECT count(*) FROM session) UNION ALL SELECT 'sessions_forgotten', 0
UNION ALL SELECT 'opportunities', (SELECT count(*) FROM opportunity) UNION ALL SELECT 'opportunities_forgotten', 0
UNION ALL SELECT 'error_components', 0 UNION ALL SELECT 'error_components_forgotten', 0
UNION ALL SELECT 'file_operations', 0 UNION ALL SELECT 'file_operations_forgotten', 0;

-- A new row beyond so many takes the place of the one that was heard of least lately, of sessions one that has ended.
CREATE TRIGGER agent_bound AFTER INSERT ON agent
BEGIN
  UPDATE counter SET value = value + 1 WHERE name = 'agents';
  DELETE FROM agent
  WHERE name = (SELECT name FROM agent WHERE name <> new.name ORDER BY last_seen, name LIMIT 1)
    AND (SELECT value FROM counter WHERE name = 'agents')
      - (SELECT value FROM counter WHERE name = 'agents_forgotten') > 2000;
END;
CREATE TRIGGER agent_gone AFTER DELETE ON agent
BEGIN
  UPDATE counter SET value = value + 1 WHERE name = 'agents_forgotten';
  DELETE FROM agent_run WHERE agent = old.name;
END;
CREATE TRIGGER session_bound AFTER INSERT ON session
BEGIN
  UPDATE counter SET value = value + 1 WHERE name = 'sessions';
  DELETE FROM session
  WHERE session_id = (SELECT session_id FROM session WHERE session_id <> new.session_id ORDER BY ended IS NULL, updated, session_id LIMIT 1)
    AND (SELECT value FROM counter WHERE name = 'sessions')
      - (SELECT value FROM counter WHERE name = 'sessions_forgotten') > 5000;
END;
CREATE TRIGGER session_gone AFTER DELETE ON session
BEGIN
  UPDATE counter SET value = value + 1 WHERE name = 'sessions_forgotten';
END;
CREATE TRIGGER opportunity_bound AFTER INSERT ON opportunity
BEGIN
  UPDATE counter SET value = value + 1 WHERE name = 'opportunities';
  DELETE FROM opportunity
  WHERE opportunity_id = (SELECT opportunity_id FROM opportunity WHERE opportunity_id <> new.opportunity_id ORDER BY event LIMIT 1)
    AND (SELECT value FROM counter WHERE name = 'opportunities')
      - (SELECT value FROM counter WHERE name = 'opportunities_forgotten') > 10000;
END;
CREATE TRIGGER opportunity_gone AFTER DELETE ON opportunity
BEGIN
  UPDATE counter SET value = value + 1 WHERE name = 'opportunities_forgotten';
END;
CREATE TRIGGER error_component_bound AFTER INSERT ON error_component
BEGIN
  UPDATE counter SET value = value + 1 WHERE name = 'error_components';
  DELETE FROM error_component
  WHERE component = (SELECT component FROM error_component WHERE component <> new.component ORDER BY last_seen, component LIMIT 1)
    AND (SELECT value FROM counter WHERE name = 'error_components')
      - (SELECT value FROM counter WHERE name = 'error_components_forgotten') > 1000;
END;
CREATE TRIGGER error_component_gone AFTER DELETE ON error_component
BEGIN
  UPDATE counter SET value = value + 1 WHERE name = 'error_components_forgotten';
END;
CREATE TRIGGER file_operation_bound AFTER INSERT ON file_operation
BEGIN
  UPDATE counter SET value = value + 1 WHERE name = 'file_operations';
  DELETE FROM file_operation
  WHERE operation = (SELECT operation FROM file_operation WHERE operation <> new.operation ORDER BY last_seen, operation LIMIT 1)
    AND (SELECT value FROM counter WHERE name = 'file_operations')
      - (SELECT value FROM counter WHERE name = 'file_operations_forgotten') > 100;
END;
CREATE TRIGGER file_operation_gone AFTER DELETE ON file_operation
BEGIN
  UPDATE counter SET value = value + 1 WHERE name = 'file_operations_forgotten';
END;

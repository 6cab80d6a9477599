-- What an event says of an agent. Whose row it is: the agent of the name; else the one that is known by the id; else the
-- id stands for the name, and the source where there is none. Its time is not later than now.

-- fragment: real_name
coalesce(:name_agent_name, CASE WHEN :name_agent_id IS NOT NULL THEN :name_agent END)

-- fragment: known_name
CASE WHEN :name_agent_id IS NOT NULL THEN (
  SELECT known.name FROM agent AS known WHERE known.agent_id = :name_agent_id
  ORDER BY known.name = known.agent_id, known.name LIMIT 1) END

-- fragment: row_name
coalesce({real_name}, {known_name}, :name_agent_id, :name_agent, :source)

-- fragment: is_named
(coalesce(:name_agent_name, :name_agent_id, :name_agent) IS NOT NULL OR :type LIKE 'agent%')

-- fragment: at
min(:timestamp, :received)

-- statement: project_agent_named
-- projection, if agent_id
-- An agent that was known by its id only has a name now.
UPDATE agent SET name = {real_name}
WHERE name = :name_agent_id AND agent_id = :name_agent_id AND {real_name} IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM agent AS other WHERE other.name = {real_name});

-- statement: project_agent
-- projection
-- The agent's row, of every event that names it, and of those about agents that name none. An event that comes late
-- counts, but does not turn back what a newer one has told.
-- VALUES and not SELECT: for the rows of a SELECT SQLite keeps a copy of each page, to undo the statement. A row
-- without a name is ignored.
INSERT OR IGNORE INTO agent (name, agent_id, source, status, invocations, first_seen, last_seen, last_task, task_at,
                             last_action, action_at)
VALUES (CASE WHEN {is_named} THEN {row_name} END, :name_agent_id, :source, 'registered',
        :type = 'agent_execution_started' OR (:type = 'agent_activity' AND :text100_action IS 'invoked'), {at}, {at},
        :text500_task_description, CASE WHEN :text500_task_description IS NULL THEN 0 ELSE {at} END,
        :text100_action, CASE WHEN :text100_action IS NULL THEN 0 ELSE {at} END)
ON CONFLICT (name) DO UPDATE SET
  agent_id    = coalesce(excluded.agent_id, agent_id),
  source      = CASE WHEN excluded.last_seen >= last_seen THEN excluded.source ELSE source END,
  invocations = invocations + excluded.invocations,
  first_seen  = min(first_seen, excluded.first_seen),
  last_seen   = max(last_seen, excluded.last_seen),
  last_task   = CASE WHEN excluded.task_at >= task_at THEN coalesce(excluded.last_task, last_task) ELSE last_task END,
  task_at     = max(task_at, excluded.task_at),
  last_action = CASE WHEN excluded.action_at >= action_at THEN coalesce(excluded.last_action, last_action)
                     ELSE last_action END,
  action_at   = max(action_at, excluded.action_at);

-- statement: project_agent_begins
-- projection
-- A task that was started is open until a completion comes; unless its completion has come already, because the events
-- did not come in their order.
INSERT INTO agent_run (agent, started, event)
SELECT said.name, {at}, :id FROM (SELECT {row_name} AS name) AS said
WHERE NOT EXISTS (SELECT 1 FROM agent WHERE agent.name = said.name AND early > 0 AND early_at >= {at});

-- statement: project_agent_began
-- projection
-- Such a completion has found its start now.
UPDATE agent SET early = early - 1 WHERE name = {row_name} AND early > 0 AND early_at >= {at};

-- statement: project_agent_rated
-- projection, if quality_score
UPDATE agent SET quality_sum = quality_sum + :number_quality_score, quality_count = quality_count + 1
WHERE name = {row_name} AND abs(:number_quality_score) <= 1e6
  AND {is_named};

-- statement: project_agent_completes
-- projection
-- What a completion tells. It is early when no task is open.
UPDATE agent SET
  status           = CASE WHEN {at} < completed THEN status WHEN :flag_success IS NOT 0 THEN 'idle' ELSE 'failed' END,
  completions      = completions + 1,
  successes        = successes + (:flag_success IS NOT 0),
  duration_sum     = duration_sum + CASE WHEN :number_duration_ms BETWEEN 0 AND 1e12 THEN :number_duration_ms ELSE 0 END,
  duration_count   = duration_count + coalesce(:number_duration_ms BETWEEN 0 AND 1e12, 0),
  last_duration_ms = CASE WHEN {at} >= completed AND :number_duration_ms BETWEEN 0 AND 1e12 THEN :number_duration_ms
                          ELSE last_duration_ms END,
  completed        = max(completed, {at}),
  early            = early + NOT EXISTS (SELECT 1 FROM agent_run WHERE agent_run.agent = agent.name),
  early_at         = CASE WHEN EXISTS (SELECT 1 FROM agent_run WHERE agent_run.agent = agent.name) THEN early_at
                          ELSE max(early_at, {at}) END
WHERE name = {row_name};

-- statement: project_agent_ends
-- projection
-- A completion closes the task that was started last before it; if there is none, clocks differ, and it is the last.
DELETE FROM agent_run WHERE (agent, started, event) = (
  SELECT agent, started, event FROM agent_run WHERE agent = {row_name}
  ORDER BY started <= {at} DESC, started DESC, event DESC LIMIT 1);

-- statement: agent_totals
-- reads
-- How many agents are at work, and how many tasks all of them have completed. An open task is believed in until
-- :stale_before; longer, while its agent is heard of and has not completed another one since.
SELECT (SELECT count(DISTINCT agent_run.agent) FROM agent_run JOIN agent ON agent.name = agent_run.agent
        WHERE agent_run.started >= :stale_before
           OR (agent.last_seen >= :stale_before AND agent.completed < agent_run.started)),
       (SELECT value FROM counter WHERE name = 'events_agent_execution_completed'),
       (SELECT count(*) FROM agent);

-- statement: agents_page
-- reads
-- Agents as they are now, by name, or those heard of last first (:recent). A page goes on behind :after_key and
-- :after_name. `status` is running or stale while there are open tasks (see agent_totals).
SELECT * FROM (
  SELECT name, agent_id, source,
         CASE WHEN active > 0 THEN 'running' WHEN open > 0 THEN 'stale' ELSE status END AS status,
         active, invocations, completions, successes, quality_sum, quality_count, duration_sum, duration_count,
         last_duration_ms, first_seen, last_seen, completed, last_task, last_action,
         CASE WHEN :recent THEN last_seen ELSE 0 END AS key
  FROM (SELECT agent.*,
               (SELECT count(*) FROM agent_run WHERE agent_run.agent = agent.name) AS open,
               (SELECT count(*) FROM agent_run WHERE agent_run.agent = agent.name
                AND (started >= :stale_before OR (agent.last_seen >= :stale_before AND agent.completed < started))) AS active
        FROM agent
        WHERE (:name IS NULL OR name = :name) AND (:source IS NULL OR source = :source)))
WHERE (:status IS NULL OR status = :status)
  AND (:after_key IS NULL OR key < :after_key OR (key = :after_key AND name > :after_name))
ORDER BY key DESC, name
LIMIT :limit;

-- statement: agent_runs
-- reads
-- An agent's open tasks.
SELECT started FROM agent_run WHERE agent = :name ORDER BY started DESC;

-- statement: agents_of_late
-- reads
-- Of the agents heard of since :since: how many are left with tasks that went stale, and how many failed at last.
SELECT coalesce(sum(open > 0 AND active = 0), 0), coalesce(sum(open = 0 AND status = 'failed'), 0)
FROM (SELECT status,
             (SELECT count(*) FROM agent_run WHERE agent_run.agent = agent.name) AS open,
             (SELECT count(*) FROM agent_run WHERE agent_run.agent = agent.name
              AND (started >= :stale_before OR (agent.last_seen >= :stale_before AND agent.completed < started))) AS active
      FROM agent WHERE last_seen >= :since);

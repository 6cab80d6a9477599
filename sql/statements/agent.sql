-- statement: project_agent_said
-- projection
-- Takes what an event says of an agent, once for the statements below. Whose row it is: the agent of the name; else the
-- one that is known by the id; else the id stands for the name, and the source where there is none. Texts are cut, what
-- is of another type than it should be counts as not said, and numbers beyond all reason too.
INSERT INTO agent_said (one, name, real_name, agent_id, named, at, success, quality, duration_ms, task, action)
SELECT 1,
       coalesce(real_name, (SELECT name FROM agent WHERE agent.agent_id = told.id
                           ORDER BY name = agent.agent_id, name LIMIT 1), id, :source),
       real_name, told.agent_id, coalesce(real_name, id) IS NOT NULL, min(:timestamp, :received),
       :data ->> '$.success' IS NOT 0,
       CASE WHEN json_type(:data, '$.quality_score') IN ('integer', 'real')
              AND abs(:data ->> '$.quality_score') <= 1e6 THEN :data ->> '$.quality_score' END,
       CASE WHEN json_type(:data, '$.duration_ms') IN ('integer', 'real')
              AND :data ->> '$.duration_ms' BETWEEN 0 AND 1e12 THEN :data ->> '$.duration_ms' END,
       CASE WHEN json_type(:data, '$.task_description') = 'text'
            THEN nullif(substr(:data ->> '$.task_description', 1, 500), '') END,
       CASE WHEN json_type(:data, '$.action') = 'text' THEN nullif(substr(:data ->> '$.action', 1, 100), '') END
FROM (SELECT coalesce(agent_name, CASE WHEN agent_id IS NOT NULL THEN agent END) AS real_name,
             coalesce(agent_id, agent) AS id, agent_id
      FROM (SELECT CASE WHEN json_type(:data, '$.agent_name') IN ('text', 'integer')
                        THEN nullif(substr(:data ->> '$.agent_name', 1, 128), '') END AS agent_name,
                   CASE WHEN json_type(:data, '$.agent') IN ('text', 'integer')
                        THEN nullif(substr(:data ->> '$.agent', 1, 128), '') END AS agent,
                   CASE WHEN json_type(:data, '$.agent_id') IN ('text', 'integer')
                        THEN nullif(substr(:data ->> '$.agent_id', 1, 128), '') END AS agent_id)) AS told
WHERE true
ON CONFLICT (one) DO UPDATE SET
  name = excluded.name, real_name = excluded.real_name, agent_id = excluded.agent_id, named = excluded.named,
  at = excluded.at, success = excluded.success, quality = excluded.quality, duration_ms = excluded.duration_ms,
  task = excluded.task, action = excluded.action;

-- statement: project_agent_named
-- projection
-- An agent that was known by its id only has a name now.
UPDATE agent SET name = said.real_name FROM agent_said AS said
WHERE agent.name = said.agent_id AND agent.agent_id = said.agent_id AND said.real_name IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM agent AS other WHERE other.name = said.real_name);

-- statement: project_agent_begins
-- projection
-- A task that was started is open until a completion comes; unless its completion has come already, because the events
-- did not come in their order.
INSERT INTO agent_run (agent, started, event)
SELECT said.name, said.at, :id FROM agent_said AS said
WHERE NOT EXISTS (SELECT 1 FROM agent WHERE agent.name = said.name AND early > 0 AND early_at >= said.at);

-- statement: project_agent
-- projection
-- The agent's row. An event that comes late counts, but does not turn back what a newer one has told.
INSERT INTO agent (name, agent_id, source, status, invocations, completions, successes, quality_sum, quality_count,
                   duration_sum, duration_count, first_seen, last_seen, last_task, task_at, last_action, action_at,
                   completed, last_duration_ms, early, early_at)
SELECT said.name, said.agent_id, :source,
       CASE WHEN NOT completes THEN 'registered' WHEN said.success THEN 'idle' ELSE 'failed' END,
       :type = 'agent_execution_started' OR (:type = 'agent_activity' AND said.action IS 'invoked'),
       completes, completes AND said.success,
       CASE WHEN rates AND said.quality IS NOT NULL THEN said.quality ELSE 0 END, rates AND said.quality IS NOT NULL,
       CASE WHEN completes AND said.duration_ms IS NOT NULL THEN said.duration_ms ELSE 0 END,
       completes AND said.duration_ms IS NOT NULL,
       said.at, said.at, said.task, CASE WHEN said.task IS NULL THEN 0 ELSE said.at END,
       said.action, CASE WHEN said.action IS NULL THEN 0 ELSE said.at END,
       CASE WHEN completes THEN said.at ELSE 0 END, CASE WHEN completes THEN said.duration_ms END,
       early, CASE WHEN early THEN said.at ELSE 0 END
FROM (SELECT agent_said.*, :type = 'agent_execution_completed' AS completes,
             :type IN ('agent_execution_completed', 'quality_score_updated') AS rates,
             :type = 'agent_execution_completed'
               AND NOT EXISTS (SELECT 1 FROM agent_run WHERE agent_run.agent = agent_said.name) AS early
      FROM agent_said) AS said
WHERE said.named OR :type LIKE 'agent%'
ON CONFLICT (name) DO UPDATE SET
  agent_id         = coalesce(excluded.agent_id, agent_id),
  source           = CASE WHEN excluded.last_seen >= last_seen THEN excluded.source ELSE source END,
  status           = CASE WHEN excluded.completions AND excluded.completed >= completed THEN excluded.status ELSE status END,
  invocations      = invocations + excluded.invocations,
  completions      = completions + excluded.completions,
  successes        = successes + excluded.successes,
  quality_sum      = quality_sum + excluded.quality_sum,
  quality_count    = quality_count + excluded.quality_count,
  duration_sum     = duration_sum + excluded.duration_sum,
  duration_count   = duration_count + excluded.duration_count,
  first_seen       = min(first_seen, excluded.first_seen),
  last_seen        = max(last_seen, excluded.last_seen),
  last_task        = CASE WHEN excluded.task_at >= task_at THEN coalesce(excluded.last_task, last_task) ELSE last_task END,
  task_at          = max(task_at, excluded.task_at),
  last_action      = CASE WHEN excluded.action_at >= action_at THEN coalesce(excluded.last_action, last_action)
                          ELSE last_action END,
  action_at        = max(action_at, excluded.action_at),
  last_duration_ms = CASE WHEN excluded.completed >= completed THEN coalesce(excluded.last_duration_ms, last_duration_ms)
                          ELSE last_duration_ms END,
  completed        = max(completed, excluded.completed),
  early            = early + excluded.early
                     - (:type = 'agent_execution_started' AND early > 0 AND early_at >= excluded.last_seen),
  early_at         = max(early_at, excluded.early_at);

-- statement: project_agent_ends
-- projection
-- A completion closes the task that was started last before it; if there is none, clocks differ, and it is the last.
DELETE FROM agent_run WHERE (agent, started, event) = (
  SELECT agent, started, event FROM agent_run WHERE agent = (SELECT name FROM agent_said)
  ORDER BY started <= (SELECT at FROM agent_said) DESC, started DESC, event DESC LIMIT 1);

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

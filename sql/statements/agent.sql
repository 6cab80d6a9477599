-- statement: project_agent_registered
-- projection
-- An agent says that it is there. It does not lose what is known of it already.
INSERT INTO agent (name, agent_id, status, last_seen)
VALUES (coalesce(:data ->> '$.agent_name', :data ->> '$.agent_id', :source),
        :data ->> '$.agent_id', 'registered', :timestamp)
ON CONFLICT (name) DO UPDATE SET
  agent_id  = coalesce(excluded.agent_id, agent_id),
  last_seen = max(last_seen, excluded.last_seen);

-- statement: project_agent_started
-- projection
-- An agent begins a task.
INSERT INTO agent (name, agent_id, status, invocations, active, last_seen, last_task)
VALUES (coalesce(:data ->> '$.agent_name', :data ->> '$.agent_id', :source),
        :data ->> '$.agent_id', 'running', 1, 1, :timestamp, :data ->> '$.task_description')
ON CONFLICT (name) DO UPDATE SET
  agent_id    = coalesce(excluded.agent_id, agent_id),
  status      = 'running',
  invocations = invocations + 1,
  active      = active + 1,
  last_seen   = max(last_seen, excluded.last_seen),
  last_task   = coalesce(excluded.last_task, last_task);

-- statement: project_agent_completed
-- projection
-- An agent ends a task. `success` absent counts as success; a completion whose start was never told is counted too.
INSERT INTO agent (name, agent_id, status, completions, successes, quality_sum, quality_count,
                   duration_sum, duration_count, last_seen, last_task)
SELECT coalesce(:data ->> '$.agent_name', :data ->> '$.agent_id', :source),
       :data ->> '$.agent_id',
       CASE WHEN coalesce(:data ->> '$.success', 1) THEN 'idle' ELSE 'failed' END,
       1,
       CASE WHEN coalesce(:data ->> '$.success', 1) THEN 1 ELSE 0 END,
       CASE WHEN json_type(:data, '$.quality_score') IN ('integer', 'real') THEN :data ->> '$.quality_score' ELSE 0 END,
       json_type(:data, '$.quality_score') IN ('integer', 'real') IS TRUE,
       CASE WHEN json_type(:data, '$.duration_ms') IN ('integer', 'real') THEN :data ->> '$.duration_ms' ELSE 0 END,
       json_type(:data, '$.duration_ms') IN ('integer', 'real') IS TRUE,
       :timestamp,
       :data ->> '$.task_description'
WHERE true
ON CONFLICT (name) DO UPDATE SET
  agent_id       = coalesce(excluded.agent_id, agent_id),
  active         = max(active - 1, 0),
  status         = CASE WHEN active > 1 THEN 'running' ELSE excluded.status END,
  completions    = completions + 1,
  successes      = successes + excluded.successes,
  quality_sum    = quality_sum + excluded.quality_sum,
  quality_count  = quality_count + excluded.quality_count,
  duration_sum   = duration_sum + excluded.duration_sum,
  duration_count = duration_count + excluded.duration_count,
  last_seen      = max(last_seen, excluded.last_seen),
  last_task      = coalesce(excluded.last_task, last_task);

-- statement: project_agent_activity
-- projection
-- Anything else an agent does; `invoked` counts as an invocation.
INSERT INTO agent (name, status, invocations, last_seen)
VALUES (coalesce(:data ->> '$.agent', :data ->> '$.agent_name', :source), 'registered',
        coalesce(:data ->> '$.action', '') = 'invoked', :timestamp)
ON CONFLICT (name) DO UPDATE SET
  invocations = invocations + excluded.invocations,
  last_seen   = max(last_seen, excluded.last_seen);

-- statement: agent_totals
-- reads
-- How many agents are at work, and how many tasks all of them have completed.
SELECT count(*) FILTER (WHERE active > 0), coalesce(sum(completions), 0) FROM agent;

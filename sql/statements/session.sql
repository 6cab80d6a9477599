-- fragment: tokens
CASE WHEN :number_token_usage BETWEEN 0 AND 1e15 THEN :number_token_usage END

-- fragment: context
CASE WHEN :number_context_percentage BETWEEN 0 AND 1000 THEN :number_context_percentage END

-- fragment: at
min(:timestamp, :received)

-- statement: project_session
-- projection, if session_id
-- A session without an id cannot be told from others and is left out. An update that comes late fills in what is not
-- known, and turns nothing back. One that has another state, ends the session, or names the command in `in_reply_to`
-- acknowledges the command to terminate; one that only goes on telling figures does not.
-- VALUES as in project_agent.
INSERT OR IGNORE INTO session (session_id, agent, source, state, token_usage, context_percentage, started, updated, ended,
                               near_at, near_tokens, near_context, far_at, far_tokens, far_context, first_event, updates)
VALUES (:name_session_id,
        coalesce(:name_agent, :name_agent_name,
                 CASE WHEN :name_agent_id IS NOT NULL THEN (
                   SELECT name FROM agent WHERE agent.agent_id = :name_agent_id
                   ORDER BY name = agent.agent_id, name LIMIT 1) END, :name_agent_id),
        :source, coalesce(:text32_state, 'active'), {tokens}, {context}, {at}, {at},
        CASE WHEN lower(:text32_state) IN ('ended', 'closed', 'completed', 'complete', 'finished', 'done', 'terminated',
                                           'stopped', 'cancelled', 'canceled', 'failed', 'expired') THEN {at} END,
        {at}, {tokens}, {context}, {at}, {tokens}, {context}, :id, 1)
ON CONFLICT (session_id) DO UPDATE SET
  agent              = CASE WHEN excluded.updated >= updated THEN coalesce(excluded.agent, agent)
                            ELSE coalesce(agent, excluded.agent) END,
  source             = CASE WHEN excluded.updated >= updated THEN excluded.source ELSE source END,
  state              = CASE WHEN excluded.updated >= updated AND :text32_state IS NOT NULL
                            THEN excluded.state ELSE state END,
  ended              = CASE WHEN excluded.updated >= updated AND :text32_state IS NOT NULL
                            THEN excluded.ended ELSE ended END,
  token_usage        = CASE WHEN excluded.updated >= updated THEN coalesce(excluded.token_usage, token_usage)
                            ELSE coalesce(token_usage, excluded.token_usage) END,
  context_percentage = CASE WHEN excluded.updated >= updated THEN coalesce(excluded.context_percentage, context_percentage)
                            ELSE coalesce(context_percentage, excluded.context_percentage) END,
  started            = min(started, excluded.started),
  updated            = max(updated, excluded.updated),
  updates            = updates + 1,
  far_at             = CASE WHEN excluded.updated >= near_at + 300000 THEN near_at ELSE far_at END,
  far_tokens         = CASE WHEN excluded.updated >= near_at + 300000 THEN near_tokens ELSE far_tokens END,
  far_context        = CASE WHEN excluded.updated >= near_at + 300000 THEN near_context ELSE far_context END,
  near_at            = CASE WHEN excluded.updated >= near_at + 300000 THEN excluded.updated ELSE near_at END,
  near_tokens        = CASE WHEN excluded.updated >= near_at + 300000 THEN coalesce(excluded.token_usage, token_usage)
                            ELSE coalesce(near_tokens, excluded.token_usage) END,
  near_context       = CASE WHEN excluded.updated >= near_at + 300000
                            THEN coalesce(excluded.context_percentage, context_percentage)
                            ELSE coalesce(near_context, excluded.context_percentage) END,
  terminating        = CASE WHEN (excluded.updated >= updated AND :text32_state IS NOT NULL
                                  AND (excluded.ended IS NOT NULL OR excluded.state <> state))
                              OR :name_in_reply_to = command_event_id THEN NULL ELSE terminating END;

-- statement: project_command
-- projection
-- A session is about to end when its application is told so.
UPDATE session SET terminating = :timestamp, command_event_id = :event_id, command_reason = :text500_reason
WHERE session_id = :name_session_id AND :text32_command = 'terminate_session' AND ended IS NULL;

-- statement: session_totals
-- reads
-- Sessions by what they are now, with their tokens.
SELECT CASE WHEN ended IS NULL AND updated < :stale_before THEN 'stale' WHEN terminating IS NOT NULL THEN 'terminating'
            ELSE state END AS now, count(*), coalesce(sum(token_usage), 0)
FROM session GROUP BY now ORDER BY count(*) DESC, now;

-- statement: sessions_page
-- reads
-- Sessions as they are now, those that were updated last (:recent) or started last first. A page goes on behind
-- :after_key and :after_id.
SELECT * FROM (
  SELECT session_id, agent, source,
         CASE WHEN ended IS NULL AND updated < :stale_before THEN 'stale' WHEN terminating IS NOT NULL THEN 'terminating'
              ELSE state END AS now,
         token_usage, context_percentage, started, updated, ended, updates, far_at, far_tokens, far_context,
         terminating, command_event_id, command_reason,
         CASE WHEN :recent THEN updated ELSE started END AS key
  FROM session
  WHERE (:id IS NULL OR session_id = :id) AND (:agent IS NULL OR agent = :agent) AND (:source IS NULL OR source = :source)
    AND (:ended IS NULL OR (ended IS NOT NULL) = :ended))
WHERE (:state IS NULL OR now = :state)
  AND (:after_key IS NULL OR key < :after_key OR (key = :after_key AND session_id > :after_id))
ORDER BY key DESC, session_id
LIMIT :limit;

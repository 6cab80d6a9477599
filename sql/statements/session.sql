-- statement: project_session
-- projection
-- A session without an id cannot be told from others and is left out.
INSERT INTO session (session_id, agent, source, state, token_usage, context_percentage, started, updated)
SELECT :data ->> '$.session_id', :data ->> '$.agent', :source, coalesce(:data ->> '$.state', 'active'),
       CASE WHEN json_type(:data, '$.token_usage') IN ('integer', 'real') THEN :data ->> '$.token_usage' END,
       CASE WHEN json_type(:data, '$.context_percentage') IN ('integer', 'real')
            THEN :data ->> '$.context_percentage' END,
       :timestamp, :timestamp
WHERE :data ->> '$.session_id' IS NOT NULL
ON CONFLICT (session_id) DO UPDATE SET
  agent              = coalesce(excluded.agent, agent),
  state              = coalesce(:data ->> '$.state', state),
  token_usage        = coalesce(excluded.token_usage, token_usage),
  context_percentage = coalesce(excluded.context_percentage, context_percentage),
  updated            = max(updated, excluded.updated);

-- statement: session_totals
-- reads
-- Sessions by state, with their tokens.
SELECT state, count(*), coalesce(sum(token_usage), 0) FROM session GROUP BY state ORDER BY state;

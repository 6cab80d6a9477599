-- statement: project_session_tokens
-- projection
-- Tokens on top of those that a session has: `token_usage_added` of one span; `token_usage_of_trace`, a sum over spans of
-- a trace, of which only what they have not told themselves is new.
UPDATE session SET
  token_usage  = coalesce(token_usage, 0) + told.added
                 + max(0, told.whole - CASE WHEN session.trace = told.trace THEN coalesce(trace_tokens, 0) ELSE 0 END),
  trace_tokens = CASE WHEN session.trace = told.trace THEN coalesce(trace_tokens, 0) ELSE 0 END + told.added,
  trace        = told.trace
FROM (SELECT coalesce(:name_trace_id, '') AS trace,
             CASE WHEN :number_token_usage_added BETWEEN 0 AND 1e12 THEN :number_token_usage_added ELSE 0 END AS added,
             CASE WHEN :number_token_usage_of_trace BETWEEN 0 AND 1e12 THEN :number_token_usage_of_trace ELSE 0 END AS whole
     ) AS told
WHERE session.session_id = :name_session_id AND (told.added > 0 OR told.whole > 0);

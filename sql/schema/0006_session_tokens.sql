-- Tokens that are told as increments (spans of generative AI). What an agent's span tells at its end is the sum of the
-- spans below it, which are in the same trace and have told theirs before: so that nothing is counted twice, a session
-- knows how many tokens of its newest trace it has already.

ALTER TABLE session ADD COLUMN trace TEXT;           -- the trace of its newest increment; NULL: none yet
ALTER TABLE session ADD COLUMN trace_tokens REAL;    -- how many tokens came from that trace, span by span

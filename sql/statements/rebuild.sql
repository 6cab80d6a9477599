-- Emptying the projections, before they are made anew of the log. What is not made of events (services, whose latencies
-- are reports; tasks) is not emptied.

-- statement: clear_agents
-- projection
DELETE FROM agent;

-- statement: clear_sessions
-- projection
DELETE FROM session;

-- statement: clear_opportunities
-- projection
DELETE FROM opportunity;

-- statement: clear_error_components
-- projection
DELETE FROM error_component;

-- statement: clear_file_operations
-- projection
DELETE FROM file_operation;

-- statement: clear_service_changes
-- projection
DELETE FROM service_change;

-- statement: clear_recoveries
-- projection
DELETE FROM recovery;

-- statement: clear_counters
-- projection
-- All but those that count the rows of other tables go; those begin at 0 again.
DELETE FROM counter
WHERE name NOT IN ('agents', 'sessions', 'opportunities', 'error_components', 'file_operations', 'agents_forgotten',
                   'sessions_forgotten', 'opportunities_forgotten', 'error_components_forgotten',
                   'file_operations_forgotten');

-- statement: zero_counters
-- projection
UPDATE counter SET value = 0;

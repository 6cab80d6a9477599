-- What an event says of an agent is read before the statements of its projection run, and handed to each of them.
DROP TABLE agent_said;

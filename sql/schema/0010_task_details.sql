-- What else a task needs to be told.
ALTER TABLE task ADD COLUMN details TEXT NOT NULL DEFAULT '{}';  -- a JSON object, by kind

-- statement: task_insert
-- writers: fcgi
INSERT INTO task (task_id, kind, service, asked, asked_by, details)
VALUES (:task_id, :kind, :service, :now, :asked_by, :details);

-- statement: task_finish
-- writers: watchd
UPDATE task SET state = :state, message = :message WHERE task_id = :task_id AND state = 'asked';

-- statement: tasks_open
-- reads
SELECT task_id, kind, service, asked, asked_by, details FROM task WHERE state = 'asked' ORDER BY asked, task_id LIMIT 100;

-- statement: task_get
-- reads
SELECT state, message FROM task WHERE task_id = :task_id;

-- A task may have steps: tasks of their own whose parent it is. It is over after they are.
ALTER TABLE tasks ADD COLUMN parent     TEXT;                               -- its id
ALTER TABLE tasks ADD COLUMN steps      INTEGER NOT NULL DEFAULT 0;         -- how many it has
ALTER TABLE tasks ADD COLUMN on_failure TEXT    NOT NULL DEFAULT 'continue'; -- or 'stop'

-- A parent's steps, and whether one is open. Tasks without a parent are not in it.
CREATE INDEX tasks_parent ON tasks (parent, status) WHERE parent IS NOT NULL;

CREATE TRIGGER tasks_steps_end_first BEFORE UPDATE OF status ON tasks
WHEN new.steps > 0 AND new.status IN ('completed', 'failed', 'cancelled') AND EXISTS (
    SELECT 1
      FROM tasks
     WHERE parent = new.id AND status IN ('queued', 'running', 'input_required'))
BEGIN
    SELECT RAISE(ABORT, 'a task ends after its steps');
END;

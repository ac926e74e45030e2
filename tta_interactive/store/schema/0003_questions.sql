-- A running task may ask: the newest question of its current attempt, and what became of it.
-- A new attempt begins without one. JSON; NULL for nearly all tasks, which ask nothing.
ALTER TABLE tasks ADD COLUMN question TEXT;
ALTER TABLE tasks ADD COLUMN answer   TEXT;

-- The status and the question cannot disagree, whatever program writes.
CREATE TRIGGER tasks_ask_a_question BEFORE UPDATE OF status ON tasks
WHEN new.status = 'input_required' AND old.status <> 'input_required'
 AND (new.question IS NULL OR new.answer IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'a task waits only for the answer to a question');
END;

CREATE TRIGGER tasks_answer_once BEFORE UPDATE OF answer ON tasks
WHEN old.answer IS NOT NULL AND new.answer IS NOT NULL AND old.question IS new.question
BEGIN
    SELECT RAISE(ABORT, 'a question is answered once');
END;

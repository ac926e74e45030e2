-- One row a task. Times are microseconds since 1970 UTC; JSON is text.
--
-- Each page that a commit touches is written and synced, so an index must earn its pages:
-- none of those below holds the completed tasks, which are nearly all.
CREATE TABLE tasks (
    -- Order of arrival (clocks can jump): the number of its first event, so never given twice.
    seq                 INTEGER PRIMARY KEY,
    id                  TEXT    NOT NULL UNIQUE,
    kind                TEXT    NOT NULL,
    label               TEXT    NOT NULL,
    owner               TEXT    NOT NULL,
    status              TEXT    NOT NULL,
    priority            INTEGER NOT NULL,
    blocked             INTEGER NOT NULL,                   -- tasks that must complete first
    not_before          INTEGER,
    attempt             INTEGER NOT NULL,
    refused             INTEGER NOT NULL DEFAULT 0,         -- attempts that nobody could start
    request_key         TEXT,
    request_hash        TEXT,                               -- same key, same request?
    body                TEXT    NOT NULL,                   -- facts that never change, as JSON
    progress            REAL,
    message             TEXT    NOT NULL DEFAULT '',
    sandbox_got         INTEGER,
    result              TEXT,                               -- JSON, or '@' and a file name
    error               TEXT,
    submitted_at        INTEGER NOT NULL,
    started_at          INTEGER,
    finished_at         INTEGER,
    cancel_requested_at INTEGER,
    changed_at          INTEGER NOT NULL                    -- when the event happened
) STRICT;

CREATE UNIQUE INDEX tasks_request ON tasks (owner, request_key) WHERE request_key IS NOT NULL;
-- The worker's next task without a sort, however many wait for their time.
CREATE INDEX tasks_ready ON tasks (priority, seq)
 WHERE status = 'queued' AND blocked = 0 AND not_before IS NULL;
CREATE INDEX tasks_delayed ON tasks (not_before)
 WHERE status = 'queued' AND blocked = 0 AND not_before IS NOT NULL;
-- What runs: a handful among a million finished.
CREATE INDEX tasks_active ON tasks (seq) WHERE status IN ('running', 'input_required');
-- With the three of queued and running tasks: counts, and lists by status.
CREATE INDEX tasks_blocked ON tasks (seq) WHERE status = 'queued' AND blocked > 0;
CREATE INDEX tasks_unsuccessful ON tasks (status, seq) WHERE status IN ('failed', 'cancelled');
-- An agent, or a notebook, lists its own. Programs submit by the thousand and do not.
CREATE INDEX tasks_owner ON tasks (owner, seq) WHERE owner <> 'python';

CREATE TABLE edges (
    needs INTEGER NOT NULL,                                 -- must complete first
    task  INTEGER NOT NULL,
    PRIMARY KEY (needs, task)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    -- A number is never given twice: the newest event is never deleted. (AUTOINCREMENT would
    -- promise the same and write one more page in every commit.)
    seq     INTEGER PRIMARY KEY,
    task    INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    status  TEXT    NOT NULL,
    attempt INTEGER NOT NULL,
    at      INTEGER NOT NULL
) STRICT;

-- To find the older progress event of a task; the other events need no index.
CREATE INDEX events_progress ON events (task) WHERE kind = 'progressed';

-- The rules stand here too: an old or faulty program cannot break them.
CREATE TRIGGER tasks_final_stays BEFORE UPDATE ON tasks
WHEN old.status IN ('completed', 'failed', 'cancelled')
BEGIN
    SELECT RAISE(ABORT, 'a final task never changes');
END;

CREATE TRIGGER tasks_move_is_legal BEFORE UPDATE OF status ON tasks
WHEN old.status <> new.status AND NOT (
       (old.status = 'queued'  AND new.status IN ('running', 'failed', 'cancelled'))
    OR (old.status = 'running' AND new.status IN
        ('queued', 'input_required', 'completed', 'failed', 'cancelled'))
    OR (old.status = 'input_required' AND new.status IN
        ('running', 'queued', 'failed', 'cancelled')))
BEGIN
    SELECT RAISE(ABORT, 'this move is not allowed');
END;

CREATE TRIGGER tasks_attempt_rises BEFORE UPDATE OF attempt ON tasks
WHEN new.attempt < old.attempt
BEGIN
    SELECT RAISE(ABORT, 'an attempt number never falls');
END;

CREATE TRIGGER tasks_start_is_an_attempt BEFORE UPDATE OF status ON tasks
WHEN old.status = 'queued' AND new.status = 'running' AND new.attempt <> old.attempt + 1
BEGIN
    SELECT RAISE(ABORT, 'a start must be a new attempt');
END;

CREATE TRIGGER tasks_only_final_go BEFORE DELETE ON tasks
WHEN old.status NOT IN ('completed', 'failed', 'cancelled')
BEGIN
    SELECT RAISE(ABORT, 'only a final task may be removed');
END;

CREATE TRIGGER tasks_are_born_queued BEFORE INSERT ON tasks
WHEN new.status <> 'queued' OR new.attempt <> 0
BEGIN
    SELECT RAISE(ABORT, 'a new task is queued');
END;

-- Whatever changes a task writes its event in the same transaction.
CREATE TRIGGER events_born AFTER INSERT ON tasks
BEGIN
    INSERT INTO events (task, kind, status, attempt, at)
    VALUES (new.seq, 'moved', new.status, new.attempt, new.changed_at);
END;

CREATE TRIGGER events_moved AFTER UPDATE OF status ON tasks
WHEN old.status <> new.status
BEGIN
    INSERT INTO events (task, kind, status, attempt, at)
    VALUES (new.seq, 'moved', new.status, new.attempt, new.changed_at);
END;

CREATE TRIGGER events_cancel AFTER UPDATE OF cancel_requested_at ON tasks
WHEN old.cancel_requested_at IS NULL AND new.cancel_requested_at IS NOT NULL
 AND old.status = new.status
BEGIN
    INSERT INTO events (task, kind, status, attempt, at)
    VALUES (new.seq, 'cancel_requested', new.status, new.attempt, new.changed_at);
END;

CREATE TRIGGER events_progressed AFTER UPDATE OF progress, message, sandbox_got ON tasks
WHEN old.status = new.status
BEGIN
    INSERT INTO events (task, kind, status, attempt, at)
    VALUES (new.seq, 'progressed', new.status, new.attempt, new.changed_at);
    DELETE FROM events
     WHERE task = new.seq AND kind = 'progressed' AND seq < (SELECT max(seq) FROM events);
END;

CREATE TRIGGER edges_gone AFTER DELETE ON tasks
BEGIN
    DELETE FROM edges WHERE needs = old.seq;
END;

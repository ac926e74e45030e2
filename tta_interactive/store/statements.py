"""Every SQL statement by name, and nothing else.

INDEXED BY stands where the planner, which knows no statistics, may choose a way that reads
every task; and where a partial index is meant, it says so.
"""

from typing import Final

ADD: Final = """
    INSERT INTO tasks (seq, id, kind, label, owner, status, priority, blocked, not_before,
                       attempt, request_key, request_hash, body, parent, steps, on_failure,
                       submitted_at, changed_at)
    VALUES ((SELECT coalesce(max(seq), 0) + 1 FROM events), :id, :kind, :label, :owner, 'queued',
            :priority, :blocked, :not_before, 0, :request_key, :request_hash, :body,
            :parent, :steps, :on_failure,
            :submitted_at, :submitted_at)
"""
ADD_EDGE: Final = "INSERT OR IGNORE INTO edges (needs, task) VALUES (:needs, :task)"
BY_ID: Final = "SELECT * FROM tasks WHERE id = :id"
BY_IDS: Final = "SELECT * FROM tasks WHERE id IN (SELECT value FROM json_each(:ids))"
ARE_OVER: Final = """
    SELECT id, status IN ('completed', 'failed', 'cancelled')
      FROM tasks
     WHERE id IN (SELECT value FROM json_each(:ids))
"""
EXISTING: Final = "SELECT id FROM tasks WHERE id IN (SELECT value FROM json_each(:ids))"
FILES_OF: Final = """
    SELECT body, result
      FROM tasks
     WHERE id IN (SELECT value FROM json_each(:ids))
       AND (substr(body, 1, 1) = '@' OR substr(result, 1, 1) = '@')
"""
BY_KEY: Final = """
    SELECT *
      FROM tasks
     WHERE owner = :owner AND request_key = :request_key
"""
PARENT: Final = "SELECT status, attempt, cancel_requested_at FROM tasks WHERE id = :parent"
ADD_STEP: Final = """
    UPDATE tasks
       SET steps = steps + 1
     WHERE id = :parent AND status IN ('queued', 'running', 'input_required')
"""
# Steps begin after their parent has: each counts that as one more thing to wait for.
RELEASE_STEPS: Final = """
    UPDATE tasks
       SET blocked = blocked - 1
     WHERE parent = :id AND status = 'queued'
"""
OPEN_STEPS: Final = """
    SELECT id, seq, status, steps
      FROM tasks INDEXED BY tasks_parent
     WHERE parent IN (SELECT value FROM json_each(:parents))
       AND status IN ('queued', 'running', 'input_required')
"""
STEP_COUNTS: Final = """
    SELECT status, count(*)
      FROM tasks INDEXED BY tasks_parent
     WHERE parent = :parent
     GROUP BY status
"""
RUNNING_STEPS: Final = """
    SELECT label
      FROM tasks INDEXED BY tasks_parent
     WHERE parent = :parent AND status = 'running'
     ORDER BY seq
     LIMIT :names
"""
WITH_OPEN_STEPS: Final = """
    SELECT DISTINCT parent
      FROM tasks INDEXED BY tasks_parent
     WHERE parent IN (SELECT value FROM json_each(:ids))
       AND status IN ('queued', 'running', 'input_required')
"""
STOPS: Final = "SELECT 1 FROM tasks WHERE id = :parent AND on_failure = 'stop'"
NEED: Final = "SELECT seq, status, label FROM tasks WHERE id = :id"
# Every character of an id sorts below '~'.
BY_PREFIX: Final = """
    SELECT id
      FROM tasks
     WHERE id >= :prefix AND id < :prefix || '~' AND (:owner IS NULL OR owner = :owner)
     LIMIT 6
"""
BY_LABEL: Final = """
    SELECT id
      FROM tasks
     WHERE label = :label AND (:owner IS NULL OR owner = :owner)
     ORDER BY seq DESC
     LIMIT 1
"""
LIST: Final = "SELECT * FROM tasks WHERE {where} ORDER BY seq DESC LIMIT :limit"
LIST_WHERE: Final = {
    "statuses": "status IN (SELECT value FROM json_each(:statuses))",
    "kind": "kind = :kind",
    "owner": "owner = :owner",
    "parent": "parent = :parent",
    "without_steps": "parent IS NULL",
    "before_seq": "seq < :before_seq",
}
# Facts that never change lie in the body, which is a file when it is large.
WORKSPACE: Final = "iif(substr(body, 1, 1) = '{', json_extract(body, '$.workspace'), '')"
LOOK: Final = """
    SELECT *
      FROM tasks
     WHERE {where}
     ORDER BY {order} {way} NULLS LAST, seq DESC
     LIMIT :limit OFFSET :offset
"""
LOOK_COUNT: Final = "SELECT count(*) FROM tasks WHERE {where}"
LOOK_WHERE: Final = {
    "statuses": "status IN (SELECT value FROM json_each(:statuses))",
    "kind": "kind = :kind",
    "owner": "owner = :owner",
    "workspace": f"{WORKSPACE} = :workspace",
    "search": "(instr(lower(label), lower(:search)) OR substr(id, 1, length(:search)) = :search)",
}
LOOK_ORDER: Final = {
    "submitted": "seq",
    "state": """
        CASE status WHEN 'running' THEN 0 WHEN 'input_required' THEN 1 WHEN 'queued' THEN 2
                    WHEN 'failed' THEN 3 WHEN 'cancelled' THEN 4 ELSE 5 END
    """,
    "label": "label COLLATE NOCASE",
    "owner": "owner",
    "waited": "coalesce(started_at, finished_at, :at) - submitted_at",
    "ran": "coalesce(finished_at, :at) - started_at",
}
CHOICES: Final = """
    SELECT DISTINCT kind, owner, {workspace} AS workspace
      FROM (SELECT * FROM tasks WHERE {where} ORDER BY seq DESC LIMIT :limit)
"""
PROGRAMS: Final = "python"  # the owner whose tasks have no index
NOT_PROGRAMS: Final = "owner <> 'python'"  # as the index tasks_owner says it
# Where the tasks of a status are found. Of the completed there is no index: they are what
# a look at the newest tasks finds.
SOURCES: Final = {
    "queued": """
        SELECT seq FROM tasks INDEXED BY tasks_ready
         WHERE status = 'queued' AND blocked = 0 AND not_before IS NULL AND {where}
         UNION ALL
        SELECT seq FROM tasks INDEXED BY tasks_delayed
         WHERE status = 'queued' AND blocked = 0 AND not_before IS NOT NULL AND {where}
         UNION ALL
        SELECT seq FROM tasks INDEXED BY tasks_blocked
         WHERE status = 'queued' AND blocked > 0 AND {where}
    """,
    "running": """
        SELECT seq FROM tasks INDEXED BY tasks_active
         WHERE status IN ('running', 'input_required') AND {where}
    """,
    "failed": """
        SELECT seq FROM tasks INDEXED BY tasks_unsuccessful
         WHERE status IN ('failed', 'cancelled') AND {where}
    """,
}
SOURCE_OF: Final = {
    "queued": "queued",
    "running": "running",
    "input_required": "running",
    "failed": "failed",
    "cancelled": "failed",
}
LIST_FOUND: Final = """
    SELECT *
      FROM tasks
     WHERE seq IN (SELECT seq FROM ({sources}) ORDER BY seq DESC LIMIT :limit)
     ORDER BY seq DESC
"""
COUNT_ALL: Final = "SELECT count(*) FROM tasks"
COUNT_FOUND: Final = "SELECT count(*) FROM ({sources})"
COUNT_ACTIVE: Final = """
    SELECT status, count(*)
      FROM tasks INDEXED BY tasks_active
     WHERE status IN ('running', 'input_required')
     GROUP BY status
"""
COUNT_UNSUCCESSFUL: Final = """
    SELECT status, count(*)
      FROM tasks INDEXED BY tasks_unsuccessful
     WHERE status IN ('failed', 'cancelled')
     GROUP BY status
"""
COUNTS_OF: Final = "SELECT status, count(*) FROM tasks WHERE {where} GROUP BY status"
CANCEL_QUEUED: Final = """
    UPDATE tasks
       SET status = 'cancelled', cancel_requested_at = :at, finished_at = :at, changed_at = :at
     WHERE id = :id AND status = 'queued' AND (steps = 0 OR NOT EXISTS (
           SELECT 1
             FROM tasks AS s
            WHERE s.parent = tasks.id AND s.status IN ('queued', 'running', 'input_required')))
    RETURNING seq, parent
"""
# Also a queued one whose steps run: it waits for another try, which will not be made.
CANCEL_OPEN: Final = """
    UPDATE tasks
       SET cancel_requested_at = :at, changed_at = :at
     WHERE id = :id AND status IN ('queued', 'running', 'input_required')
       AND cancel_requested_at IS NULL
"""
CANCEL_QUEUED_STEPS: Final = """
    UPDATE tasks
       SET status = 'cancelled', cancel_requested_at = :at, finished_at = :at, changed_at = :at
     WHERE id IN (SELECT value FROM json_each(:ids)) AND status = 'queued'
       AND (steps = 0 OR NOT EXISTS (
           SELECT 1
             FROM tasks AS s
            WHERE s.parent = tasks.id AND s.status IN ('queued', 'running', 'input_required')))
    RETURNING seq, id
"""
CANCEL_OPEN_STEPS: Final = """
    UPDATE tasks
       SET cancel_requested_at = :at, changed_at = :at
     WHERE id IN (SELECT value FROM json_each(:ids))
       AND status IN ('queued', 'running', 'input_required') AND cancel_requested_at IS NULL
"""
CANCELS_WANTED: Final = """
    SELECT id, attempt
      FROM tasks INDEXED BY tasks_active
     WHERE status IN ('running', 'input_required') AND cancel_requested_at IS NOT NULL
"""
ACTIVE: Final = """
    SELECT *
      FROM tasks INDEXED BY tasks_active
     WHERE status IN ('running', 'input_required')
     ORDER BY seq
"""
END: Final = """
    UPDATE tasks
       SET status = :status, result = :result, error = :error, finished_at = :at,
           sandbox_got = coalesce(:sandbox_got, sandbox_got), changed_at = :at
     WHERE id = :id AND attempt = :attempt
       AND (status = 'running' OR (status = 'input_required' AND :status <> 'completed'))
       AND (steps = 0 OR NOT EXISTS (
           SELECT 1
             FROM tasks AS s
            WHERE s.parent = tasks.id AND s.status IN ('queued', 'running', 'input_required')))
    RETURNING seq, parent
"""
ASK: Final = """
    UPDATE tasks
       SET status = 'input_required', question = :question, answer = NULL, changed_at = :at
     WHERE id = :id AND attempt = :attempt AND status = 'running'
       AND (question IS NULL OR json_extract(question, '$.key') <> :key)
"""
# Whoever is first: an answer, the end of the time for one, or the task's own end.
ANSWER: Final = """
    UPDATE tasks
       SET status = 'running', answer = :answer, changed_at = :at
     WHERE id = :id AND attempt = :attempt AND status = 'input_required'
       AND json_extract(question, '$.key') = :key
"""
# A task may end well without waiting for the answer: then it first runs again.
RUN_AGAIN: Final = """
    UPDATE tasks
       SET status = 'running', changed_at = :at
     WHERE id = :id AND attempt = :attempt AND status = 'input_required'
"""
# A retry that somebody wanted cancelled is not tried again; with steps it is, to await them.
TRY_AGAIN: Final = """
    UPDATE tasks
       SET status = iif(cancel_requested_at IS NULL OR steps > 0, 'queued', 'cancelled'),
           finished_at = iif(cancel_requested_at IS NULL OR steps > 0, NULL, :at),
           not_before = :not_before, refused = refused + :was_refused,
           progress = NULL, message = '', question = NULL, answer = NULL, changed_at = :at
     WHERE id = :id AND attempt = :attempt AND status IN ('running', 'input_required')
    RETURNING seq, status, parent
"""
START: Final = """
    UPDATE tasks
       SET status = 'running', attempt = attempt + 1, started_at = :at, sandbox_got = NULL,
           progress = NULL, message = '', question = NULL, answer = NULL, changed_at = :at
     WHERE seq IN (SELECT value FROM json_each(:seqs))
    RETURNING *
"""
CANDIDATES: Final = """
    SELECT seq, owner, steps
      FROM (SELECT priority, seq, owner, steps
              FROM tasks INDEXED BY tasks_ready
             WHERE status = 'queued' AND blocked = 0 AND not_before IS NULL
             UNION ALL
            SELECT priority, seq, owner, steps
              FROM tasks INDEXED BY tasks_delayed
             WHERE status = 'queued' AND blocked = 0 AND not_before <= :at
             ORDER BY priority, seq
             LIMIT :free)
"""
FIRST_OWNER: Final = """
    SELECT owner
      FROM tasks INDEXED BY tasks_ready
     WHERE status = 'queued' AND blocked = 0 AND not_before IS NULL
     LIMIT 1
"""
OTHER_CANDIDATES: Final = CANDIDATES.replace(
    "blocked = 0",
    "blocked = 0 AND seq NOT IN (SELECT value FROM json_each(:taken)) "
    "AND owner NOT IN (SELECT value FROM json_each(:full))",
)
# Every owner that is an agent begins so, and ';' follows ':'. What has steps only waits for them.
AGENTS_RUNNING: Final = """
    SELECT owner, count(*)
      FROM tasks INDEXED BY tasks_active
     WHERE status IN ('running', 'input_required') AND steps = 0
       AND owner >= 'mcp:' AND owner < 'mcp;'
     GROUP BY owner
"""
STILL_READY: Final = """
    SELECT seq
      FROM tasks
     WHERE id IN (SELECT value FROM json_each(:ids)) AND status = 'queued' AND blocked = 0
       AND (not_before IS NULL OR not_before <= :at)
"""
NEXT_READY: Final = """
    SELECT *
      FROM tasks
     WHERE seq IN (
           SELECT seq
             FROM (SELECT priority, seq
                     FROM tasks INDEXED BY tasks_ready
                    WHERE status = 'queued' AND blocked = 0 AND not_before IS NULL
                    UNION ALL
                   SELECT priority, seq
                     FROM tasks INDEXED BY tasks_delayed
                    WHERE status = 'queued' AND blocked = 0 AND not_before <= :at
                    ORDER BY priority, seq
                    LIMIT :limit))
     ORDER BY priority, seq
"""
NEXT_START: Final = """
    SELECT min(not_before)
      FROM tasks INDEXED BY tasks_delayed
     WHERE status = 'queued' AND blocked = 0 AND not_before IS NOT NULL
"""
UNBLOCK: Final = """
    UPDATE tasks
       SET blocked = blocked - 1
     WHERE seq IN (SELECT task FROM edges WHERE needs = :seq) AND status = 'queued'
"""
DEPENDENT_PARENTS: Final = """
    SELECT t.id
      FROM edges AS e
      JOIN tasks AS t ON t.seq = e.task
     WHERE e.needs = :seq AND t.status = 'queued' AND t.steps > 0
"""
FAIL_DEPENDENTS: Final = """
    UPDATE tasks
       SET status = 'failed', error = :error, finished_at = :at, changed_at = :at
     WHERE seq IN (SELECT task FROM edges WHERE needs = :seq) AND status = 'queued'
    RETURNING seq
"""
FORGET_DEPENDENTS: Final = "DELETE FROM edges WHERE needs = :seq"
REPORT: Final = """
    UPDATE tasks
       SET progress = :progress, message = :message,
           sandbox_got = coalesce(:sandbox_got, sandbox_got), changed_at = :at
     WHERE id = :id AND attempt = :attempt AND status IN ('running', 'input_required')
"""
EVENTS_AFTER: Final = """
    SELECT e.seq, t.id, e.kind, e.status, e.attempt, e.at
      FROM events AS e
      JOIN tasks AS t ON t.seq = e.task
     WHERE e.seq > :seq
     ORDER BY e.seq
     LIMIT :limit
"""
MOVED_AFTER: Final = """
    SELECT e.seq, t.id, e.status IN ('completed', 'failed', 'cancelled', 'input_required')
      FROM events AS e
      JOIN tasks AS t ON t.seq = e.task
     WHERE e.seq > :seq
     ORDER BY e.seq
"""
LAST_EVENT: Final = "SELECT coalesce(max(seq), 0) FROM events"
# Without an index of its own: it runs once in a while, and one would slow every move.
FINISHED_BEFORE: Final = """
    SELECT *
      FROM tasks
     WHERE status IN ('completed', 'failed', 'cancelled') AND finished_at < :before
       AND NOT EXISTS (
           SELECT 1
             FROM edges AS e
             JOIN tasks AS d ON d.seq = e.task
            WHERE e.needs = tasks.seq AND d.status = 'queued')
       AND (parent IS NULL OR NOT EXISTS (
           SELECT 1
             FROM tasks AS p
            WHERE p.id = tasks.parent AND p.status IN ('queued', 'running', 'input_required')))
     ORDER BY seq
     LIMIT :limit
"""
REMOVE: Final = "DELETE FROM tasks WHERE seq = :seq"
# The newest stays: its number must not be given again.
REMOVE_EVENTS: Final = """
    DELETE FROM events
     WHERE task NOT IN (SELECT seq FROM tasks) AND seq < (SELECT max(seq) FROM events)
"""

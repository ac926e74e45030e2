"""How a task is run: what its kind says, and which calls may go to the pool ahead of their turn."""

from collections.abc import Sequence

from tta_interactive.errors import StoreDamagedError, UnknownKindError
from tta_interactive.kinds import Plan, checked_params, get_kind
from tta_interactive.store import DAMAGED
from tta_interactive.task import AGENT, Task
from tta_interactive.worker.member import Key, key_of


def is_pooled(task: Task, plan: Plan) -> bool:
    """Whether a re-used process may run it."""
    return plan.pooled and not task.sandbox and not task.secrets


def call_ahead(tasks: Sequence[Task], free: int, rooms: dict[Key, int]) -> list[Task]:
    """Which tasks to claim beyond the `free` first ones: calls, as long as there is room.

    It ends at the first that is none, so nothing overtakes a task that needs a slot.
    """
    found: list[Task] = []
    for task in tasks[free:]:
        key = key_of(task)
        if rooms.get(key, 0) <= 0 or task.steps or task.owner.startswith(AGENT):
            break
        try:
            if not is_pooled(task, plan_of(task)):
                break
        except Exception:  # boundary: a kind is anybody's code; its failure is told in its turn
            break
        rooms[key] -= 1
        found.append(task)
    return found


def plan_of(task: Task) -> Plan:
    """How a task is run; a kind that only the task's interpreter knows runs there.

    Raises:
        StoreDamagedError: What it was asked for cannot be read any more.
        InvalidRequestError: Its params do not fit its kind.
    """
    if DAMAGED in task.metadata:
        raise StoreDamagedError(str(task.metadata[DAMAGED]))
    try:
        kind = get_kind(task.kind)
    except UnknownKindError:
        return Plan(child="kind")
    return kind.plan(checked_params(kind, task.params))


def starts_nothing(task: Task) -> bool:
    """Whether the task is nothing but its steps."""
    try:
        plan = plan_of(task)
    except Exception:  # boundary: a kind is anybody's code, and other releases had other kinds
        return False
    return plan.argv is None and plan.child is None

"""How far what a task left may act in the notebook: pure.

A picture or a number can do nothing. HTML runs scripts in the page, which may do all that its
reader may; a pickle runs code in the kernel. So both are opened only if the task is the user's
own and nothing had to be kept from them:

    submitted from a notebook     not by an agent; a retry: nor what it repeats
    ran without containment       else opening it would let out what was to be contained: who
                                  wants a task in a sandbox does not trust its code

Such a task had all rights of the user already. A pickle is opened unasked only for tasks that
this very kernel submitted: what an earlier one left is opened when somebody says so.
"""

from tta_interactive.owner import all_owners
from tta_interactive.task import SandboxLevel, Task


def distrust(task: Task) -> str:
    """Why what the task left may not act; empty if it may."""
    if all_owners(task) != ["notebook"]:
        return "it was not submitted by a notebook, or repeats a task that was not"
    if task.sandbox_got is None or task.sandbox_got > SandboxLevel.LIMITS:
        return "it ran in a sandbox, which it would thus leave"
    return ""

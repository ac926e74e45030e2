"""The async engine with a real worker, on asyncio and on trio."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import aclosing, closing
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from tests.conftest import NOON, a_task
from tests.e2e.processes import until
from tta_interactive.awaited import Awaited
from tta_interactive.blocking import BlockingEngine
from tta_interactive.core import Core
from tta_interactive.engine import ExecutionEngine
from tta_interactive.errors import (
    ForbiddenError,
    InvalidRequestError,
    InvalidTransitionError,
    RequestKeyError,
    TaskFailedError,
    TaskNotFoundError,
    WaitTimeoutError,
)
from tta_interactive.request import TaskRequest
from tta_interactive.store import SqliteStore

SLEEP = ("shell", {"argv": ["sleep", "60"]})
TRUE = ("shell", {"argv": ["true"]})


async def test_waiting_does_not_stop_the_loop(home: Path) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await anyio.sleep(0.01)
            ticks += 1

    async with ExecutionEngine(home) as engine, anyio.create_task_group() as group:
        group.start_soon(tick)
        task_id = await engine.submit("shell", {"argv": ["sleep", "0.5"]})
        with anyio.fail_after(20):
            assert (await engine.wait(task_id)).status == "completed"
        group.cancel_scope.cancel()
    assert ticks >= 20


async def test_a_time_out_of_zero_answers_at_once(home: Path) -> None:
    async with ExecutionEngine(home) as engine:
        task_id = await engine.submit(*SLEEP)
        with anyio.fail_after(5):
            assert not (await engine.wait(task_id, 0)).is_final
        with pytest.raises(WaitTimeoutError, match="still running after 0 s"):
            await engine.wait(task_id, 0, check=True)
        await engine.cancel(task_id)
        with pytest.raises(TaskFailedError, match="It was cancelled"):
            await engine.wait(task_id, 20, check=True)


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf")])
async def test_an_impossible_time_out_is_refused(home: Path, timeout: float) -> None:
    async with ExecutionEngine(home) as engine:
        with pytest.raises(InvalidRequestError, match="Give a number of seconds"):
            await engine.wait("t_x", timeout)


async def test_a_cancelled_wait_leaves_the_task_alone(home: Path) -> None:
    async with ExecutionEngine(home) as engine:
        task_id = await engine.submit("shell", {"argv": ["sleep", "0.6"]})
        with anyio.move_on_after(0.1):
            await engine.wait(task_id)
        with anyio.fail_after(20):
            assert (await engine.wait(task_id)).status == "completed"


async def test_wait_any_returns_what_is_over(home: Path) -> None:
    async with ExecutionEngine(home) as engine:
        slow, fast = await engine.submit(*SLEEP), await engine.submit(*TRUE)
        with anyio.fail_after(20):
            assert [task.id for task in await engine.wait_any([slow, fast])] == [fast]
        assert await engine.wait_any([slow], 0.05) == []
        tasks = await engine.wait_all([slow, fast], 0.05)
        assert [(task.id, task.is_final) for task in tasks] == [(slow, False), (fast, True)]


async def test_the_same_key_submits_once(home: Path) -> None:
    async with ExecutionEngine(home) as engine:
        first = await engine.submit(*TRUE, request_key="k")
        assert await engine.submit(*TRUE, request_key="k") == first
        with pytest.raises(RequestKeyError, match="Use a new key"):
            await engine.submit(*SLEEP, request_key="k")


async def test_all_requests_are_stored_or_none(home: Path) -> None:
    async with ExecutionEngine(home) as engine:
        good = TaskRequest(kind="shell", params={"argv": ["true"]})
        bad = TaskRequest(kind="shell", params={})
        with pytest.raises(InvalidRequestError):
            await engine.submit_many([good, bad])
        assert sum((await engine.counts()).values()) == 0


async def test_a_door_may_be_kept_to_some_kinds(home: Path) -> None:
    async with ExecutionEngine(home, allow=["tests"]) as engine:
        with pytest.raises(ForbiddenError, match="'shell' may not be submitted here"):
            await engine.submit(*TRUE)


async def test_foreign_tasks_are_as_unknown_as_none(home: Path) -> None:
    async with (
        ExecutionEngine(home, owner="mcp:a", sees="own") as agent,
        ExecutionEngine(home, owner="notebook") as person,
    ):
        foreign, own = await person.submit(*TRUE), await agent.submit(*TRUE)
        answers: list[str] = []
        for unknown in (foreign, foreign[:10], "t_0000000000000000000000"):
            for call in (agent.status, agent.cancel, agent.logs, agent.wait, agent.retry):
                with pytest.raises(TaskNotFoundError) as caught:
                    await call(unknown)
                answers.append(str(caught.value).replace(unknown, "ID"))
        assert len(set(answers)) == 1
        with pytest.raises(TaskNotFoundError):
            await agent.submit(*TRUE, after=[foreign])
        assert [task.id for task in await agent.list()] == [own]
        assert sum((await agent.counts()).values()) == 1
        assert {task.id for task in await person.list()} == {own, foreign}


async def test_events_come_live_and_in_order(home: Path) -> None:
    async with ExecutionEngine(home) as engine:
        task_id = await engine.submit(*TRUE)
        seen: list[str] = []
        with anyio.fail_after(20):
            async with aclosing(engine.watch([task_id], since=0)) as events:
                async for event in events:
                    if event.kind == "moved":
                        seen.append(event.status.value)
                    if event.status.is_final:
                        break
        assert seen == ["queued", "running", "completed"]


async def test_logs_are_followed_to_the_end(home: Path) -> None:
    async with ExecutionEngine(home) as engine:
        script = "for i in 1 2 3; do echo line $i; sleep 0.3; done"
        task_id = await engine.submit("shell", {"script": script})
        with anyio.fail_after(20):
            pieces = [piece async for piece in engine.follow_logs(task_id)]
        assert "".join(pieces) == "line 1\nline 2\nline 3\n"
        assert len(pieces) >= 2
        assert await engine.logs(task_id, tail_lines=1) == "line 3\n"
        assert await engine.logs(task_id, tail_lines=0) == ""


async def test_a_finished_task_can_be_tried_again(home: Path) -> None:
    async with ExecutionEngine(home) as engine:
        task_id = await engine.submit("shell", {"argv": ["false"]}, label="nope")
        task = await engine.wait(task_id, 20)
        again = await engine.wait(await engine.retry(task_id), 20)
        assert again.id != task.id
        assert (again.label, again.params) == ("nope", task.params)
        assert again.metadata == {"retry_of": task_id, "first_owners": ["python"]}
        running = await engine.submit(*SLEEP)
        with pytest.raises(InvalidTransitionError, match="cannot become retried"):
            await engine.retry(running)


async def test_attempts_that_were_asked_for_are_made(home: Path, tmp_path: Path) -> None:
    script = f"echo x >> {tmp_path}/n; test $(wc -l < {tmp_path}/n) -ge 2"
    async with ExecutionEngine(home) as engine:
        task = await engine.wait(
            await engine.submit("shell", {"script": script}, max_attempts=3), 30
        )
        assert (task.status, task.attempt) == ("completed", 2)


def test_ctrl_c_leaves_a_wait_at_once_and_the_task_goes_on(home: Path) -> None:
    code = (
        "import sys; from tta_interactive import BlockingEngine\n"
        "e = BlockingEngine(sys.argv[1])\n"
        "i = e.submit('shell', {'argv': ['sleep', '60']}); print(i, flush=True)\n"
        "try:\n    e.wait(i)\nexcept KeyboardInterrupt:\n    print('left', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    task_id = process.stdout.readline().strip()
    with BlockingEngine(home) as engine:
        until(lambda: engine.status(task_id).status == "running", what="it runs")
        time.sleep(0.3)
        begin = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout.readline() == "left\n"
        assert time.monotonic() - begin < 0.3
        process.wait(10)
        process.stdout.close()
        assert engine.status(task_id).status == "running"


def test_the_blocking_twin_works_inside_a_running_loop(home: Path) -> None:
    async def main() -> object:
        with BlockingEngine(home) as engine:
            return engine.wait(engine.submit("python", {"code": "6 * 7"}), 20).result

    assert anyio.run(main) == 42


def test_old_finished_tasks_are_removed_with_their_logs(home: Path) -> None:
    with BlockingEngine(home) as engine:
        done = engine.wait(engine.submit("shell", {"argv": ["echo", "x"]}), 20).id
        running = engine.submit(*SLEEP)
        assert [t.id for t in engine.collect_garbage(timedelta(0), dry_run=True)] == [done]
        assert engine.logs(done) == "x\n"
        assert [t.id for t in engine.collect_garbage(timedelta(0))] == [done]
        assert [task.id for task in engine.list()] == [running]
        assert not list((home / "attempts").glob(f"{done}*"))


def test_what_belongs_to_no_task_is_removed_when_it_is_old(home: Path) -> None:
    with BlockingEngine(home) as engine:
        running = engine.submit(*SLEEP)
        mine = home / "attempts" / f"{running}.1"
        until(mine.exists, what="it runs")
        left = [home / "blobs" / "t_a.body", home / "attempts" / "t_a.1" / "log"]
        young = home / "attempts" / "t_b.1" / "log"
        for path in (*left, young):
            path.parent.mkdir(exist_ok=True)
            path.write_text("x")
        for path in (*left, left[1].parent, mine):
            os.utime(path, (1e9, 1e9))
        assert engine.collect_garbage(timedelta(0), dry_run=True) == []
        assert left[0].exists()
        assert engine.collect_garbage(timedelta(0)) == []
        assert not left[0].exists()
        assert not left[1].parent.exists()
        assert young.exists()
        assert mine.exists()


def test_who_waits_is_woken_though_other_engines_were_closed(home: Path) -> None:
    mine, other = BlockingEngine(home), BlockingEngine(home)
    task_id = mine.submit("shell", {"argv": ["sleep", "0.5"]})
    woken: list[str] = []
    waiter = threading.Thread(target=lambda: woken.append(mine.wait(task_id, 20).status))
    waiter.start()
    mine.close()
    other.close()
    waiter.join(10)
    assert woken == ["completed"]


def test_who_awaits_the_end_is_called_then_and_not_before(home: Path) -> None:
    with BlockingEngine(home) as engine:
        task_id = engine.submit("shell", {"argv": ["sleep", "0.5"]})
        found: list[str] = []
        watcher = engine._core.watcher  # pyright: ignore[reportPrivateUsage]
        with watcher.subscribed(
            lambda _: found.append(engine.status(task_id).status), [task_id], ends_only=True
        ):
            assert engine.wait(task_id, 20).status == "completed"
            until(lambda: found, what="the call")
        assert found == ["completed"]


def test_a_wait_that_runs_out_tells_the_task_as_it_stands(home: Path) -> None:
    core = Core(home)
    core.store.add([a_task()])
    awaited = Awaited(core.store, ["t_1"])
    awaited.read()
    with closing(SqliteStore(home, of_worker=True)) as worker:
        worker.exchange([], 1, NOON)
    awaited.read()
    assert not awaited.is_enough(every=False)
    assert [task.status for task in awaited.tasks()] == ["running"]
    core.close()


def test_a_callback_that_fails_ends_nobody_else_s_waiting(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with BlockingEngine(home) as engine:
        engine.subscribe(lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
        assert engine.wait(engine.submit(*TRUE), 20).status == "completed"
    assert "a callback failed" in caplog.text


async def test_waits_that_asyncio_cancels_leave_nothing_behind(home: Path) -> None:
    async with ExecutionEngine(home) as engine:
        task_id = await engine.submit(*SLEEP)
        for _ in range(50):
            with anyio.move_on_after(0.001):
                await engine.wait(task_id)
        watcher = engine._core.watcher  # pyright: ignore[reportPrivateUsage]
        with anyio.fail_after(5):
            while not watcher.close():  # it refuses while anybody is subscribed
                await anyio.sleep(0.01)
        await engine.cancel(task_id)

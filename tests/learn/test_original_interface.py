"""The interface of the original test generator, kept and made true."""

from pathlib import Path

import pytest

from tta_interactive import OpenHandsTestGenerator
from tta_interactive.errors import InvalidRequestError
from tta_interactive.generator import OpenHandsIntegrationConfig
from tta_interactive.generic import get_task_results, get_task_status, submit_task

MODULE = "def double(n: int) -> int:\n    if n < 0:\n        raise ValueError('negative')\n    return 2 * n\n"


@pytest.fixture
def anyio_backend() -> str:
    """The original knew asyncio only; one loop is enough here."""
    return "asyncio"


@pytest.fixture
def config(home: Path, tmp_path: Path) -> OpenHandsIntegrationConfig:
    (tmp_path / "double.py").write_text(MODULE)
    return OpenHandsIntegrationConfig(home=str(home), workspace=str(tmp_path))


async def test_submit_then_collect(config: OpenHandsIntegrationConfig, tmp_path: Path) -> None:
    async with OpenHandsTestGenerator(config) as generator:
        task_id = await generator.submit_test_generation_task("double.py", coverage_threshold=70)
        status = await generator.get_task_status(task_id)
        assert list(status) == [
            "task_id",
            "status",
            "created_at",
            "started_at",
            "completed_at",
            "error",
            "retry_count",
            "metadata",
        ]
        assert status["metadata"]["module_path"] == "double.py"
        results = await generator.get_test_generation_results(task_id, 90, poll_interval=0.5)
    assert list(results) == ["success", "task_id", "result", "module_path", "output_path"]
    assert results["success"] is True
    assert results["module_path"] == "double.py"
    assert (tmp_path / results["output_path"]).is_file()


async def test_a_failure_is_told_with_its_reason(config: OpenHandsIntegrationConfig) -> None:
    async with OpenHandsTestGenerator(config) as generator:
        results = await generator.generate_tests("missing.py", timeout=60)
    assert list(results) == ["success", "task_id", "error", "module_path"]
    assert results["success"] is False
    assert "missing.py" in results["error"]


async def test_a_time_out_of_zero_does_not_wait(config: OpenHandsIntegrationConfig) -> None:
    async with OpenHandsTestGenerator(config) as generator:
        task_id = await generator.submit_test_generation_task("double.py")
        with pytest.raises(TimeoutError, match="It goes on"):
            await generator.get_test_generation_results(task_id, timeout=0)
        told = await generator.generate_tests("double.py", timeout=0)
        assert told["success"] is False
        assert told["error"].startswith("Timeout after 0 s")


async def test_an_unknown_task_is_a_runtime_error(config: OpenHandsIntegrationConfig) -> None:
    async with OpenHandsTestGenerator(config) as generator:
        with pytest.raises(RuntimeError, match="Task nowhere not found"):
            await generator.get_task_status("nowhere")
        with pytest.raises(RuntimeError, match="Task nowhere not found"):
            await generator.get_test_generation_results("nowhere", 1)


async def test_a_backend_that_is_not_there_says_what_to_do(
    config: OpenHandsIntegrationConfig,
) -> None:
    agent = config.model_copy(update={"backend": "openhands"})
    async with OpenHandsTestGenerator(agent) as generator:
        results = await generator.generate_tests("double.py", timeout=60)
    assert results["success"] is False
    assert "openhands" in results["error"]
    assert "native" in results["error"]


async def test_it_is_configured_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTA_BACKEND", "native")
    monkeypatch.setenv("TTA_DEFAULT_TIMEOUT", "60")
    assert OpenHandsTestGenerator.from_env().config.default_timeout_seconds == 60
    monkeypatch.setenv("TTA_DEFAULT_TIMEOUT", "5")
    with pytest.raises(InvalidRequestError, match="from 10 to 3600"):
        OpenHandsTestGenerator.from_env()


async def test_the_generic_pattern(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTA_HOME", str(home))
    task_id = await submit_task({"kind": "python", "params": {"code": "1 + 1"}})
    assert (await get_task_status(task_id))["kind"] == "python"
    results = await get_task_results(task_id, timeout=20)
    assert results == {"task_id": task_id, "status": "completed", "result": 2, "error": None}

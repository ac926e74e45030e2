"""When an answer is the one that was given before, and when it must not be."""

from pathlib import Path

from tta_interactive.runners.testgen import cache
from tta_interactive.runners.testgen.interpreter import our_interpreter
from tta_interactive.runners.testgen.module import find_module
from tta_interactive.runners.testgen.report import TestsReport
from tta_interactive.runners.testgen.scratch import copy_project

from .conftest import GOOD, Lab, Made


def test_the_same_seed_writes_the_same_file_and_another_question_is_no_cached_one(
    lab: Lab,
) -> None:
    lab.write("m.py", GOOD)
    first = lab.run()
    text = lab.files()["tests/test_m.py"]
    again = lab.run(use_cache=False)
    assert not again["cached"]
    assert lab.files()["tests/test_m.py"] == text
    unlike = {"durations": None, "timeline": None}
    assert {**again, **unlike} == {**first, **unlike}


def test_the_same_question_is_answered_from_the_cache_and_the_file_is_back(lab: Lab) -> None:
    lab.write("m.py", GOOD)
    first = lab.run()
    file = lab.workspace / "tests/test_m.py"
    text = file.read_text()
    file.unlink()
    assert lab.run() == {**first, "cached": True}
    assert file.read_text() == text
    # An answer from the cache never replaces a file of the user.
    lab.write("tests/test_m.py", "def test_mine(): pass\n")
    assert lab.failure().code == "output_exists"
    assert lab.files()["tests/test_m.py"] == b"def test_mine(): pass\n"
    assert lab.run(overwrite=True)["cached"]
    assert file.read_text() == text


def key_of(lab: Lab, **options: object) -> str:
    bench = lab.bench()
    source = find_module("m.py", lab.workspace)
    copied = copy_project(source, bench.project)
    return cache.cache_key(source, copied, options, "native 1", "namespaces", our_interpreter())


def test_whatever_a_result_depends_on_changes_the_question(lab: Lab) -> None:
    lab.write("m.py", GOOD)
    lab.write("neighbour.py", "x = 1")
    first = key_of(lab, seed=1)
    assert key_of(lab, seed=1) == first
    lab.write("tests/test_m.py", "def test_made_by_us(): pass")
    assert key_of(lab, seed=1) == first
    assert key_of(lab, seed=2) != first
    lab.write("neighbour.py", "x = 2")
    second = key_of(lab, seed=1)
    assert second != first
    lab.write("m.py", GOOD + "    # changed")
    assert key_of(lab, seed=1) not in (first, second)


def test_other_settings_for_the_layout_are_another_question(lab: Lab) -> None:
    lab.write("m.py", GOOD)
    assert not lab.run()["cached"]
    assert lab.run()["cached"]
    lab.write("tests/.ruff.toml", "[format]\nquote-style = 'single'\n")
    assert not lab.run()["cached"]
    assert "'poor'" in lab.files()["tests/test_m.py"].decode()


def test_a_damaged_cache_entry_is_no_entry(made: Made, tmp_path: Path) -> None:
    report = TestsReport.model_validate(made[1])
    cache.save(tmp_path, "k" * 64, report, "text")
    assert cache.load(tmp_path, "k" * 64) == (report.model_copy(update={"cached": True}), "text")
    (entry,) = (tmp_path / "cache/testgen").glob("*.json")
    assert entry.stat().st_mode & 0o077 == 0
    whole = entry.read_text()
    for damage in (whole[:-20], whole.replace(':"text"', ':"test"'), "[" * 100_000, "", "{}"):
        entry.write_text(damage)
        assert cache.load(tmp_path, "k" * 64) is None
    entry.write_text(whole)
    entry.rename(entry.with_name("j" * 64 + ".json"))  # the answer to another question
    assert cache.load(tmp_path, "j" * 64) is None

"""Which tests are kept: only what passes three times, whatever the tests themselves say."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tta_interactive.runners.testgen.inside.record import Record
from tta_interactive.runners.testgen.measure import measure, ranges
from tta_interactive.runners.testgen.sheet import Sheet, read_sheet
from tta_interactive.runners.testgen.split import Suite, compose, split
from tta_interactive.runners.testgen.steps import MAX_REPORT, Step, read_report
from tta_interactive.runners.testgen.useless import useful
from tta_interactive.runners.testgen.verify import Verdict, verify

from .conftest import GOOD, Lab

SuiteOf = Callable[[str], Suite]


def judged(lab: Lab, tests: Suite, seconds: float = 2.0) -> Verdict:
    lab.write("m.py", GOOD)
    bench = lab.bench()
    copied = lab.copied(bench)
    return verify(bench, copied.root, tests, "test_m.py", lambda _: None, test_seconds=seconds)


def test_a_failing_test_does_not_sink_the_others(lab: Lab, tests_of: SuiteOf) -> None:
    verdict = judged(
        lab,
        tests_of(
            """
            import pytest
            from m import grade

            def test_good():
                assert grade(90) == "good"

            def test_wrong():
                assert grade(90) == "bad"

            def test_skipped():
                pytest.skip("later")

            @pytest.mark.xfail
            def test_expected_to_fail():
                assert False

            class TestGrades:
                def test_fair(self):
                    assert grade(50) == "fair"

                def test_broken(self):
                    assert False

            def test_missing_fixture(nothing_like_this):
                pass
            """
        ),
    )
    assert verdict.kept == ["test_good"]
    assert set(verdict.failed) == {
        "test_wrong",
        "test_skipped",
        "test_expected_to_fail",
        "TestGrades",
        "test_missing_fixture",
    }


def test_a_test_that_ends_the_process_is_dropped_and_the_rest_survives(
    lab: Lab, tests_of: SuiteOf
) -> None:
    verdict = judged(
        lab,
        tests_of(
            """
            import os, signal, sys, ctypes
            from m import grade

            def test_first():
                assert grade(90) == "good"

            def test_leaves():
                print("1 passed in 0.01s")
                sys.stdout.flush()
                os._exit(0)

            def test_kills():
                os.kill(os.getpid(), signal.SIGKILL)

            def test_crashes():
                ctypes.string_at(0)

            def test_exits():
                raise SystemExit(0)

            def test_interrupts():
                raise KeyboardInterrupt

            def test_forks():
                os.fork()

            def test_last():
                assert grade(50) == "fair"
            """
        ),
    )
    assert verdict.kept == ["test_first", "test_last"]


def test_a_test_that_hangs_even_against_its_alarm_is_dropped(lab: Lab, tests_of: SuiteOf) -> None:
    verdict = judged(
        lab,
        tests_of(
            """
            def test_hangs():
                while True:
                    try:
                        while True:
                            pass
                    except BaseException:
                        pass

            def test_fine():
                assert True
            """
        ),
        seconds=0.3,
    )
    assert verdict.kept == ["test_fine"]


def test_what_depends_on_hashes_or_order_is_flaky(lab: Lab, tests_of: SuiteOf) -> None:
    verdict = judged(
        lab,
        tests_of(
            """
            import sys
            seen = []

            def test_hash():
                assert hash("spam") == hash("spam")
                assert sys.flags.hash_randomization == 0

            def test_a():
                seen.append("a")

            def test_b():
                assert seen == ["a"]

            def test_c():
                assert len(seen) == 1
            """
        ),
    )
    assert "test_a" in verdict.kept
    assert "test_hash" in verdict.flaky
    assert {"test_b", "test_c"} <= set(verdict.flaky)  # each has once run before test_a
    assert not verdict.failed


def test_a_test_cannot_change_the_module_the_tests_or_the_next_run(
    lab: Lab, tests_of: SuiteOf
) -> None:
    lab.level = type(lab.level).NONE
    verdict = judged(
        lab,
        tests_of(
            """
            import m

            def test_edits_the_module():
                open(m.__file__, "a").write("grade = None")

            def test_edits_the_tests():
                open(__file__, "a").write("def test_new(): pass")

            def test_fine():
                assert m.grade(90) == "good"
            """
        ),
    )
    assert verdict.kept == ["test_fine"]


@pytest.mark.parametrize(
    "content",
    [b"", b"not json", b"[1, 2]", b"[" * 200_000, b'{"a": NaN', b"\x80\x04]\x94."],
    ids=["empty", "words", "list", "deep", "cut", "pickle"],
)
def test_a_report_that_is_no_object_counts_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    assert read_report(path) is None
    sheet = read_sheet(path, b"key")
    assert (sheet.outcomes, sheet.status) == ({}, None)
    assert not sheet.is_believable(Step("exited", 1, "", 0.1))


def test_a_report_is_read_through_no_link_pipe_or_endless_file(tmp_path: Path) -> None:
    real = tmp_path / "real.json"
    real.write_text("{}")
    link, fifo, large = tmp_path / "link", tmp_path / "fifo", tmp_path / "large"
    link.symlink_to(real)
    os.mkfifo(fifo)
    with large.open("wb") as file:
        file.truncate(MAX_REPORT + 1)
    assert read_report(real) == {}
    for path in (link, fifo, large, tmp_path / "none", tmp_path):
        assert read_report(path) is None


def recorded(path: Path, *events: dict[str, object], key: bytes = b"key") -> Path:
    """A report as the plugin writes it."""
    record = Record(str(path), key)
    for event in events:
        record.tell(**event)
    return path


STARTED = {"event": "started", "test": "test_a"}
PASSED = {"event": "ended", "test": "test_a", "outcome": "passed", "text": ""}
OUR_OWN: list[dict[str, object]] = [
    {"event": "ended", "test": "test_tta_canary_passes", "outcome": "passed", "text": ""},
    {"event": "ended", "test": "test_tta_canary_fails", "outcome": "failed", "text": "no"},
    {"event": "finished", "status": 1},
]


def test_a_sheet_names_the_test_that_was_running(tmp_path: Path) -> None:
    path = recorded(
        tmp_path / "sheet.jsonl", STARTED, PASSED, {"event": "started", "test": "test_b"}
    )
    sheet = read_sheet(path, b"key")
    assert (sheet.outcomes, sheet.unfinished, sheet.status) == ({"test_a": ""}, "test_b", None)


def test_a_sheet_is_believed_only_if_nothing_meddled(tmp_path: Path) -> None:
    def sheet(*events: dict[str, object], more: str = "", key: bytes = b"key") -> Sheet:
        path = tmp_path / "sheet.jsonl"
        path.unlink(missing_ok=True)
        recorded(path, *events, key=key)
        path.write_text(path.read_text() + more)
        return read_sheet(path, b"key")

    ended = Step("exited", 1, "", 0.1)
    good = sheet(STARTED, PASSED, *OUR_OWN)
    assert good.outcomes == {"test_a": ""}
    assert good.is_believable(ended)
    for bad_end in (Step("exited", 0, "", 0.1), Step("stopped", 1, "", 9.0)):
        assert not good.is_believable(bad_end)
    for doubtful in (
        sheet(STARTED, PASSED, *OUR_OWN[:2]),  # pytest did not come to its end
        sheet(STARTED, PASSED, *OUR_OWN[2:]),  # our own tests did not run
        sheet(*OUR_OWN, {**OUR_OWN[1], "outcome": "passed"}),  # a failing test passes
        sheet(*OUR_OWN, {"event": "finished", "status": 0}),
        sheet(STARTED, PASSED, *OUR_OWN, key=b"other"),
        sheet(STARTED, PASSED, *OUR_OWN, more=json.dumps(PASSED) + "\n"),
    ):
        assert not doubtful.is_believable(ended)


def test_what_each_test_reaches_is_known(lab: Lab, tests_of: SuiteOf) -> None:
    lab.write("m.py", GOOD)
    bench = lab.bench()
    tests = tests_of(
        """
        from m import grade, initials

        def test_good():
            assert grade(90) == "good"

        def test_good_again():
            assert grade(91) == "good"

        class TestNames:
            def test_initials(self):
                assert initials("Ada Lovelace") == "AL"
        """
    )
    measured = measure(bench, lab.copied(bench), tests, "test_m.py")
    useful_tests = measured.useful()
    assert "TestNames" in useful_tests
    assert len(useful_tests & {"test_good", "test_good_again"}) == 1
    assert 9 in measured.missing  # raise ValueError


def test_of_tests_that_reach_the_same_one_stays() -> None:
    one, two, three = (1, 2), (2, 3), (3, 4)
    assert useful({"a": [one], "b": [one, two]}, []) == {"b"}
    assert useful({"a": [one], "b": [one]}, []) in ({"a"}, {"b"})
    assert useful({"a": [one, two], "b": [two, three], "c": [two]}, []) == {"a", "b"}
    assert useful({"a": [one]}, [one]) == set()


def test_lines_are_told_as_ranges() -> None:
    assert ranges((7, 3, 8, 9)) == "3, 7-9"
    assert ranges(()) == ""


def test_a_file_is_taken_apart_and_only_needed_imports_come_back() -> None:
    tests = split(
        '"""Head."""\nimport os\nimport pytest\nfrom m import a, b\n\n\n'
        "def test_a():\n    assert a() == 1\n\n\n"
        "@pytest.mark.slow\ndef test_b():\n    assert b() == 2\n\n\n"
        "def test_a():\n    assert a() == 3\n"
    )
    assert [unit.name for unit in tests.units] == ["test_a", "test_b", "test_a_2"]
    assert compose(tests.only(["test_a_2"])) == (
        "from m import a\n\n\ndef test_a_2():\n    assert a() == 3\n"
    )
    assert compose(tests.only(["test_b"])).startswith(
        "import pytest\n\nfrom m import b\n\n\n@pytest.mark.slow\ndef test_b"
    )


def test_two_files_join_without_losing_a_name() -> None:
    first, second = split("def test_a(): pass\n"), split("def test_a(): assert 1\n")
    assert [unit.name for unit in first.joined(second).units] == ["test_a", "test_a_2"]

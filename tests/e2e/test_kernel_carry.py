"""Variables that a cell gets with --in and gives back with --out, in a real kernel."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.e2e.kernel import Kernel, usage_error
from tta_interactive.blocking import BlockingEngine

needs_arrays = pytest.mark.skipif(find_spec("pandas") is None, reason="pandas is not installed")
EVIL = "class Evil:\n    def __reduce__(self): return (open, ('{trap}', 'w'))\nz = Evil()"


def trap(kernel: Kernel) -> Path:
    return kernel.workspace / "opened"


def test_variables_go_in_and_come_back_as_they_were(kernel: Kernel) -> None:
    kernel.run(
        "class Box:\n    def __init__(self, n): self.n = n\n"
        "double = lambda n: n * 2\nsize, name, box, pair = 3, 'ü', Box(4), (1, float('inf'))"
    )
    reply = kernel.run(
        "%%tta_submit --in size,name,box --in pair,double --out box,sizes --out pair,data\n"
        "sizes = {name: [double(size), None, True, 2.5]}\nbox.n += 1\ndata = b'\\x00\\xff'\nsize"
    )
    assert reply.status == "ok", reply.error
    assert kernel.run("%tta_wait").text.endswith("\n3")
    assert kernel.value("sizes") == {"ü": [6, None, True, 2.5]}
    assert kernel.value("[box.n, type(box) is Box, pair == (1, float('inf'))]") == [5, True, True]
    assert kernel.value("list(data)") == [0, 255]


def test_a_variable_is_set_when_the_task_is_waited_for_and_not_before(kernel: Kernel) -> None:
    kernel.run("later = 1\nfrom tta_interactive import BlockingEngine")
    kernel.run("%%tta_submit --quiet --out later\nlater = 2")
    kernel.run("t = %tta_status --last\nBlockingEngine().wait(t.id)")
    assert kernel.value("later") == 1
    kernel.run("await t")
    assert kernel.value("later") == 2
    kernel.run("later = 3; t.result()")
    assert kernel.value("later") == 2


@needs_arrays
def test_arrays_and_data_frames_travel_as_files_and_the_same_one_only_once(kernel: Kernel) -> None:
    kernel.run(
        "import numpy as np, pandas as pd\nx = np.arange(400_000.).reshape(2, -1)\n"
        "df = pd.DataFrame({'n': range(50_000), 'word': 'abc'})"
    )
    for name in ("a", "b"):
        kernel.run(f"%%tta_submit --quiet --name {name} --in x,df --out y,more\ny = x + 1\n"
                   "more = df.assign(double=df.n * 2)")  # fmt: skip
        assert kernel.run(f"%tta_wait {name}").status == "ok"
    assert kernel.value("bool((y == x + 1).all())") is True
    assert kernel.value("list(more.columns)") == ["n", "word", "double"]
    files = list((kernel.home / "store" / "values").iterdir())
    assert len(files) == 2
    assert {len(file.name) for file in files} == {40}


@needs_arrays
@pytest.mark.sandbox
def test_a_file_of_a_variable_can_be_read_in_the_sandbox(kernel: Kernel) -> None:
    kernel.run("import numpy as np\nx = np.ones(200_000)")
    kernel.run("%%tta_submit --quiet --sandbox namespaces --in x --out y\ny = x * 2")
    reply = kernel.run("%tta_wait")
    assert reply.status == "ok", reply.error
    assert kernel.value("float(y.sum())") == 400_000.0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("%%tta_submit --in nobody\n1", "--in names 'nobody', which is not defined here."),
        ("%%tta_submit --in lock\n1", "The variable 'lock' (of type lock) cannot be sent"),
        ("%%tta_submit --in 1x\n1", "'1x' is no name of a variable"),
        ("%%tta_submit shell --in small\n1", "--in and --out carry variables to Python text"),
        ("%tta_submit operator:neg 1 --out x", "--in and --out carry variables to Python text"),
    ],
)
def test_what_cannot_be_carried_is_named_at_submit(kernel: Kernel, code: str, words: str) -> None:
    kernel.run("import threading; lock = threading.Lock(); small = 1")
    assert words in usage_error(kernel.run(code))


def test_a_variable_over_the_cap_is_named_with_its_size_and_the_cap() -> None:
    with Kernel(TTA_MAX_VALUE_BYTES="300000") as kernel:
        kernel.run("big = bytearray(400_000); small = bytes(200_000)")
        words = usage_error(kernel.run("%%tta_submit --in big\n1"))
        assert "'big' (of type bytearray) has 400,000 bytes; allowed are 300,000" in words
        assert list((kernel.home / "store" / "values").iterdir()) == []
        kernel.run("%%tta_submit --quiet --in small --out grown\ngrown = small * 2")
        error = kernel.run("%tta_wait").error
        assert "'grown' (of type bytes) has 400,000 bytes; allowed are 300,000" in error
        assert len(error.splitlines()) == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("x = 1", "--out names 'z', which the cell did not set."),
        ("import threading; z = threading.Lock()", "The value 'z' (of type lock) cannot be"),
    ],
)
def test_what_cannot_be_carried_back_fails_the_task(kernel: Kernel, body: str, words: str) -> None:
    kernel.run(f"%%tta_submit --quiet --out z\n{body}")
    assert words in kernel.run("%tta_wait").error


def test_another_kernel_gets_data_unasked_and_a_pickle_when_it_says_so(kernel: Kernel) -> None:
    kernel.run("%%tta_submit --quiet --name left --out z,n\nz = {1, 2}\nn = [3]")
    kernel.run("%tta_wait left")
    kernel.restart()
    assert kernel.run("%tta_wait left").status == "ok"
    assert kernel.run("z").status == "error"  # nothing is set for a task of another kernel
    kernel.run("h = %tta_status left")
    assert kernel.run("h.value('n')").text == "[3]"
    refused = kernel.run("h.value('z')").error
    assert "another kernel submitted it. If it is yours: handle.value('z', trusted=True)" in refused
    assert kernel.run("h.value('z', trusted=True)").text == "{1, 2}"
    assert "left no value 'q'. It carries back: z, n" in kernel.run("h.value('q')").error


def test_a_pickle_of_somebody_elses_task_is_never_opened(kernel: Kernel) -> None:
    code = EVIL.format(trap=trap(kernel))
    params = {"code": code + "\nn = 5", "outputs": ["z", "n"]}
    with BlockingEngine(kernel.home / "store", owner="mcp:agent") as agent:
        task_id = agent.submit("python", params, workspace=str(kernel.workspace))
        agent.wait(task_id, 30)
    kernel.run(f"z = 'mine'\n%tta_wait {task_id}\nh = %tta_status {task_id}")
    assert kernel.value("z") == "mine"
    assert kernel.value("h.value('n')") == 5
    refused = kernel.run("h.value('z', trusted=True)").error
    assert "it was not submitted by a notebook, or repeats a task that was not" in refused
    kernel.run("from tta_interactive import BlockingEngine")
    kernel.run(f"again = BlockingEngine(owner='notebook').retry('{task_id}')\n%tta_wait {{again}}")
    kernel.run("h = %tta_status {again}")
    assert "not submitted by a notebook" in kernel.run("h.value('z', trusted=True)").error
    assert not trap(kernel).exists()


@pytest.mark.sandbox
def test_a_pickle_does_not_leave_the_sandbox(kernel: Kernel) -> None:
    code = EVIL.format(trap=trap(kernel))
    kernel.run(f"%%tta_submit --quiet --sandbox namespaces --out z\n{code}")
    assert "it ran in a sandbox, which it would thus leave" in kernel.run("%tta_wait").error
    assert not trap(kernel).exists()


def test_a_link_in_place_of_a_value_is_not_followed(kernel: Kernel) -> None:
    secret = kernel.workspace / "secret"
    secret.write_text("[1]")
    kernel.run(
        "%%tta_submit --quiet --name sly --out z\nz = [2]\nimport atexit, glob, os\n"
        "def swap():\n"
        f"    (path,) = glob.glob('{kernel.home}/store/attempts/*/io/out/z.json')\n"
        f"    os.unlink(path); os.symlink('{secret}', path)\n"
        "atexit.register(swap)"
    )
    assert "The value 'z' cannot be read" in kernel.run("%tta_wait sly").error


def test_a_stored_variable_that_was_changed_is_not_opened(kernel: Kernel) -> None:
    kernel.run("blob = bytes(200_001)")
    kernel.run("gate = %tta_submit shell --quiet -- sleep 1")
    kernel.run("%%tta_submit --quiet --after {gate} --in blob\nlen(blob)")
    for file in (kernel.home / "store" / "values").iterdir():
        file.write_bytes(file.read_bytes()[:-5] + b"xxxxx")
    assert "its file was changed" in kernel.run("%tta_wait").error


def test_a_retry_of_a_task_of_this_kernel_is_its_own_too(kernel: Kernel) -> None:
    kernel.run("%%tta_submit --quiet --out z\nz = {1, 2}")
    kernel.run("%tta_wait --quiet\nz = None\nt = %tta_status --last\nagain = t.retry()")
    kernel.run("%tta_wait again --quiet")
    assert kernel.run("z").text == "{1, 2}"
    kernel.run("z = None\nonce_more = %tta_retry again\nawait once_more")
    assert kernel.run("z").text == "{1, 2}"


def test_retrying_sends_the_same_variables(kernel: Kernel) -> None:
    kernel.run("blob = bytes(200_002)\nfrom tta_interactive import BlockingEngine")
    kernel.run("%%tta_submit --quiet --in blob\nlen(blob)")
    kernel.run("%tta_wait\nt = %tta_status --last\nagain = BlockingEngine().retry(t.id)")
    assert kernel.run("%tta_wait {again}").text.endswith("200002")

"""Put the test file where it belongs: whole or not at all, and never over a foreign file.

A file of ours says so, and carries a hash of itself: only one that nobody has edited since, and
that tests the same module, is replaced unasked.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Generator
from pathlib import Path

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.module import inside
from tta_interactive.runners.testgen.reading import NotRegularError, open_regular

MARK = re.compile(
    r"^# Made by tta-interactive for ([\w.]+); hash of all other lines: ([0-9a-f]{32})$", re.M
)
MAX_FILE = 4 * 1024 * 1024
BLANK_MARK = "# Made by tta-interactive for {}; hash of all other lines: {}"


def default_output(short_name: str) -> str:
    """`tests/test_<module>.py`, without the underscores around the module's name."""
    return f"tests/test_{short_name.strip('_') or 'module'}.py"


def checked_output(output_path: str, workspace: Path) -> Path:
    """The output path relative to the workspace.

    Raises:
        TaskFailure: It leads elsewhere, or is no Python file.
    """
    relative = inside(output_path, workspace)
    if relative.suffix != ".py":
        raise TaskFailure(
            "bad_path",
            f"The output path {output_path[:200]!r} is no Python file.",
            "Give a path that ends in .py, such as tests/test_auth.py.",
        )
    if not (relative.name.startswith("test_") or relative.stem.endswith("_test")):
        raise TaskFailure(
            "bad_path",
            f"pytest would not find tests in {output_path[:200]!r}.",
            "Let the file's name begin with test_.",
        )
    return relative


def unsigned_mark(module: str) -> str:
    """The line that will mark a file as ours, while its text may still change."""
    return BLANK_MARK.format(module, "0" * 32)


def signed(text: str, module: str) -> str:
    """The text with the hash of its other lines in its `unsigned_mark`."""
    before, mark, after = text.partition(unsigned_mark(module) + "\n")
    hashed = BLANK_MARK.format(module, _hash(before + after)) + "\n" if mark else ""
    return before + hashed + after


def is_ours(text: str, module: str) -> bool:
    """Whether we made the text for the module and nobody has changed it since."""
    mark = MARK.search(text)
    if mark is None or mark.group(1) != module:
        return False
    rest = text[: mark.start()] + text[mark.end() + 1 :]
    return _hash(rest) == mark.group(2)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def check_free(relative: Path, workspace: Path, module: str, *, overwrite: bool) -> None:
    """Raise `TaskFailure` unless the file may be written."""
    with contextlib.suppress(FileNotFoundError), _folder(relative, workspace, make=False) as folder:
        _check_target(folder, relative, module, overwrite=overwrite)


def write_test_file(
    text: str, relative: Path, workspace: Path, module: str, *, overwrite: bool
) -> None:
    """Write the file, with the directories that it needs.

    Raises:
        TaskFailure: Something foreign is in the way, or the place cannot be written.
    """
    try:
        with _folder(relative, workspace, make=True) as folder:
            replaces = _check_target(folder, relative, module, overwrite=overwrite)
            _put(folder, relative.name, text.encode(), replaces=replaces)
    except FileExistsError:
        raise _in_the_way(relative, "appeared while the tests were made") from None
    except OSError as error:
        raise _not_written(relative, error) from None


def read_output(relative: Path, workspace: Path) -> bytes | None:
    """What the file holds now; None: there is none.

    Raises:
        TaskFailure: Something is there that is no regular file of a usable size.
    """
    try:
        with _folder(relative, workspace, make=False) as folder:
            return _data(folder, relative)
    except FileNotFoundError:
        return None


def put_back(relative: Path, workspace: Path, written: bytes, before: bytes | None) -> None:
    """Undo a write, if the file is still as we wrote it; None: nothing was there before."""
    with (
        contextlib.suppress(OSError, TaskFailure),
        _folder(relative, workspace, make=False) as folder,
    ):
        if _data(folder, relative) != written:
            return
        if before is None:
            os.unlink(relative.name, dir_fd=folder)
        else:
            _put(folder, relative.name, before, replaces=True)


def replace_file(relative: Path, workspace: Path, data: bytes, before: bytes) -> None:
    """Write over a file that is to be extended.

    Raises:
        TaskFailure: It is no longer as it was, or cannot be written.
    """
    try:
        with _folder(relative, workspace, make=False) as folder:
            if _data(folder, relative) != before:
                raise TaskFailure(
                    "output_exists",
                    f"The test file {str(relative)!r} was changed while tests for it were made.",
                    "Nothing was written. Try again.",
                )
            _put(folder, relative.name, data, replaces=True)
    except OSError as error:
        raise _not_written(relative, error) from None


def _put(folder: int, name: str, data: bytes, *, replaces: bool) -> None:
    part = f".{name}.{os.getpid()}.part"
    number = os.open(
        part,
        os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC,
        0o644,
        dir_fd=folder,
    )
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replaces:
            os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            # A link, unlike a rename, fails if something has taken the name by now.
            os.link(part, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            os.unlink(part, dir_fd=folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part, dir_fd=folder)
        raise
    os.fsync(folder)


@contextlib.contextmanager
def _folder(relative: Path, workspace: Path, *, make: bool) -> Generator[int]:
    """The directory of the file, reached from the workspace without following a link."""
    folder = os.open(workspace, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in relative.parts[:-1]:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o777, dir_fd=folder)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                below = os.open(part, flags, dir_fd=folder)
            except NotADirectoryError:
                raise TaskFailure(
                    "bad_path",
                    f"The output path {str(relative)!r} goes through {part!r}, which is a link or "
                    "a file.",
                    "Choose an output_path whose directories are real ones.",
                ) from None
            os.close(folder)
            folder = below
        yield folder
    finally:
        os.close(folder)


def _check_target(folder: int, relative: Path, module: str, *, overwrite: bool) -> bool:
    """Whether a file is there that may be replaced; False: nothing is there."""
    try:
        text = _data(folder, relative).decode("utf-8", "replace")
    except FileNotFoundError:
        return False
    if overwrite or is_ours(text, module):
        return True
    mark = MARK.search(text)
    if mark is None:
        why = "exists and was not made by tta-interactive"
    elif mark.group(1) != module:
        why = f"holds the tests of {mark.group(1)!r}"
    else:
        why = "was edited after tta-interactive made it"
    raise TaskFailure(
        "output_exists",
        f"The test file {str(relative)!r} {why}.",
        "Choose another output_path, or set overwrite=true to replace it.",
    )


def _data(folder: int, relative: Path) -> bytes:
    try:
        with open_regular(relative.name, dir_fd=folder) as file:
            data = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        raise
    except NotRegularError:
        raise _in_the_way(relative, "is no regular file") from None
    except OSError:
        raise _in_the_way(relative, "is a link or cannot be read") from None
    if len(data) > MAX_FILE:
        raise _in_the_way(relative, f"is larger than {MAX_FILE // 1024**2} MiB")
    return data


def _not_written(relative: Path, error: OSError) -> TaskFailure:
    return TaskFailure(
        "not_written",
        f"The test file {str(relative)!r} cannot be written: {error.strerror}.",
        "Choose another output_path, or mend the permissions.",
    )


def _in_the_way(relative: Path, why: str) -> TaskFailure:
    return TaskFailure(
        "output_exists",
        f"The test file {str(relative)!r} {why}.",
        "Choose another output_path.",
    )

"""What a cell of a notebook gets and gives beside its result: variables, pictures, tables.

Loaded by `child` from the file beside it, only when there is something to do. Runs in the
task's process, in any Python from 3.9 on, standard library only. All that it writes is
believed in nothing by whoever reads it.

    <io>/out/NAME.FORM   a variable: json, bin (bytes), npy (a NumPy array), pickle (the rest)
    <io>/shown.json      {"displays": [bundle, ...], "result": bundle or null}

A bundle is {mime type: text}; pictures are base64.
"""

# ruff: noqa: PLC0415  (start-up time: imports stand where they are needed)

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import pickle
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, BinaryIO, cast
else:

    def cast(_: object, value: object) -> object:
        """For the type checker alone."""
        return value


METHODS = {
    "text/html": "_repr_html_",
    "text/markdown": "_repr_markdown_",
    "text/latex": "_repr_latex_",
    "image/svg+xml": "_repr_svg_",
    "image/png": "_repr_png_",
    "image/jpeg": "_repr_jpeg_",
}
MAX_FORM_BYTES = 4 * 1024 * 1024
MAX_SHOWN_BYTES = 16 * 1024 * 1024
MANY_DISPLAYS = 200
DPI = 100
MAX_DEPTH = 50


class RefusedError(Exception):
    """A variable cannot be carried: what is wrong, and what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message, self.remedy = message, remedy


# ---------------------------------------------------------------- variables


def bring_in(inputs: Mapping[str, Mapping[str, str]], folder: str) -> dict[str, Any]:
    """The variables that the notebook sent along.

    Args:
        inputs: Name -> {"text": JSON}, {"pickle": base64} or {"file": digest}.
        folder: Where the files are.
    """
    return {name: _opened(name, sent, folder) for name, sent in inputs.items()}


def _opened(name: str, sent: Mapping[str, str], folder: str) -> Any:
    try:
        if "text" in sent:
            return json.loads(sent["text"])
        # Made by the kernel of whoever submitted this task, and opened in the task's process,
        # which runs that person's code anyway.
        if "pickle" in sent:
            return pickle.loads(base64.b64decode(sent["pickle"]))  # noqa: S301
        with open(os.path.join(folder, sent["file"]), "rb") as file:
            if _digest(file) != sent["file"]:
                raise ValueError("its file was changed")
            file.seek(0)
            return pickle.load(file)  # noqa: S301
    except FileNotFoundError:
        raise RefusedError(
            f"The file of the value {name!r} is gone.", "Submit the task again."
        ) from None
    except ModuleNotFoundError as error:
        raise RefusedError(
            f"The value {name!r} needs the module {error.name!r}, which {sys.executable} "
            "does not have.",
            "Install it there, or submit with the interpreter that has it.",
        ) from None
    except Exception as error:  # boundary: opening a pickle runs the code of its objects
        raise RefusedError(
            f"The value {name!r} cannot be opened: {type(error).__name__}: {error}"[:1000],
            "Send what it is made from, or a file's path.",
        ) from error


def _digest(file: BinaryIO) -> str:
    found = hashlib.blake2b(digest_size=20)
    while data := file.read(1 << 20):
        found.update(data)
    return found.hexdigest()


def carry_out(names: Iterable[str], found: Mapping[str, Any], where: str, limit: int) -> None:
    """Write variables down, each to the disk before this returns.

    Args:
        names: Of the variables.
        found: What the cell has set.
        where: The directory for them; made here.
        limit: Most bytes of one.
    """
    os.mkdir(where, 0o700)
    for name in names:
        if name not in found:
            raise RefusedError(
                f"--out names {name!r}, which the cell did not set.", "Set it, or leave it out."
            )
        form, write = _form_of(found[name])
        path = os.path.join(where, f"{name}.{form}")
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "wb") as file:
            try:
                write(Counted(file, limit))
            except TooLargeError:
                raise RefusedError(
                    f"The value {name!r} (of type {type(found[name]).__name__}) has "
                    f"{size_words(found[name], limit)}; allowed are {limit:,}.",
                    "Write it to a file of the workspace, or set TTA_MAX_VALUE_BYTES higher.",
                ) from None
            except Exception as error:  # boundary: pickling runs the code of the objects
                raise RefusedError(
                    f"The value {name!r} (of type {type(found[name]).__name__}) cannot be "
                    f"carried back: {type(error).__name__}: {error}"[:1000],
                    "Carry back what it is made from, or write it to a file.",
                ) from error
            file.flush()
            os.fsync(file.fileno())
    for folder in (where, os.path.dirname(where)):
        fd = os.open(folder, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)


class TooLargeError(Exception):
    """A value has more bytes than are allowed."""


class Counted:
    """A file that refuses to grow beyond the limit."""

    def __init__(self, file: Any, left: int) -> None:
        self._file, self._left = file, left

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._left -= size
        if self._left < 0:
            raise TooLargeError
        self._file.write(data)
        return size


def size_words(value: Any, limit: int) -> str:
    """How large a value is, where that is quickly known."""
    size = getattr(value, "nbytes", None)
    if not isinstance(size, int) and isinstance(value, (bytes, bytearray, str)):
        size = len(value)
    return f"{size:,} bytes" if isinstance(size, int) else f"over {limit:,} bytes"


def _form_of(value: Any) -> tuple[str, Callable[[Counted], object]]:
    """The plainest form that gives the value back as it was, and how to write it."""
    if is_plain(value):
        data = json.dumps(value, allow_nan=False).encode()
        return "json", lambda file: file.write(data)
    if type(value) is bytes:
        return "bin", lambda file: file.write(value)
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and type(value) is numpy.ndarray and not value.dtype.hasobject:
        return "npy", lambda file: numpy.lib.format.write_array(file, value, allow_pickle=False)
    return "pickle", lambda file: pickler()(file, protocol=5).dump(value)


def pickler() -> Any:
    """Cloudpickle where it is, for it also carries functions and classes of a cell."""
    try:
        import cloudpickle
    except ImportError:
        return pickle.Pickler
    return cloudpickle.Pickler


def is_plain(value: Any, depth: int = 0) -> bool:
    """Whether JSON gives the value back exactly: no tuples, no NaN, no subclasses."""
    if value is None or type(value) is bool:
        return True
    if type(value) is int:
        return value.bit_length() < 10_000
    if type(value) is float:
        return value - value == 0
    if type(value) is str:
        return not any("\ud800" <= c <= "\udfff" for c in value)
    if depth >= MAX_DEPTH:
        return False
    kind = cast("Any", type(value))
    if kind is list:
        return all(is_plain(item, depth + 1) for item in value)
    if kind is dict:
        return all(type(k) is str and is_plain(k) for k in value) and all(
            is_plain(item, depth + 1) for item in value.values()
        )
    return False


# ---------------------------------------------------------------- what is shown


def bundle_of(value: Any, text: str, in_time: Callable[[Callable[[], Any]], Any]) -> dict[str, str]:
    """The value's forms; only the text if it has no others.

    Args:
        value: Any object, whatever its code does.
        text: Its text form.
        in_time: Calls the object's code; gives None when it raises or takes long.
    """
    forms: dict[str, Any] = {}
    kind = cast("Any", type(value))
    if _is_figure(value):
        forms["image/png"] = in_time(lambda: _png(value))
    elif kind is not type:
        if hasattr(kind, "_repr_mimebundle_"):
            made = _data(in_time(lambda: value._repr_mimebundle_(include=None, exclude=None)))
            forms.update(cast("dict[str, Any]", made) if isinstance(made, dict) else {})
        for mime, method in METHODS.items():
            if mime not in forms and hasattr(kind, method):
                forms[mime] = _data(in_time(getattr(value, method)))
    return {"text/plain": text, **_as_texts(forms)}


def _data(made: Any) -> Any:
    """What such a method made, without the metadata that may come with it."""
    return cast("Any", made[0] if isinstance(made, tuple) and made else made)


def _as_texts(forms: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for mime, made in forms.items():
        if mime not in METHODS or made is None:
            continue
        text = base64.b64encode(made).decode() if isinstance(made, bytes) else made
        if not isinstance(text, str):
            continue
        if len(text) > MAX_FORM_BYTES:
            print(f"[{mime} of {len(text):,} bytes is left out]")  # noqa: T201  (to the log)
        else:
            found[mime] = text.encode("utf-8", "replace").decode()
    return found


def _is_figure(value: Any) -> bool:
    figure: Any = sys.modules.get("matplotlib.figure")
    return figure is not None and isinstance(value, figure.Figure)


def _png(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, bbox_inches="tight")
    return file.getvalue()


def open_figures() -> list[Any]:
    """The figures that pyplot holds: what a notebook shows at the end of a cell."""
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    return [pyplot.figure(number) for number in pyplot.get_fignums()] if pyplot else []


class Shown:
    """What a cell shows: its text goes to the log at once, its other forms to a file.

    Args:
        text_of: A value's bounded text.
        in_time: Calls foreign code; gives None when it raises or takes long.
    """

    def __init__(
        self, text_of: Callable[[Any], str], in_time: Callable[[Callable[[], Any]], Any]
    ) -> None:
        self._text_of, self._in_time = text_of, in_time
        self._displays: list[dict[str, str]] = []
        self._figures: list[int] = []

    def display(self, *values: Any) -> None:
        """Show values, in a notebook in their richest form."""
        for value in values:
            text = self._text_of(value)
            sys.stdout.write(text + "\n")
            self._figures.append(id(value))
            if len(self._displays) < MANY_DISPLAYS:
                self._displays.append(bundle_of(value, text, self._in_time))

    def leave(self, value: Any, directory: str) -> None:
        """Write everything down, with the open figures and the forms of a last value."""
        result = None
        if value is not None:
            forms = bundle_of(value, self._text_of(value), self._in_time)
            result = forms if len(forms) > 1 else None
            self._figures.append(id(value))
        self.display(*[one for one in open_figures() if id(one) not in self._figures])
        if self._displays or result:
            write_shown(directory, self._displays, result)


def write_shown(
    directory: str, displays: list[dict[str, str]], result: dict[str, str] | None
) -> None:
    """Leave what was shown; of too much the first."""
    left = MAX_SHOWN_BYTES
    kept: list[dict[str, str]] = []
    for bundle in [*([result] if result else []), *displays]:
        left -= sum(map(len, bundle.values()))
        kept.append(bundle if left >= 0 else {"text/plain": bundle["text/plain"]})
    first = kept.pop(0) if result else None
    data = json.dumps({"displays": kept, "result": first}).encode()
    fd = os.open(os.path.join(directory, "shown.json"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)

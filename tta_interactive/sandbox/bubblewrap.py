"""The profile of a contained task, as a bubblewrap command line.

What it sees: the system's programs and its interpreter (read only), its workspace, its scratch
directory. What it does not see: any home, the task store, other processes, the network and
the abstract sockets of this machine. Its processes end with bubblewrap, whatever they do.
"""

import os
from collections.abc import Iterable, Mapping, Sequence

NONE, LIMITS, LANDLOCK, NAMESPACES = range(4)

REMEDY = (
    "Install bubblewrap (package 'bubblewrap') and see that user namespaces are allowed; "
    "`tta doctor` shows what is missing. Or ask for a lower level with sandbox=limits."
)
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc")
EMPTIED = ("/tmp", "/home", "/root", "/run", "/var")  # noqa: S108  (nothing is written there)
# In a home that is itself the workspace these stay hidden.
SECRETS = (
    ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".netrc", ".pypirc", ".npmrc",
    ".git-credentials", ".config/gcloud", ".config/gh", ".password-store", ".mozilla",
)  # fmt: skip
PROBE_SECONDS = 5.0
PROBE_WORD = "contained"
_found: list[tuple[int, str]] = []


def wrap(
    argv: Sequence[str],
    *,
    level: int = NAMESPACES,
    workspace: str,
    writable: Sequence[str] = (),
    readable: Sequence[str] = (),
    workspace_writable: bool = True,
    network: bool = False,
    store: str = "",
    home: str | None = None,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> list[str]:
    """The command that runs `argv` contained. Below NAMESPACES: `argv` itself.

    Args:
        workspace: The current directory of the command.
        writable: More directories it may write in.
        readable: More places it may read, such as `interpreter_places(...)`.
        store: The directory of the task store, hidden wherever it lies.
        home: The home to hide; default: HOME.
        environment: All variables of the command; None: those that bubblewrap is started with.
            A command line can be read by every user of the machine: secrets only the other way.
        options: More options of bubblewrap itself.
    """
    if level < NAMESPACES:
        return list(argv)
    home = os.environ.get("HOME", "") if home is None else home
    workspace = os.path.realpath(workspace)
    bind = "--bind" if workspace_writable else "--ro-bind"
    inside = [os.path.realpath(place) for place in writable]
    command = [
        _program() or "/usr/bin/bwrap",
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
    ]
    command += ["--share-net"] if network else []
    command += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", *options]
    # A workspace that is `/` comes first: everything else then covers parts of it.
    command += [bind, "/", "/"] if workspace == "/" else []
    command += _system(links=workspace != "/", network=network)
    command += _emptied(home if workspace == "/" or not _covers(workspace, home) else "")
    shown = [*inside, *([workspace] if workspace != "/" else [])]
    for place in _outermost(p for p in readable if not _exposes(p, home, store)):
        if not any(_covers(outer, place) for outer in shown):
            command += ["--ro-bind-try", place, place]
    if workspace != "/":
        command += [bind, workspace, workspace, *_secrets(workspace, home)]
    if masked := _masked_store(workspace, store):
        # What lies in the store and was asked for by name is shown again, read only.
        ours = [p for p in _outermost(readable) if _covers(os.path.realpath(store), p)]
        command += masked
        for place in ours:
            command += ["--ro-bind-try", place, place]
    for place in sorted(inside, key=len):
        command += ["--bind", place, place]
    command += ["--proc", "/proc", "--dev", "/dev", "--chdir", workspace]
    if environment is not None:
        command += ["--clearenv"]
        for name, value in environment.items():
            command += ["--setenv", name, value]
    return [*command, "--", *argv]


def _program() -> str:
    """The path of bubblewrap, or nothing. Not by PATH: that may be a task's."""
    for place in ("/usr/bin", "/bin", "/usr/local/bin"):
        path = os.path.join(place, "bwrap")
        if os.access(path, os.X_OK):
            return path
    return ""


def _system(*, links: bool, network: bool) -> list[str]:
    options: list[str] = []
    for place in SYSTEM:
        if os.path.islink(place):  # /bin -> usr/bin
            options += ["--symlink", os.readlink(place), place] if links else []
        elif os.path.exists(place):
            options += ["--ro-bind", place, place]
    return options + (_resolver() if network else [])


def _emptied(home: str) -> list[str]:
    options: list[str] = []
    for place in (*EMPTIED, *([home] if _is_hidable(home) else [])):
        options += ["--tmpfs", place]
    return options


def _resolver() -> list[str]:
    """The file behind /etc/resolv.conf: often in /run, which is emptied."""
    real = os.path.realpath("/etc/resolv.conf")
    return [] if real.startswith("/etc/") else ["--ro-bind-try", real, real]


def _masked_store(workspace: str, store: str) -> list[str]:
    real = os.path.realpath(store) if store else ""
    hidden = real and _covers(workspace, real) and os.path.isdir(real)
    return ["--tmpfs", real] if hidden else []


def _secrets(workspace: str, home: str) -> list[str]:
    """What stays hidden of a home that is the workspace, or lies in it."""
    options: list[str] = []
    if _is_hidable(home) and _covers(workspace, home):
        for name in SECRETS:
            place = os.path.join(home, name)
            if os.path.isdir(place):
                options += ["--tmpfs", place]
            elif os.path.exists(place):
                options += ["--ro-bind", os.devnull, place]
    return options


def _covers(outer: str, inner: str) -> bool:
    """Whether `inner` is `outer` or lies in it."""
    return outer in ("/", inner) or inner.startswith(outer + "/")


def _is_hidable(home: str) -> bool:
    return os.path.isabs(home) and home != "/" and os.path.isdir(home)


def _exposes(place: str, home: str, store: str) -> bool:
    """Whether showing `place` would show a home or the store."""
    place = os.path.abspath(place)
    secret = [p for p in (home, os.path.realpath(store) if store else "") if p not in ("", "/")]
    return place == "/" or any(_covers(place, p) for p in secret)


def _outermost(places: Iterable[str]) -> list[str]:
    """Absolute, without those that lie in another one or in what is shown anyway."""
    kept: list[str] = []
    for place in sorted({os.path.abspath(p) for p in places}, key=len):
        if not any(_covers(outer, place) for outer in (*kept, "/usr", "/etc")):
            kept.append(place)
    return kept


def interpreter_places(python: str) -> list[str]:
    """The directories that a Python interpreter needs: its venv's, and its base's.

    Found without running it: it may be anything.
    """
    places: list[str] = []
    for path in (os.path.abspath(python), os.path.realpath(python)):
        prefix = os.path.dirname(os.path.dirname(path))
        places.append(prefix)
        try:
            with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8") as file:
                lines = [line.partition("=") for line in file.read(65536).splitlines()]
        except (OSError, UnicodeDecodeError):
            continue
        for name, _, value in lines:
            if name.strip() == "home" and os.path.isabs(value.strip()):
                places.append(os.path.dirname(value.strip()))
                places.append(os.path.realpath(os.path.dirname(value.strip())))
    return _outermost(place for place in places if place != "/")


def probe(*, again: bool = False) -> int:
    """The best level of this machine. Found by running it, once in a process.

    Args:
        again: Look even if the answer is known.
    """
    if again or not _found:
        _found[:] = [_try()]
    return _found[0][0]


def _try() -> tuple[int, str]:
    """(level, the first reason against a better one)."""
    # Here, because a zygote imports this module and must stay small.
    import subprocess  # noqa: PLC0415
    import tempfile  # noqa: PLC0415

    if not _program():
        return LIMITS, "bubblewrap (bwrap) is not installed"
    with tempfile.TemporaryDirectory(prefix="tta-probe-") as place:
        command = wrap(["/bin/sh", "-c", f"echo {PROBE_WORD}"], workspace=place, home="")
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PROBE_SECONDS,
                check=False,
                env={"PATH": os.defpath},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return LIMITS, f"bubblewrap cannot be run: {error}"
    # The word, not the exit code: that can be lost to somebody who buries our children.
    if done.stdout.decode(errors="replace").strip() == PROBE_WORD:
        return NAMESPACES, ""
    words = done.stderr.decode(errors="replace").strip().splitlines()
    return LIMITS, f"bubblewrap fails: {words[0][:200] if words else 'without a word'}"


def missing(wanted: int, available: int) -> str:
    """What to say when the wanted level cannot be had."""
    names = ("none", "limits", "landlock", "namespaces")
    reason = f": {_found[0][1]}" if _found and _found[0][1] else ""
    return (
        f"The task asks for the sandbox level {names[min(wanted, 3)]!r}, but this machine has "
        f"{names[available]!r} only{reason}."
    )


def describe() -> dict[str, str | int]:
    """For `tta doctor`: `level` (a number), `word`, and `reason` if it is not the best."""
    level = probe()
    return {"level": level, "word": ("none", "limits", "landlock", "namespaces")[level],
            "reason": _found[0][1]}  # fmt: skip

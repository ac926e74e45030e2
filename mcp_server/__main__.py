"""`tta-mcp`, or `python -m mcp_server`: serve coding agents, by default over stdio."""

import argparse
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

# Before the SDK is used: it would set up `rich` tracebacks, which cost a second each.
logging.basicConfig(
    stream=sys.stderr, level=logging.WARNING, format="tta-mcp: %(levelname)s: %(message)s"
)

if TYPE_CHECKING:
    from mcp_server.policy import Policy
    from mcp_server.server import TTAServer
    from tta_interactive.settings import Settings

NO_SDK = 'tta-mcp needs the MCP SDK. Install it with: pip install "tta-interactive[mcp]".'


def parser() -> argparse.ArgumentParser:
    """The command line: with one private file of the user's, it decides what agents may do."""
    made = argparse.ArgumentParser(
        prog="tta-mcp",
        description="Serve the list of background tasks to a coding agent over MCP. By default it "
        "speaks on standard input and output, and agents may only have tests generated, in a "
        "sandbox.",
        epilog="What is always allowed can stand in ~/.config/tta-interactive/agents.toml, a private "
        "file (allow, ask, roots, share_notebook). No file in a workspace can change these permissions.",
        allow_abbrev=False,
    )
    made.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="KIND[,KIND]",
        help="let agents submit tasks of these kinds too: shell, python, or an installed one; "
        "these run as you, WITHOUT a sandbox. 'generate-unsandboxed' lets tests be generated "
        "where no sandbox can be had. Over HTTP nothing is allowed that is not named here, "
        "'generate' for tests among it, and everything runs in a sandbox",
    )
    made.add_argument(
        "--ask",
        action="append",
        default=[],
        metavar="KIND[,KIND]",
        help="let agents submit tasks of these kinds after you allowed each one (or the kind, until "
        "the server ends), asked through the client; these run as you, WITHOUT a sandbox. Only for "
        "clients that ask you and do not answer by themselves; not over HTTP",
    )
    made.add_argument(
        "--root",
        action="append",
        default=[],
        metavar="DIR",
        help="tasks may work in this directory and below; may be repeated; default: the current "
        "directory",
    )
    made.add_argument(
        "--share-notebook",
        action="store_true",
        help="let agents see the status of your other tasks (of notebooks, terminals, programs)",
    )
    made.add_argument("--home", metavar="DIR", help="directory of the task store")
    web = made.add_argument_group("over HTTP")
    web.add_argument(
        "--http",
        nargs="?",
        const="",
        metavar="HOST:PORT",
        help="serve Streamable HTTP at http://HOST:PORT/mcp; default: 127.0.0.1:8765",
    )
    web.add_argument(
        "--token-file",
        metavar="FILE",
        help="private file with a name and a token on each line; each name sees its own tasks "
        "only; default: http-tokens beside the store, made at the first start",
    )
    web.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="another name by which clients call this server; may be repeated",
    )  # fmt: skip
    web.add_argument(
        "--allow-origin", action="append", default=[], metavar="URL",
        help="origin of a web page that may call, such as https://example.org; may be repeated",
    )  # fmt: skip
    web.add_argument("--tls-cert", metavar="FILE", help="certificate, for TLS")
    web.add_argument("--tls-key", metavar="FILE", help="its key")
    web.add_argument(
        "--behind-tls-proxy",
        action="store_true",
        help="say that whatever reaches this server from other machines came through TLS",
    )
    made.add_argument("--version", action="store_true", help="print the version and exit")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until the host hangs up; 2 for a command line that cannot be served."""
    asked = parser().parse_args(argv)
    # Start-up makes many objects and no garbage: without the collector it takes a fifth less.
    gc.disable()
    try:
        from mcp_server import server  # noqa: PLC0415  (the SDK may be missing)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        print(NO_SDK, file=sys.stderr)  # noqa: T201  (standard error is not the wire)
        return 2
    if asked.version:
        print(f"tta-mcp {server.own_version()}")  # noqa: T201  (nothing is served)
        return 0
    from tta_interactive.errors import TTAError  # noqa: PLC0415  (after the SDK's check)
    from tta_interactive.worker.privacy import become_private  # noqa: PLC0415

    become_private()  # the host's keys are in our environment; tasks run as the same user

    try:
        policy, settings = _configured(asked)
        run = _over_stdio if asked.http is None else _over_http(asked, settings)
    except TTAError as error:
        print(f"tta-mcp: {error}", file=sys.stderr)  # noqa: T201  (as above)
        return 2
    transport = "stdio" if asked.http is None else "http"
    made = server.make_server(policy, settings, transport)
    gc.freeze()
    gc.enable()
    problems: list[str] = []
    try:
        run(made)
    except* TTAError as group:
        problems += _sentences(group)
    for sentence in problems:
        print(f"tta-mcp: {sentence}", file=sys.stderr)  # noqa: T201  (as above)
    return 1 if problems else 0


def _over_stdio(made: "TTAServer") -> None:
    made.run("stdio")


def _over_http(asked: argparse.Namespace, settings: "Settings") -> "Callable[[TTAServer], None]":
    """How to serve over HTTP; all that can be refused is refused here."""
    import anyio  # noqa: PLC0415  (as `server` in main)

    from mcp_server import http  # noqa: PLC0415  (half a second that stdio does not need)
    from mcp_server.announce import Proving, announced  # noqa: PLC0415  (as http)
    from mcp_server.tokens import TokenFile  # noqa: PLC0415  (as http)
    from tta_interactive.core import Core  # noqa: PLC0415  (after the SDK's check)

    host, port = http.parse_place(asked.http or http.DEFAULT)
    place = http.Place(
        host=host,
        port=port,
        hosts=tuple(asked.allow_host),
        origins=tuple(asked.allow_origin),
        certificate=asked.tls_cert,
        key=asked.tls_key,
        proxied=asked.behind_tls_proxy,
    )
    place.check()
    core = Core(settings.home)
    core.store.last_event()  # makes the private directory, or says why not
    core.close()
    tokens = TokenFile(http.token_path(core.home, asked.token_file))
    bound = http.listen(place)
    names = place.names(bound.getsockname()[1])

    def run(made: "TTAServer") -> None:
        port = bound.getsockname()[1]
        scheme = "http" if place.certificate is None else "https"
        url = f"{scheme}://{place.shown_host}:{port}{http.PATH}"
        # The server raises the signal that ended it again: the file must go first.
        signal.signal(signal.SIGTERM, _leave)
        with announced(core.home, port, url, tokens.path) as secret:
            print(  # noqa: T201  (nothing else speaks on it)
                f"tta-mcp: serving {url} for {', '.join(tokens.principals)}; tokens: {tokens.path}",
                file=sys.stderr,
                flush=True,
            )
            app = http.application(made, names, place.origins, tokens)
            anyio.run(http.serve, Proving(app, secret), bound, place)

    return run


def _leave(*_: object) -> None:
    sys.exit(0)


def _sentences(error: BaseException) -> list[str]:
    """What the errors in nested groups say."""
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return [line for each in inner for line in _sentences(each)] or [str(error)]


def _configured(asked: argparse.Namespace) -> "tuple[Policy, Settings]":
    from mcp_server.permissions import (  # noqa: PLC0415  (after the SDK's check)
        Permissions,
        check_out_of_reach,
        permissions_path,
        read_permissions,
    )
    from mcp_server.policy import (  # noqa: PLC0415  (as above)
        Policy,
        allowed_kinds,
        asked_kinds,
        checked_roots,
    )
    from tta_interactive.errors import InvalidRequestError  # noqa: PLC0415
    from tta_interactive.settings import read_settings  # noqa: PLC0415

    remote = asked.http is not None
    path = permissions_path()
    # Over HTTP nothing is allowed that the command line does not name.
    lasting = Permissions() if remote else read_permissions(path)
    kinds, unsandboxed = allowed_kinds([*lasting.allow, *asked.allow], remote=remote)
    ask = asked_kinds([*lasting.ask, *asked.ask], remote=remote)
    if remote and asked.share_notebook:
        raise InvalidRequestError(
            "--share-notebook: over HTTP nobody sees your other tasks. Leave it out."
        )
    settings = read_settings(os.path.abspath(asked.home) if asked.home else None)
    roots = checked_roots(asked.root)
    if lasting.roots:
        roots = (*roots, *checked_roots(list(lasting.roots)))
    check_out_of_reach(path, roots)
    policy = Policy(
        home=Path(os.path.realpath(settings.home)),
        roots=roots,
        kinds=kinds,
        ask=ask - kinds,
        unsandboxed=unsandboxed,
        share_notebook=asked.share_notebook or lasting.share_notebook,
        remote=remote,
    )
    return policy, settings


if __name__ == "__main__":
    sys.exit(main())

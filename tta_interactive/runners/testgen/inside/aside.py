"""What a project's settings let pytest do on the side, put off for one run.

They may measure coverage and fail below a limit, hand the tests to other processes, or write
reports and logs into a tree that is read only here. None of that changes what a test does.
"""

import os
from collections.abc import Generator
from typing import Any

import pytest

# Option -> its value when nothing was asked for.
OFF: dict[str, Any] = {
    # pytest-xdist
    "numprocesses": None,
    "dist": "no",
    "distload": False,
    "tx": [],
    # pytest itself, and pytest-html
    "xmlpath": None,
    "htmlpath": None,
    "log_file": os.devnull,
    "pastebin": None,
}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    # pytest-cov decides here, before the options are read for good.
    early_config.known_args_namespace.no_cov = True
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    for name, value in OFF.items():
        if hasattr(config.option, name):
            setattr(config.option, name, value)
    return (yield)

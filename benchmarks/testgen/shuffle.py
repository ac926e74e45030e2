"""A pytest plugin, `-p benchmarks.testgen.shuffle`: all tests in a random order, seeded."""

import os
import random

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    random.Random(int(os.environ.get("TTA_SHUFFLE", "1"))).shuffle(items)

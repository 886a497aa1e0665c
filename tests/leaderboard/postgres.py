"""A PostgreSQL server of the tests' own; without its programs they skip, in CI they fail."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmark.errors import EngineError
from leaderboard.bench import postgres
from leaderboard.bench.postgres import Server

__all__ = ["Server", "server"]


@contextmanager
def server() -> Iterator[Server]:
    """A server while the context lasts."""
    try:
        postgres.program("postgres")
    except EngineError as problem:
        if os.environ.get("CI") == "true":
            pytest.fail(str(problem))
        pytest.skip(str(problem))
    with postgres.server() as found:
        yield found

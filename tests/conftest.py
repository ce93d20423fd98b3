"""What tests of several folders share, and what is measured while they run.

Counting branches more than doubles the time of whatever runs in the process of the tests. The gates
of `coverage_gates.py` ask whether the tests that were written for a package reach every branch of
it. Those named here drive the whole program through itself, often for long: that such a walk
happens to pass by a branch is no test of it, so nothing is counted.
"""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from coverage import Coverage

from .postgres import Server, running_server

HERE = Path(__file__).parent
UNMEASURED = tuple(
    HERE / name
    for name in (
        "acceptance",
        "agreement",
        "faults",
        "house",
        "validation",
        "web/test_access.py",
        "web/test_blind.py",
        "web/test_structure.py",
    )
)


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores: a third of the time, tests wait for a process or a browser."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is counted comes first: a value that is kept once it is computed is computed there."""
    items.sort(key=_is_unmeasured)


def _is_unmeasured(item: pytest.Item) -> bool:
    return any(item.path.is_relative_to(place) for place in UNMEASURED)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Count nothing during such a test, nor while the fixtures that it asks for are made."""
    measuring = Coverage.current()
    if measuring is None or not _is_unmeasured(item):
        return (yield)
    measuring.stop()
    try:
        return (yield)
    finally:
        measuring.start()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """One PostgreSQL server for the session, or for each worker of it."""
    with running_server() as server:
        yield server

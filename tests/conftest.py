"""What tests of several folders share."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from .postgres import Server, running_server

# How long an example takes, or its making, says what else the machine does.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores: a third of the time, tests wait for a process or a browser."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """One PostgreSQL server for the session, or for each worker of it."""
    with running_server() as server:
        yield server

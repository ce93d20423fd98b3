"""What tests of several folders share."""

from collections.abc import Iterator

import pytest

from .postgres import Server, running_server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """One PostgreSQL server for the session, or for each worker of it."""
    with running_server() as server:
        yield server

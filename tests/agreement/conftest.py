"""A PostgreSQL connection for the tests that compare engines."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from ..postgres import Server


@pytest.fixture(scope="session")
def postgres(postgres_server: Server) -> Iterator[psycopg.Connection[Any]]:
    """A connection that may do anything, for the whole session."""
    with psycopg.connect(postgres_server.admin, autocommit=True) as connection:
        connection.prepare_threshold = None  # tables of one name have other types in each test
        yield connection

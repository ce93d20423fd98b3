"""The disk under PostgreSQL is full, really: that of the table, and that of the server's log."""

import datetime as dt
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from equipoise.ledger import Draft, Entry, Store, open_store, to_body, verify
from equipoise.problems import Refused
from tests.postgres import Server, running_server
from tests.requiring import do_without

START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)


class Disk:
    """A small disk of its own."""

    def __init__(self, at: Path) -> None:
        self.at = at
        at.mkdir()

    def mount(self, size: str) -> None:
        words = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self.at)]
        done = subprocess.run(["mount", *words], capture_output=True, check=False)
        if done.returncode:
            do_without("only root can make a disk full that is nobody else's")

    def grow(self, size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.at)], check=True)

    def hand_over(self) -> None:
        """To the user that the server runs as."""
        shutil.chown(self.at, "embedded_postgres")


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture
def disk(server: Server) -> Iterator[Disk]:
    disk = Disk(server.folder / "disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk.at)], capture_output=True, check=False)


def draft(n: int) -> Draft:
    """An entry that fills a few pages and cannot be compressed."""
    noise = random.Random(n).randbytes(30_000).hex()
    return Draft(
        chain="site-01",
        stream=f"01-{n}",
        version=1,
        type="FormSubmitted",
        at=START + dt.timedelta(minutes=n),
        by="ann",
        role="coordinator",
        reason="",
        body=to_body({"noise": noise}),
    )


def fill(store: Store) -> tuple[list[Entry], Refused]:
    """Record until nothing more can be; what was acknowledged, and what was said then."""
    kept: list[Entry] = []
    for n in range(1, 10_000):
        try:
            kept += store.append([draft(n)])
        except Refused as refused:
            return kept, refused
    raise AssertionError("the disk is too large")


@pytest.mark.requirement("D04")
def test_a_table_without_room_takes_nothing_half(server: Server, disk: Disk) -> None:
    """The act is refused in the system's words; what stands stands, and with room it goes on."""
    disk.mount("2m")
    disk.hand_over()
    place = server.create(realm="live")
    with psycopg.connect(place.admin, autocommit=True) as admin:
        admin.execute(f"CREATE TABLESPACE small LOCATION '{disk.at}'")
        admin.execute("ALTER TABLE ledger_entry SET TABLESPACE small")
    with closing(open_store(place.app)) as store:
        kept, refused = fill(store)
        (problem,) = refused.problems
        assert problem.code == "EQ-G017"
        assert os.strerror(28) in problem.message
        assert kept and list(store.read()) == kept
        assert verify(place.app).problems == ()
        disk.grow("64m")
        kept += store.append([draft(len(kept) + 1)])
        assert list(store.read()) == kept
    assert verify(place.app).problems == ()


@pytest.mark.requirement("D01", "D04")
def test_a_server_that_cannot_write_its_log_keeps_what_it_acknowledged(
    server: Server, disk: Disk
) -> None:
    """It stops itself. Once there is room it recovers, and every acknowledged entry is there."""
    disk.mount("64m")
    place = server.create(realm="live")
    log = server.folder / "data" / "pg_wal"
    with server.away():
        shutil.copytree(log, disk.at, dirs_exist_ok=True)
        subprocess.run(["chown", "-R", "embedded_postgres", str(disk.at)], check=True)
        shutil.rmtree(log)
        log.symlink_to(disk.at)
    with closing(open_store(place.app)) as store:
        kept, refused = fill(store)
        assert [p.code for p in refused.problems] == ["EQ-G028"]
        disk.grow("512m")
        server.revive()
        after = store.append([draft(20_000)])
        found = list(store.read())
    # The one that was under way may be there: it was neither acknowledged nor denied.
    assert found[: len(kept)] == kept
    assert tuple(found[-1:]) == after and len(found) - len(kept) in (1, 2)
    assert verify(place.app).problems == ()

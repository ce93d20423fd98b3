"""Writers in processes of their own: together, and killed; and the server under them."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from equipoise.ledger import open_store, verify
from tests.faults.ledger_writer import N_SITES
from tests.postgres import APP, Server, running_server

WRITER = Path(__file__).with_name("ledger_writer.py")
ROOT = Path(__file__).parents[2]
N_KILLS = 1000 if os.environ.get("EQUIPOISE_NIGHTLY") else 100
"""For each kind of store."""


@pytest.fixture(scope="module")
def server():
    """A server of its own, for it is killed."""
    with running_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def place(request, tmp_path):
    """Where a live ledger is."""
    if request.param == "postgres":
        return request.getfixturevalue("server").create(realm="live").app
    path = tmp_path / "trial.db"
    open_store(path, study="S1", realm="live", create=True).close()
    return str(path)


def start(*args):
    process = subprocess.Popen(
        [sys.executable, WRITER, *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    )
    assert process.stdout.readline() == "ready\n"
    return process


def recorded(place):
    with closing(open_store(place, read_only=True)) as store:
        return list(store.read())


def acknowledged(lines):
    """Every whole line that a writer said; its last may be cut by the kill."""
    words = (line.split() for line in lines if line.endswith("\n"))
    return {(chain, int(seq)): digest for chain, seq, digest in words}


@pytest.mark.requirement("F02", "D09")
def test_eight_processes_on_four_chains(place):
    """Side by side, no gap, no duplicate, and everyone's entries are there."""
    writers = [start(place, f"w{k}", 4, 25) for k in range(8)]
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    said = {}
    for writer in writers:
        with writer:
            mine = acknowledged(writer.stdout.readlines())
        assert writer.returncode == 0
        assert not said.keys() & mine.keys()
        said |= mine
    assert {(e.chain, e.seq): e.digest for e in recorded(place)} == said
    assert verify(place).ok
    assert len(said) == 8 * sum(1 + k % 3 for k in range(25))


class Nursery:
    """Starts writers quickly, and reads what they said."""

    def __init__(self, place: str, folder: Path) -> None:
        self.folder = folder
        self._process = start(place, folder)
        self._n_started = 0
        self.latest: dict[int, Path] = {}

    def spawn(self, how: str, site: int) -> int:
        self._n_started += 1
        name = f"w{self._n_started}"
        self._process.stdin.write(f"{name} {how} {site}\n")
        self._process.stdin.flush()
        self.latest[site] = self.folder / name
        return int(self._process.stdout.readline())

    def n_said(self, site: int | None = None) -> int:
        """How many bytes: by all, or by the latest writer of a site."""
        if site is not None:
            latest = self.latest[site]
            return latest.stat().st_size if latest.exists() else 0
        return sum(p.stat().st_size for p in self.folder.glob("w*"))

    def end(self) -> dict[str, list[str]]:
        (self.folder / "stop").touch()
        with self._process:
            self._process.stdin.close()
            self._process.wait(60)
        errors = [p.read_text() for p in self.folder.glob("*.error")]
        assert errors == []
        return {p.name: p.read_text().splitlines(keepends=True) for p in self.folder.glob("w*")}

    def abandon(self) -> None:
        """After a failure: leave nobody behind."""
        (self.folder / "stop").touch()
        with self._process:
            self._process.kill()


@pytest.fixture
def nursery(place, tmp_path):
    folder = tmp_path / "said"
    folder.mkdir()
    nursery = Nursery(place, folder)
    yield nursery
    nursery.abandon()


def wait_until(is_so) -> None:
    """Somebody is alive and records."""
    for _ in range(6000):
        if is_so():
            return
        time.sleep(0.005)
    raise AssertionError("nobody records any more")


def kill_backend(server: Server, draw: random.Random) -> None:
    """One session of the server, as the kernel does it: all sessions end, and it recovers."""
    with psycopg.connect(server.admin, autocommit=True) as admin:
        query = "SELECT pid FROM pg_stat_activity WHERE usename = %s"
        while not (pids := [pid for (pid,) in admin.execute(query, [APP])]):
            time.sleep(0.01)
    server.kill_backend(draw.choice(pids))
    server.wait()


@pytest.mark.requirement("D01", "F02")
@pytest.mark.timeout(1200)
def test_what_a_killed_process_said_is_there(request, place, nursery):
    """Eight sites record; writers, sessions and the server are killed at random moments.

    Nothing acknowledged is lost, nothing is half there, and every chain holds.
    """
    server = request.getfixturevalue("server") if "://" in place else None
    draw = random.Random(1)
    writers = [nursery.spawn("record", site) for site in range(N_SITES)]
    for k in range(N_KILLS):
        n_before = nursery.n_said()
        wait_until(lambda n=n_before: nursery.n_said() > n)
        time.sleep(draw.random() * 0.03)
        if server is not None and k % 50 == 30:
            server.crash()
        elif server is not None and k % 17 == 4:
            kill_backend(server, draw)
        else:
            site = draw.randrange(N_SITES)
            os.kill(writers[site], signal.SIGKILL)
            writers[site] = nursery.spawn("record", site)
    for site in range(N_SITES):
        wait_until(lambda s=site: nursery.n_said(s))
    said = acknowledged([line for lines in nursery.end().values() for line in lines])
    entries = recorded(place)
    kept = {(e.chain, e.seq): e.digest for e in entries}
    assert said.items() <= kept.items()
    assert {chain for chain, _ in said} == {f"site/{n}" for n in range(N_SITES)}
    assert len(said) > N_KILLS
    acts = Counter((e.by, e.version) for e in entries)
    assert all(n == 1 + version % 3 for (_, version), n in acts.items())
    found = verify(place)
    assert (found.problems, found.entries) == ((), len(entries))


@pytest.mark.requirement("F02", "D09")
def test_acts_on_some_chains_and_on_all_never_meet(place, nursery):
    """Eight processes mix them at random: none waits for ever, none is seen by another."""
    for site in range(N_SITES):
        nursery.spawn("mix", site)
    said = nursery.end()
    assert said == {f"w{k}": ["done\n"] for k in range(1, N_SITES + 1)}
    assert verify(place).problems == ()


@pytest.mark.requirement("F02", "D09")
@pytest.mark.parametrize("sites", [(1, 1), (1, 2)])
def test_of_two_who_record_the_same_version_one_wins(place, nursery, sites):
    """In one chain, and in two chains that are not held together."""
    for site in sites:
        nursery.spawn("race", site)
    (nursery.folder / "go").touch()
    said = [line.split() for lines in nursery.end().values() for line in lines]
    for k in range(60):
        assert sorted(word for number, word in said if number == str(k)) == ["EQ-G001", "won"]
    assert [e.version for e in recorded(place)] == list(range(60))
    assert verify(place).ok

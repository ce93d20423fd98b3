"""Writers in processes of their own: together, and killed."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from equipoise.ledger import open_store, verify

WRITER = Path(__file__).with_name("ledger_writer.py")
N_KILLS = 1000 if os.environ.get("EQUIPOISE_NIGHTLY") else 15


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "trial.db"
    open_store(path, study="S1", realm="live", create=True).close()
    return path


def start(path, name, *, chains=4, n=25):
    process = subprocess.Popen(
        [sys.executable, WRITER, path, name, str(chains), str(n)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def finish(process):
    """What it still had to say."""
    with process:
        return process.stdout.readlines()


def recorded(path):
    store = open_store(path, read_only=True)
    try:
        return {(e.chain, e.seq): e.digest for e in store.read()}
    finally:
        store.close()


def acknowledged(lines):
    """Every whole line that a writer printed; its last may be cut by the kill."""
    words = (line.split() for line in lines if line.endswith("\n"))
    return {(chain, int(seq)): digest for chain, seq, digest in words}


@pytest.mark.requirement("F02", "D09")
def test_eight_processes_on_four_chains(path):
    """Side by side, no gap, no duplicate, and everyone's entries are there."""
    writers = [start(path, f"w{k}") for k in range(8)]
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    said = {}
    for writer in writers:
        mine = acknowledged(finish(writer))
        assert writer.returncode == 0
        assert not said.keys() & mine.keys()
        said |= mine
    assert recorded(path) == said
    assert verify(path).ok
    assert len(said) == 8 * sum(1 + k % 3 for k in range(25))


@pytest.mark.requirement("D01")
@pytest.mark.timeout(1200)
def test_a_killed_writer_loses_nothing_it_said(path):
    """Killed at random moments: what was acknowledged is there, nothing is half there."""
    draw = random.Random(1)
    said = {}
    for k in range(N_KILLS):
        writer = start(path, f"w{k}", n=100_000)
        writer.stdin.write("go\n")
        writer.stdin.flush()
        lines = [writer.stdout.readline() for _ in range(draw.randrange(1, 40))]
        writer.kill()
        said |= acknowledged([*lines, *finish(writer)])
        kept = recorded(path)
        assert said.items() <= kept.items()
        is_checked = k % 50 == 0 or k == N_KILLS - 1 or N_KILLS < 50
        assert not is_checked or verify(path).ok
    streams = {}
    store = open_store(path, read_only=True)
    for entry in store.read():
        streams.setdefault((entry.by, entry.version), []).append(entry)
    store.close()
    for (_, version), entries in streams.items():
        assert len(entries) == 1 + version % 3

"""The vault's real process: many askers at once, and killed while it answers."""

import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from equipoise.randomization import Specification, counter_draws, draw_list
from equipoise.vault import VaultClient, create_vault, read_token, start_vault
from equipoise.vault.stores.seam import Place, read_place

ASKER = Path(__file__).with_name("vault_asker.py")
N_KILLS = 200 if os.environ.get("EQUIPOISE_NIGHTLY") else 10
SPECIFICATION = Specification(
    study="S1", arms=("A", "B"), ratio=(1, 1), blocks=(4, 6), n_planned=200
)
SEED = b"two hundred"


@pytest.fixture(params=["file", "database"])
def directory(request, tmp_path):
    directory, place = tmp_path / "vault", None
    if request.param == "database":
        made = request.getfixturevalue("postgres_server").create_schema()
        place = Place(made.app, made.owner)
    contents = {"A": {"M0": "x"}, "B": {"M0": "y"}}
    create_vault(
        directory, SPECIFICATION, contents=contents, realm="rehearsal", seed=SEED, place=place
    )
    return directory


def start_asker(directory, path, first, last):
    token = read_token(directory, "assign")
    process = subprocess.Popen(
        [sys.executable, ASKER, path, token, str(first), str(last)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def go(askers):
    for asker in askers:
        asker.stdin.write("go\n")
        asker.stdin.flush()


def finish(asker):
    with asker:
        answers = [line.split() for line in asker.stdout.readlines()]
    assert asker.returncode == 0
    return answers


def used(directory):
    """How many entries are used; they must be the first ones of the list."""
    address = read_place(directory)
    if address is None:
        connection = sqlite3.connect(f"file:{directory}/vault.db?mode=ro", uri=True, timeout=30)
    else:
        connection = psycopg.connect(address)
    with closing(connection):
        rows = connection.execute("SELECT number FROM vault_assignment").fetchall()
    numbers = [n for (n,) in rows]
    assert sorted(numbers) == [f"R-{k:03}" for k in range(1, len(numbers) + 1)]
    return len(numbers)


def check_the_end(directory, path, answers):
    """No number twice, all asked for as answered, arms as drawn, everything verified."""
    given = dict(answers)
    assert sorted(given.values()) == [f"R-{k:03}" for k in range(1, 201)]
    assert all(given[participant] == number for participant, number in answers)
    listed = VaultClient(path, read_token(directory, "unblind")).open_list(
        by="t", reason="test", agreed=("a", "b"), populations="d"
    )
    assert {a.participant: a.number for a in listed} == given
    drawn = draw_list(SPECIFICATION, draw_below=counter_draws(SEED))
    assert [a.arm for a in listed] == [a.arm for a in drawn]
    report = VaultClient(path).verify()
    assert (report.ok, report.n_assigned) == (True, 200)


@pytest.mark.requirement("F02", "F03", "D09", "C69")
def test_two_hundred_at_once_from_eight_processes(directory):
    """No duplicate, list order at all times, each participant asked for twice and given one."""
    with start_vault(directory) as vault:
        path = vault.socket_path
        askers = [start_asker(directory, path, 25 * k, 25 * k + 50) for k in range(8)]
        go(askers)
        while used(directory) < 200 and any(a.poll() is None for a in askers):
            time.sleep(0.01)
        answers = [pair for asker in askers for pair in finish(asker)]
        assert len(answers) == 400
        check_the_end(directory, path, answers)


@pytest.mark.requirement("D01", "D02", "F39")
@pytest.mark.timeout(900)
def test_a_killed_vault_loses_no_assignment(directory):
    """Killed at random moments while two ask: every answer given stays, order is kept."""
    draw = random.Random(3)
    vault = start_vault(directory)
    path = vault.socket_path
    askers = [start_asker(directory, path, first, 200 + first) for first in (0, 100)]
    go(askers)
    for k in range(N_KILLS):
        wanted = used(directory) + draw.randrange(1, 1 + max(2, 190 // N_KILLS))
        while used(directory) < min(wanted, 199):
            time.sleep(0.001)
        vault.process.kill()
        vault.stop()
        assert used(directory) >= min(k, 150)
        vault = start_vault(directory)
    answers = [pair for asker in askers for pair in finish(asker)]
    check_the_end(directory, path, answers)
    vault.stop()

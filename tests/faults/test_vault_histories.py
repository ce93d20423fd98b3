"""Fifty clients at once, with time-outs, cancellations, retries and kills: was it one vault?

Each run is written down as somebody at a clock would see it: when it was asked, when answered, and
by whom; lost answers stay open. Then a checker looks for one order of all of them, in which a vault
that does one thing at a time would have given every answer. It knows nothing of our code.
"""

import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from equipoise.randomization import Specification
from equipoise.vault import VaultClient, create_vault, read_token, start_vault

RUNNER = Path(__file__).with_name("vault_runner.py")
IS_NIGHTLY = bool(os.environ.get("EQUIPOISE_NIGHTLY"))
N_RUNS, N_CLIENTS, N_PROCESSES = (10_000 if IS_NIGHTLY else 500), 50, 5
N_KILLS = 60 if IS_NIGHTLY else 6
STRATA = ("s", "t", "u")


class Run(NamedTuple):
    """One question: asked, answered (or never, `inf`), about whom, and the number if one came."""

    asked: float
    answered: float
    participant: str
    stratum: str
    number: str


class Person(NamedTuple):
    """A participant over all runs: first asked, first answered, and the number if one came."""

    stratum: str
    begun: float
    known: float
    numbers: frozenset[str]


def gather(runs: list[Run]) -> dict[str, Person]:
    people: dict[str, Person] = {}
    for run in runs:
        old = people.get(run.participant, Person(run.stratum, run.asked, run.answered, frozenset()))
        got = old.numbers | ({run.number} - {""})
        begun, known = min(run.asked, old.begun), min(run.answered, old.known)
        people[run.participant] = Person(run.stratum, begun, known, got)
    return people


def find_faults(runs: list[Run], lists: dict[str, list[str]]) -> list[str]:
    """Why no single order explains the runs; nothing if one does.

    A vault that does one thing at a time gives a participant's number at some moment between the
    first question about them and the first answer. So each has one number and each number one
    owner; and within a stratum, where the numbers themselves fix the order, the moments can be
    chosen one after the other, each as early as it may be: if one then comes too late, no order
    exists. A number that nobody was told may belong to a question whose answer was lost.
    """
    people = gather(runs)
    faults = [f"{who} has {p.numbers}" for who, p in people.items() if len(p.numbers) > 1]
    owners: dict[str, str] = {}
    for who, number in ((w, n) for w, p in people.items() for n in p.numbers):
        if owners.setdefault(number, who) != who:
            faults.append(f"{number} is {owners[number]}'s and {who}'s")
    for stratum, in_order in lists.items():
        mine = {w: p for w, p in people.items() if p.stratum == stratum}
        faults += find_disorder(mine, in_order)
    return faults


def find_disorder(people: dict[str, Person], in_order: list[str]) -> list[str]:
    """What no order of one stratum's list explains."""
    given = {n: p for p in people.values() for n in p.numbers}
    faults = [f"{n} is not in the list" for n in given if n not in in_order]
    n_lost = sum(not p.numbers for p in people.values())
    last = max((k for k, n in enumerate(in_order) if n in given), default=-1)
    untold = [n for n in in_order[: last + 1] if n not in given]
    faults += [f"{n} was passed over" for n in untold[n_lost:]]
    at = float("-inf")
    for number in (n for n in in_order if n in given):
        at = max(at, given[number].begun)
        if at > given[number].known:
            faults.append(f"{number} was given before an earlier one was asked for")
    return faults


HISTORY = [
    Run(0, 2, "a", "s", "R-1"),
    Run(1, 3, "b", "s", "R-2"),
    Run(4, 5, "a", "s", "R-1"),
    Run(4, float("inf"), "c", "s", ""),
]
LISTS = {"s": ["R-1", "R-2", "R-3", "R-4"]}


@pytest.mark.requirement("F02", "F03")
@pytest.mark.parametrize(
    ("more", "n_faults"),
    [
        ([], 0),
        ([Run(6, 7, "d", "s", "R-3")], 0),
        ([Run(6, 7, "d", "s", "R-4")], 0),  # c's answer was lost, R-3 may be theirs
        ([Run(6, 7, "d", "s", "R-3"), Run(8, 9, "c", "s", "R-3")], 1),
        ([Run(6, 7, "a", "s", "R-3")], 1),
        ([Run(6, 7, "d", "s", "R-9")], 1),
        ([Run(6, 7, "d", "s", "R-4"), Run(8, 9, "e", "s", "R-3")], 1),
        ([Run(6, 7, "d", "s", "R-4"), Run(4, 9, "e", "s", "R-3")], 0),
    ],
)
def test_the_checker_finds_what_is_wrong(more: list[Run], n_faults: int) -> None:
    """Two owners, two numbers, a stranger, an order that no clock allows; and what is right."""
    assert len(find_faults(HISTORY + more, LISTS)) == n_faults


def plan_runs(n_participants: int) -> list[tuple[int, str, str, str]]:
    """Who asks about whom: each participant several times, by different clients, in any order."""
    draw = random.Random(11)
    people = [f"p{k}" for k in range(n_participants)]
    asked = [people[k % n_participants] for k in range(N_RUNS)]
    draw.shuffle(asked)
    manners = ["ask"] * 6 + ["hurry", "hang up", "twice", "reconnect"]
    return [
        (k % N_CLIENTS, who, STRATA[int(who[1:]) % len(STRATA)], draw.choice(manners))
        for k, who in enumerate(asked)
    ]


def list_of(directory: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    with sqlite3.connect(directory / "vault.db") as connection:
        query = "SELECT stratum, number FROM vault_slot ORDER BY position"
        for stratum, number in connection.execute(query):
            found.setdefault(stratum, []).append(number)
    connection.close()
    return found


@pytest.mark.requirement("F02", "F03", "F04", "D09", "D10", "C69", "C70")
@pytest.mark.timeout(3000)
def test_many_clients_see_one_vault(tmp_path: Path) -> None:
    """No duplicate, no order broken, one order explains all answers, and the record is the same."""
    n_participants = N_RUNS // 4
    planned = -(-n_participants // len(STRATA) // 8) * 8 + 8
    specification = Specification(
        study="S1", arms=("A", "B"), ratio=(1, 1), blocks=(4, 8), n_planned=planned, strata=STRATA
    )
    directory = tmp_path / "vault"
    contents = {"A": {"M0": "x"}, "B": {"M0": "y"}}
    create_vault(directory, specification, contents=contents, realm="rehearsal", seed=b"many")
    plan = plan_runs(n_participants)
    vault = start_vault(directory)
    runners = []
    for k in range(N_PROCESSES):
        runner = subprocess.Popen(
            [sys.executable, RUNNER, vault.socket_path, read_token(directory, "assign")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        mine = [r for r in plan if r[0] % N_PROCESSES == k]
        assert runner.stdin is not None
        runner.stdin.write(
            "".join(f"{' '.join(map(str, r)).replace('hang up', 'hang')}\n" for r in mine)
        )
        runner.stdin.close()
        runner.stdin = None
        runners.append(runner)
    path, pace = vault.socket_path, random.Random(5)
    for _ in range(N_KILLS):
        time.sleep(pace.uniform(0.1, 0.6))
        vault.process.kill()
        vault.stop()
        vault = start_vault(directory, socket_path=path)
    runs = []
    for runner in runners:
        output, _ = runner.communicate(timeout=2000)
        assert runner.returncode == 0
        for line in output.splitlines():
            asked, answered, participant, stratum, number = line.split("\t")
            runs.append(Run(float(asked), float(answered), participant, stratum, number))

    assert len(runs) >= N_RUNS
    assert any(not run.number for run in runs), "no answer was lost: too gentle"
    assert find_faults(runs, list_of(directory)) == []
    listed = VaultClient(path, read_token(directory, "unblind")).open_list(
        by="t", reason="test", agreed=("a", "b"), populations="d"
    )
    recorded = {a.participant: a.number for a in listed}
    assert all(recorded[run.participant] == run.number for run in runs if run.number)
    assert VaultClient(path).verify().problems == ()
    vault.stop()

"""Sites that randomize at the same moment, each in a process of its own, through the whole way."""

import datetime as dt
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from equipoise import conduct
from equipoise.conduct import Person, RunningTrial
from equipoise.ledger import open_store, verify
from equipoise.randomization import Specification
from equipoise.study.roles import Role
from equipoise.vault import VaultClient, create_vault, read_token, start_vault
from equipoise.vault.protocol import VaultReport
from tests.faults.randomizer import N_PLANNED, STEPS, randomize
from tests.unit.conduct.conftest import Clock, Course, small_study

ROOT = Path(__file__).parents[2]
N_PEOPLE, N_PROCESSES = 100, 8


@pytest.mark.requirement("F02", "F03", "F04", "D09")
def test_two_hundred_requests_from_eight_processes(tmp_path: Path) -> None:
    """Each of a hundred people is asked for twice: one number each, in list order, all recorded."""
    study = small_study(N_PLANNED)
    specification = Specification(
        study="small", arms=("alpha", "omega"), ratio=(1, 1), blocks=(2,), n_planned=N_PLANNED
    )
    contents = {name: arm.gives for name, arm in study.identity.arms.items()}
    create_vault(tmp_path / "vault", specification, contents=contents, realm="rehearsal")
    token = read_token(tmp_path / "vault", "assign")
    ledger = tmp_path / "trial.db"

    with start_vault(tmp_path / "vault") as vault:
        path = str(vault.socket_path)
        store = open_store(ledger, study="small", realm="rehearsal", create=True)
        trial = RunningTrial(study, store, VaultClient(path, token))
        codes = make_eligible(trial)
        doubled = codes + codes[::-1]
        asked = [doubled[k::N_PROCESSES] for k in range(N_PROCESSES)]
        sites = [start(ledger, path, token, part) for part in asked]
        for site in sites:
            site.communicate_with("go\n")
        answers = [answer for site in sites for answer in site.answers()]
        listed = VaultClient(path, read_token(tmp_path / "vault", "unblind")).open_list(
            by="t", reason="test", agreed=("a", "b"), populations="d"
        )

    given = {code: trial.state.participants[code].number for code in codes}
    assert len(answers) == 2 * N_PEOPLE
    assert {n for _, n in answers} - set(given.values()) <= {"EQ-C050"}
    assert {code for code, n in answers if n != "EQ-C050"} == set(codes)
    assert sorted(given.values()) == [f"R-{k:03}" for k in range(1, N_PEOPLE + 1)]
    assert {a.participant: a.number for a in listed if a.participant} == given
    kinds = [entry.type for entry in store.read()]
    assert kinds.count("ParticipantRandomized") == N_PEOPLE
    assert kinds.count("RandomizationRequested") == N_PEOPLE
    assert verify(store).ok
    store.close()


@pytest.mark.requirement("D02", "F02", "F03")
def test_a_process_that_dies_between_ledger_and_vault_leaves_all_or_nothing(tmp_path: Path) -> None:
    """Killed at each step of an allocation: no entry by halves, and the next call ends it, once.

    Meanwhile the vault has a number for whoever was answered, and for nobody else.
    """
    ledger, arms = tmp_path / "trial.db", tmp_path / "vault"
    study = small_study(N_PLANNED)
    specification = Specification(
        study="small", arms=("alpha", "omega"), ratio=(1, 1), blocks=(2,), n_planned=N_PLANNED
    )
    contents = {name: arm.gives for name, arm in study.identity.arms.items()}
    create_vault(arms, specification, contents=contents, realm="rehearsal")
    token = read_token(arms, "assign")
    n_asked = {"answered": 1, "ParticipantRandomized": 1, "recorded": 1}  # before it died
    n_requested = {"asking": 1, **n_asked}
    with start_vault(arms) as vault:
        path = str(vault.socket_path)
        store = open_store(ledger, study="small", realm="rehearsal", create=True)
        trial = RunningTrial(study, store, VaultClient(path, token))
        codes = make_eligible(trial, len(STEPS))
        numbers = {}
        for n_before, (step, code) in enumerate(zip(STEPS, codes, strict=True)):
            killed = start(ledger, path, token, [step, code])
            killed.communicate_with("go\n")
            with killed.process as process:
                assert process.stdout and process.stdout.read() == ""
            assert process.returncode == -signal.SIGKILL

            subject = trial.state.participants[code]
            kinds = [e.type for e in store.read(stream=code)]
            assert kinds.count("RandomizationRequested") == n_requested.get(step, 0), step
            assert kinds.count("ParticipantRandomized") == (step == "recorded")
            assert bool(subject.number) == (step == "recorded")
            assert vault_of(path, arms).n_assigned == n_before + n_asked.get(step, 0)
            assert verify(store).ok

            said = randomize(trial, code)
            assert (said == "EQ-C050") == (step == "recorded")
            numbers[code] = trial.state.participants[code].number
            assert vault_of(path, arms).n_assigned == n_before + 1
            kinds = [e.type for e in store.read(stream=code)]
            assert [kinds.count(k) for k in (STEPS[0], STEPS[3])] == [1, 1]
        listed = VaultClient(path, read_token(arms, "unblind")).open_list(
            by="t", reason="test", agreed=("a", "b"), populations="d"
        )

    assert sorted(numbers.values()) == [f"R-{k:03}" for k in range(1, len(STEPS) + 1)]
    assert {a.participant: a.number for a in listed if a.participant} == numbers
    assert verify(store).ok
    store.close()


def vault_of(path: str, arms: Path) -> VaultReport:
    """What the vault says of itself; its list, order and log agree."""
    report = VaultClient(path, read_token(arms, "audit")).verify()
    assert report.ok, report.problems
    return report


def make_eligible(trial: RunningTrial, n_people: int = N_PEOPLE) -> list[str]:
    clock = Clock()
    clock.at = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    people = [Person(role.value, role.value, role.value) for role in Role]
    course = Course(trial, clock)
    with trial.store.batch():
        conduct.open_trial(trial, at=clock(), people=people)
        return [course.eligible("01" if k % 2 else "02") for k in range(n_people)]


class Site:
    """A process that randomizes, and what it said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def communicate_with(self, words: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(words)
        self.process.stdin.flush()

    def answers(self) -> list[tuple[str, str]]:
        with self.process as process:
            assert process.stdout
            lines = [line.split() for line in process.stdout]
        assert process.returncode == 0
        return [(code, number) for code, number in lines]


def start(ledger: Path, path: str, token: str, codes: list[str]) -> Site:
    script = [sys.executable, "-m", "tests.faults.randomizer"]
    process = subprocess.Popen(
        [*script, str(ledger), path, token, *codes],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout and process.stdout.readline() == "ready\n"
    return Site(process)

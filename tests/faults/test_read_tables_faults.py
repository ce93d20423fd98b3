"""Processes killed while they write read tables: entries and rows are there together."""

import os
import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from equipoise import conduct
from equipoise.conduct import Person, RunningTrial
from equipoise.ledger import open_store, verify
from equipoise.study.roles import Role
from equipoise.web.server import use_django
from tests.postgres import Server
from tests.unit.conduct.conftest import Clock, Course, small_study

ROOT = Path(__file__).parents[2]
N_KILLS = 60 if os.environ.get("EQUIPOISE_NIGHTLY") else 4
"""For each kind of store and of work."""


@pytest.mark.requirement("C11", "D09")
@pytest.mark.parametrize("what", ["act", "rebuild"])
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_who_is_killed_leaves_entries_and_rows_together(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, what: str
) -> None:
    """At a moment that chance chooses; afterwards the tables are whole, and as a rebuild gives."""
    use_django()
    from equipoise.web.tables.comparing import compare
    from equipoise.web.tables.opening import follow, make_as_owner

    place: str | Path = tmp_path / "t.db"
    if kind == "postgres":
        server: Server = request.getfixturevalue("postgres_server")
        made = server.create(study="small")
        make_as_owner(made.owner)
        place = made.app
    draw = random.Random(kind + what)
    with closing(open_store(place, study="small", realm="rehearsal", create=True)) as store:
        trial, clock = RunningTrial(small_study(), store), Clock()
        people = [Person(role.value, role.value, role.value) for role in Role]
        conduct.open_trial(trial, at=clock(), people=people)
        course = Course(trial, clock)
        code = course.screen()
        course.consent(code)
        tables = follow(store)
        assert tables is not None
        tables.catch_up()
        n_acts = 0
        for _ in range(N_KILLS):
            n_said = kill(place, what, code, after=draw.random())
            n_acts += n_said if what == "act" else 0
            found = compare(tables)
            assert (found.differences, found.n_behind) == ((), 0)
            forms = [e for e in store.read(stream=code) if e.type == "FormSubmitted"]
            rows = tables.database.execute("SELECT count(*) FROM read_form")
            assert rows == [(len(forms),)] and len(forms) >= n_acts
        assert what == "rebuild" or n_acts > N_KILLS
        assert verify(store).problems == ()


def kill(place: str | Path, what: str, code: str, *, after: float) -> int:
    """Let a process work, end it without a word, and tell what it said that it had done."""
    command = [sys.executable, "-m", "tests.faults.tabler", str(place), what, code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdout.readline()
        time.sleep(after)
        process.kill()
        return 1 + len(process.stdout.read().split())

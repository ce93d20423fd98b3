"""Sites that enter forms at the same moment, some of which concern the whole trial."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from equipoise import conduct
from equipoise.conduct import Person, RunningTrial
from equipoise.ledger import open_store, verify
from equipoise.study.roles import Role
from equipoise.web.server import use_django
from tests.faults.acting import guarded_study
from tests.postgres import Server
from tests.unit.conduct.conftest import Clock

ROOT = Path(__file__).parents[2]
N_PEOPLE, N_PROCESSES = 8, 4


@pytest.mark.requirement("F02", "D09")
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_forms_of_two_sites_and_a_rule_for_both(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """No one waits for ever, no form is lost, and the rule that many meet is recorded once.

    The read tables of both sites are written with it, as a rebuild gives them.
    """
    use_django()
    from equipoise.web.tables.comparing import compare
    from equipoise.web.tables.opening import follow, make_as_owner

    if kind == "postgres":
        server: Server = request.getfixturevalue("postgres_server")
        made = server.create(study="small")
        make_as_owner(made.owner)
        place = made.app
    else:
        place = str(tmp_path / "trial.db")
    with closing(open_store(place, study="small", realm="rehearsal", create=True)) as store:
        tables = follow(store)
        assert tables is not None
        tables.catch_up()
        trial, clock = RunningTrial(guarded_study(), store), Clock()
        people = [Person(role.value, role.value, role.value) for role in Role]
        conduct.open_trial(trial, at=clock(), people=people)
        codes = [
            conduct.screen_participant(
                trial, by="coordinator", at=clock(), site=f"0{1 + k % 2}", on=clock.today
            )[0].stream
            for k in range(N_PEOPLE)
        ]
        said = enter_all(place, codes)
        assert sorted(said) == sorted(codes)
        state = trial.state
        assert {len(p.forms) for p in state.participants.values()} == {4}
        assert {len(p.answers) for p in state.participants.values()} == {1}
        assert state.pausing == ("death",)
        kinds = [e.type for e in store.read(chain="control")]
        assert kinds.count("StoppingRuleMet") == 1
        assert verify(store).problems == ()
        compared = compare(tables)
        assert (compared.differences, compared.n_behind) == ((), 0)


def enter_all(place: str, codes: list[str]) -> list[str]:
    """Each site has two processes, which start at the same moment."""
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.acting", place, *codes[k::N_PROCESSES]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )
        for k in range(N_PROCESSES)
    ]  # fmt: skip
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    return [word for process in running for word in process.communicate("go\n")[0].split()]

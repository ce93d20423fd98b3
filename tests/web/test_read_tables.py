"""The read tables: after any history what stands in them is what the ledger gives."""

import os
from collections.abc import Callable
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from equipoise.conduct import TrialState, fold
from equipoise.ledger import open_store
from equipoise.problems import Refused
from equipoise.web.tables.comparing import compare
from equipoise.web.tables.keeping import ReadTables
from equipoise.web.tables.layout import FORM, PARTICIPANT, PERSON, Table
from equipoise.web.tables.opening import follow, make_as_owner
from tests.postgres import Server

from .histories import ARGUMENTS, History

NIGHTLY = bool(os.environ.get("EQUIPOISE_NIGHTLY"))
SIZES: dict[str, Any] = (
    {"max_examples": 150, "stateful_step_count": 60}
    if NIGHTLY
    else {"max_examples": 6, "stateful_step_count": 25}
)
PHASES = tuple(Phase) if NIGHTLY else (Phase.explicit, Phase.generate)
Opened = Callable[[], Any]


def rows(tables: ReadTables, table: Table) -> list[dict[str, Any]]:
    with tables.database.transaction():
        return [dict(zip(table.columns, row, strict=True)) for row in tables.database.scan(table)]


def check_against_state(tables: ReadTables, state: TrialState) -> None:
    """A witness that shares no code with the projector: the folded state says the same."""
    people = {row["person"]: row for row in rows(tables, PERSON)}
    assert {
        p: (x["role"], x["sites"].split(), x["tasks"].split(), bool(x["is_active"]))
        for p, x in people.items()
    } == {p: (x.role, list(x.sites), list(x.tasks), x.is_active) for p, x in state.people.items()}
    found = {row["participant"]: row for row in rows(tables, PARTICIPANT)}
    assert {c: (x["site"], x["status"], x["number"]) for c, x in found.items()} == {
        c: (x.site, x.status, x.number) for c, x in state.participants.items()
    }
    forms = {
        (row["participant"], row["encounter"], row["form"], row["repeat"]): row
        for row in rows(tables, FORM)
    }
    assert {
        key: (msgspec.json.decode(x["content"]), msgspec.json.decode(x["not_done"]), x["version"])
        for key, x in forms.items()
    } == {
        (code, *key): (dict(x.values), dict(x.not_done), x.version)
        for code, subject in state.participants.items()
        for key, x in subject.forms.items()
    }


class Histories(RuleBasedStateMachine):
    """Acts in any order; some while nobody follows; rebuilt, read and opened again in between."""

    open_anew: Opened
    n_entries = 0
    """Recorded in all histories, whose tables were held against the ledger."""

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.store = self.open_anew()
        self.tables = self.following()
        if data.draw(st.booleans()):
            self.tables.rebuild()
        self.history = History(self.store, data.draw)

    def following(self) -> ReadTables:
        tables = follow(self.store)
        assert tables is not None
        return tables

    @rule(name=st.sampled_from(sorted(ARGUMENTS)), data=st.data())
    def act(self, name: str, data: st.DataObject) -> None:
        self.history.draw = data.draw
        self.history.act(name)

    @rule(data=st.data())
    def capture(self, data: st.DataObject) -> None:
        """What happens most often."""
        self.history.draw = data.draw
        self.history.act(data.draw(st.sampled_from(["submit_form", "correct_item"])))

    @rule(data=st.data())
    def enroll(self, data: st.DataObject) -> None:
        self.history.draw = data.draw
        with suppress(Refused):
            self.history.enroll()

    @rule(data=st.data(), n=st.integers(1, 3))
    def act_unfollowed(self, data: st.DataObject, n: int) -> None:
        """As an older program would: the tables are behind until the next act, or reader."""
        self.history.draw = data.draw
        self.store.follower = None
        for _ in range(n):
            name = data.draw(st.sampled_from([*sorted(ARGUMENTS), *["order_redaction"] * 8]))
            self.history.act(name)
        self.tables = self.following()

    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        """What is taken back leaves no row."""
        self.history.draw = data.draw
        with suppress(ZeroDivisionError), self.history.trial.transaction():
            with suppress(Refused):
                self.history.act("screen_participant")
            raise ZeroDivisionError

    @rule()
    def rebuild(self) -> None:
        self.tables.rebuild()

    @rule()
    def read(self) -> None:
        self.tables.catch_up()
        assert self.tables.is_current()
        check_against_state(self.tables, self.history.trial.state)

    @invariant()
    def is_as_rebuilt(self) -> None:
        if hasattr(self, "tables"):
            assert compare(self.tables).differences == ()

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        with closing(self.store):
            if hasattr(self, "history"):
                self.read()
                assert compare(self.tables).n_behind == 0
                # Folding all of the ledger anew, redactions with it, gives the same once more.
                check_against_state(self.tables, fold(TrialState(), self.store.read()))
                type(self).n_entries += sum(head.seq for head in self.store.heads().values())


@pytest.mark.requirement("C11")
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_after_any_history_the_tables_are_as_rebuilt(
    request: pytest.FixtureRequest, kind: str
) -> None:
    """Live, caught up or rebuilt, on both stores: row for row the same, and as the state says."""
    folder, numbers = TemporaryDirectory(), count()
    if kind == "postgres":
        server: Server = request.getfixturevalue("postgres_server")

        def open_anew() -> Any:
            place = server.create(study="small")
            make_as_owner(place.owner)
            return open_store(place.app)
    else:

        def open_anew() -> Any:
            path = Path(folder.name) / f"{next(numbers)}.db"
            return open_store(path, study="small", realm="rehearsal", create=True)

    machine = type("Machine", (Histories,), {"open_anew": staticmethod(open_anew)})
    with folder:
        run_state_machine_as_test(
            machine,
            settings=settings(
                suppress_health_check=list(HealthCheck),
                print_blob=True,
                phases=PHASES,
                **SIZES,
            ),
        )
    assert machine.n_entries > 10 * SIZES["max_examples"]

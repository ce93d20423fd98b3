"""The cell unit's door: its acts decide on both records and add to its own alone."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Concatenate, Generic, ParamSpec

from msgspec import Struct

from equipoise.conduct.cells import events as c
from equipoise.conduct.cells.declaring import declare_less, takes_stock
from equipoise.conduct.cells.state import BagRecord, BatchRecord, CellState, fold_cells
from equipoise.conduct.door import RunningTrial, at_record, refuse_if, to_drafts
from equipoise.conduct.events import with_program
from equipoise.conduct.rules import check_duty
from equipoise.conduct.state import Participant, Person, TrialState
from equipoise.ledger import Entry, Store
from equipoise.problems import Refused, problem
from equipoise.study.protocol import Product
from equipoise.study.roles import Role
from equipoise.study.study import Study

P = ParamSpec("P")
CellEvents = Sequence[c.CellEvent]
ContentsOf = Callable[[str, str], str]
"""`contents(number, encounter)`: the product that the sealed list gives, or nothing."""

CHAIN = "cells"


def refuse_shared(store: Store) -> None:
    """Nothing but the cell unit's own entries lies in its store.

    Raises:
        Refused: the store has another chain, as the trial's own ledger has.
    """
    others = sorted(set(store.heads()) - {CHAIN})
    refuse_if([problem("EQ-B066", store.study, chain=", ".join(others))] if others else [])


class CellView(Struct, frozen=True):
    """What a decision may look at: the study, both records, the sealed list, and who asks."""

    study: Study
    trial: TrialState
    cells: CellState
    contents: ContentsOf
    person: Person

    def participant(self, code: str) -> Participant:
        """The participant of a code.

        Raises:
            Refused: there is none.
        """
        found = self.trial.participants.get(code)
        if found is None:
            raise Refused([problem("EQ-C003", code, participant=code)])
        return found

    def batch(self, name: str) -> BatchRecord:
        """A batch that was received.

        Raises:
            Refused: there is none of this name.
        """
        if name not in self.cells.batches:
            raise Refused([problem("EQ-B023", name, batch=name)])
        return self.cells.batches[name]

    def bag(self, name: str) -> BagRecord:
        """A bag of a batch that was received.

        Raises:
            Refused: there is none of this name.
        """
        if name not in self.cells.bags:
            raise Refused([problem("EQ-B024", name, bag=name)])
        return self.cells.bags[name]

    def product_of(self, batch: BatchRecord) -> Product:
        """What the study folder says of a batch's product."""
        return self.study.treatments.products[batch.product]


class CellUnit:
    """The trial, the cell unit's own ledger, and the way to ask what an infusion holds.

    Nothing of the blinded side holds one. A store with other chains than its own is refused.
    """

    def __init__(self, trial: RunningTrial, store: Store, contents: ContentsOf) -> None:
        refuse_shared(store)
        self.trial = trial
        self.store = store
        self.contents = contents
        self._state = CellState()

    @property
    def state(self) -> CellState:
        """The record as of its last committed entry."""
        with self.trial.lock:
            self._state = fold_cells(
                self._state, self.store.read(chain=CHAIN, after=self._state.seq)
            )
            return self._state

    def view(self, by: str, *, at: dt.datetime, act: str) -> CellView:
        """What somebody of the cell unit decides on.

        Raises:
            Refused: this person is not of the cell unit, or not on duty.
        """
        state = self.trial.state
        person = state.people.get(by)
        if person is None:
            raise Refused([problem("EQ-C001", by, person=by)])
        refuse_if(check_duty(self.trial.study, person, at=at))
        if person.role != Role.CELL_UNIT:
            raise Refused([problem("EQ-C002", by, act=act, role=person.role)])
        return CellView(self.trial.study, state, self.state, self.contents, person)

    def record(
        self, view: CellView, events: CellEvents, *, at: dt.datetime, reason: str
    ) -> tuple[Entry, ...]:
        """Append what was decided on `view`."""
        digest = view.study.digest
        placed = [(CHAIN, stream_of(x), with_program(x, digest)) for x in events]
        known = view.cells.versions
        return self.store.append(
            to_drafts(placed, known=known, by=view.person, at=at, reason=reason)
        )


def record_use(
    unit: CellUnit, *, by: Person, at: dt.datetime, page: str, about: str = ""
) -> tuple[Entry, ...]:
    """Record that somebody came in at the sealed door, or is shown a page of it."""
    with unit.trial.lock, unit.store.transaction():
        used = [c.SealedDoorUsed(page=page, about=about)]
        placed = [(CHAIN, stream_of(event), event) for event in used]
        return unit.store.append(
            to_drafts(placed, known=unit.state.versions, by=by, at=at, reason="")
        )


class CellAct(Generic[P]):
    """An act of the cell unit: its decision, recorded in one transaction of its own ledger."""

    def __init__(self, decide: Callable[Concatenate[CellView, P], CellEvents]) -> None:
        self.decide = decide
        self.name = decide.__name__
        self.__doc__ = decide.__doc__

    def __call__(self, unit: CellUnit, /, *args: P.args, **kwargs: P.kwargs) -> tuple[Entry, ...]:
        """Check, decide, record. Returns the entries; nothing is recorded when refused."""
        command: Mapping[str, object] = kwargs
        at, reason = command["at"], command.get("reason", "")
        assert isinstance(at, dt.datetime) and isinstance(reason, str)
        with unit.trial.lock, unit.store.transaction():
            view = unit.view(str(command["by"]), at=at, act=self.name)
            events = self.decide(view, *args, **kwargs)
            entries = unit.record(view, events, at=at, reason=reason)
            if takes_stock(view.cells, events):
                after = fold_cells(view.cells, entries)
                declare_less(unit.trial, after, by=view.person.person, at=at)
            return entries


CELL_ACTS: dict[str, CellAct[...]] = {}


def cell_act(decide: Callable[Concatenate[CellView, P], CellEvents]) -> CellAct[P]:
    """Make a decision an act of the cell unit, and list it in `CELL_ACTS`."""
    made = CellAct(decide)
    CELL_ACTS[made.name] = made
    return made


def stream_of(event: c.CellEvent) -> str:
    """What an event is about."""
    for kind in ("label", "batch", "bag", "donor"):
        if (name := getattr(event, kind, None)) is not None:
            return f"{kind}/{name}"
    return "door" if isinstance(event, c.SealedDoorUsed) else "bags"


__all__ = [
    "CELL_ACTS",
    "CHAIN",
    "CellEvents",
    "CellUnit",
    "CellView",
    "at_record",
    "cell_act",
    "refuse_if",
    "refuse_shared",
]

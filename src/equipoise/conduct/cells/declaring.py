"""What the sites learn in the same act: fewer places, and what is not to be given any more."""

import datetime as dt
from collections.abc import Iterable

from equipoise.conduct.acts.infusing import declare_supply, recall_infusion
from equipoise.conduct.cells import events as c
from equipoise.conduct.cells.state import CellState
from equipoise.conduct.cells.tracing import derive_places, exposed_to
from equipoise.conduct.door import RunningTrial


def takes_stock(cells: CellState, events: Iterable[c.CellEvent]) -> bool:
    """Whether bags in storage are lost by this.

    A bag that was thawed is not asked after: the instant at which the number falls would tell of
    whom it was.
    """
    for event in events:
        if isinstance(event, c.BatchBlocked | c.TimeOutRecorded):
            return True
        if isinstance(event, c.BagsRemoved):
            return any(cells.bags[b].thawed_at is None for b in event.bags)
    return False


def declare_less(trial: RunningTrial, cells: CellState, *, by: str, at: dt.datetime) -> None:
    """Declare anew, until the same day, if fewer people than declared can be randomized."""
    if trial.state.supply is None:
        return
    declared, until_on = trial.state.supply
    if until_on < at.date():
        return
    places = derive_places(trial.study, cells, trial.state, on=until_on)
    if places < declared:
        declare_supply(trial, by=by, at=at, places=places, until_on=until_on)


def recall_blocked(
    trial: RunningTrial,
    cells: CellState,
    events: Iterable[c.CellEvent],
    *,
    by: str,
    at: dt.datetime,
) -> None:
    """Mark what is out of a batch that was just blocked as not to be given, whatever it holds.

    After the lock nothing is given, and the trial takes no such mark: the batch is blocked all the
    same.
    """
    batches = [event.batch for event in events if isinstance(event, c.BatchBlocked)]
    if trial.state.locked is not None:
        return
    exposed = (x for batch in batches for x in exposed_to(cells, trial.state, batch))
    out = {(x.participant, x.encounter): x.label for x in exposed if x.is_out and not x.is_recalled}
    for (participant, encounter), label in sorted(out.items()):
        recall_infusion(
            trial, by=by, at=at, participant=participant, encounter=encounter, label=label
        )

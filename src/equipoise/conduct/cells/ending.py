"""The ways out: a preparation discarded, bags destroyed or returned, and who must be told."""

import datetime as dt
from typing import Literal

from equipoise.conduct.cells import events as c
from equipoise.conduct.cells.door import CellEvents, CellView, at_record, cell_act, refuse_if
from equipoise.conduct.cells.preparing import find_preparation
from equipoise.conduct.cells.state import GONE, STATUS_NAMES
from equipoise.conduct.cells.tracing import exposed_to
from equipoise.problems import Refused, problem


@cell_act
def discard_preparation(
    view: CellView, *, by: str, at: dt.datetime, reason: str = "", label: str
) -> CellEvents:
    """Destroy a preparation that will not be given; another can then be made.

    One whose order the trial does not have stays: it may have been given, and must be traced.
    """
    made = find_preparation(view, label)
    where = at_record(made.participant, made.encounter)
    infusion = view.participant(made.participant).infusions.get(made.encounter)
    if infusion is None:
        raise Refused([problem("EQ-C062", where, encounter=made.encounter)])
    problems = [] if reason.strip() else [problem("EQ-B046", where)]
    status = "handed_out" if infusion.label == label else made.status
    if status in ("handed_out", "discarded"):
        problems.append(problem("EQ-B043", where, status=STATUS_NAMES["preparation"][status]))
    refuse_if(problems)
    return [c.PreparationDiscarded(label=label)]


@cell_act
def remove_bags(
    view: CellView,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    bags: tuple[str, ...],
    how: Literal["destroyed", "returned"],
) -> CellEvents:
    """Destroy bags, or send them back to the maker; a thawed bag can only be destroyed."""
    problems = [] if reason.strip() and bags else [problem("EQ-B046", ", ".join(bags))]
    for bag in (view.bag(b) for b in bags):
        if bag.status in GONE or (how == "returned" and bag.status == "thawed"):
            problems.append(problem("EQ-B036", bag.bag, bag=bag.bag, status=bag.status_name))
    refuse_if(problems)
    return [c.BagsRemoved(bags=bags, how=how)]


@cell_act
def tell_exposed(
    view: CellView,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    batch: str,
    participant: str,
    told: str,
) -> CellEvents:
    """Who is responsible for somebody that received of a blocked batch was told; `told` is who.

    Telling a treating physician tells the arm: it goes through an emergency unblinding, on record
    at the vault. This keeps that it was done.
    """
    record = view.batch(batch)
    exposed = {x.participant for x in exposed_to(view.cells, view.trial, batch)}
    problems = []
    if record.status != "blocked":
        problems.append(problem("EQ-B032", batch, status=record.status_name))
    if participant not in exposed or not told.strip():
        problems.append(problem("EQ-B060", batch, participant=participant))
    refuse_if(problems)
    return [c.ExposureTold(batch=batch, participant=participant, told=told)]

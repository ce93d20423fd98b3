"""From bags in storage to an infusion under a label: thawed, composed, computed twice, handed out.

A placebo goes through the same steps at the same times, so that how long it takes tells nothing.
"""

import datetime as dt
from collections.abc import Iterator, Mapping

from equipoise.conduct.acts.infusing import prepare_infusion
from equipoise.conduct.cells import events as c
from equipoise.conduct.cells.door import (
    CellEvents,
    CellUnit,
    CellView,
    at_record,
    cell_act,
    refuse_if,
)
from equipoise.conduct.cells.state import BagRecord, PreparationRecord
from equipoise.conduct.cells.tracing import preparation_for
from equipoise.conduct.rules import check_in_trial, check_running
from equipoise.conduct.state import Infusion
from equipoise.ledger import Entry
from equipoise.problems import Problem, Where, problem
from equipoise.supply import Result, Thawed, check_recomputed, judge_results, plan_mixture


@cell_act
def record_time_out(
    view: CellView, *, by: str, at: dt.datetime, reason: str = "", bag: str, minutes: int
) -> CellEvents:
    """A bag was out of its storage; the minutes add up to what the maker allows."""
    found = view.bag(bag)
    problems = [*_check_stored(found)]
    if minutes < 1:
        problems.append(problem("EQ-B047", bag))
    if not reason.strip():
        problems.append(problem("EQ-B046", bag))
    refuse_if(problems)
    return [c.TimeOutRecorded(bag=bag, minutes=minutes)]


@cell_act
def thaw_bag(
    view: CellView,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    bag: str,
    cells_per_ml: float | None = None,
    viability: float | None = None,
    results: Mapping[str, Result] | None = None,
) -> CellEvents:
    """Thaw a bag of a released batch, and record what was counted in it; it cannot go back.

    A bag that fails its own limits is on record and can only be destroyed.
    """
    found = view.bag(bag)
    record = view.batch(found.batch)
    product = view.product_of(record)
    problems = [*_check_stored(found), *_check_usable(view, found, on=at.date())]
    if product.active and (not cells_per_ml or viability is None or not 0 < viability <= 1):
        problems.append(problem("EQ-B039", bag, tests="cells_per_ml, viability"))
    judged = judge_results(
        (t for t in product.specification if t.at == "thaw"),
        _thaw_results(viability, results or {}),
    )
    if judged.missing:
        problems.append(problem("EQ-B039", bag, tests=", ".join(judged.missing)))
    refuse_if(problems)
    return [
        c.BagThawed(
            bag=bag,
            thawed_at=at,
            cells_per_ml=cells_per_ml,
            viability=viability,
            results=results or {},
        )
    ]


@cell_act
def make_preparation(
    view: CellView,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    encounter: str,
    bags: tuple[str, ...],
    label: str,
) -> CellEvents:
    """Compose an ordered infusion from thawed bags of what the sealed list gives it."""
    where = at_record(participant, encounter)
    infusion = _find_ordered(view, participant, encounter, where=where)
    product = view.contents(view.participant(participant).number, encounter)
    problems = list(_check_label(view, label, where=where))
    if preparation_for(view.cells, participant, encounter) is not None:
        problems.append(problem("EQ-B045", where))
    for bag in (view.bag(b) for b in bags):
        problems += _check_in_window(view, bag, product=product, at=at)
    if len(set(bags)) < len(bags):
        problems.append(problem("EQ-B021", where, name=", ".join(bags)))
    refuse_if(problems)
    dose = view.study.treatments.dose
    assert dose is not None
    thawed = [_as_thawed(view, b) for b in bags]
    mixture, problems_of_mixture = plan_mixture(
        dose,
        thawed,
        target_cells=infusion.target_cells,
        volume_ml=infusion.volume_ml,
        where=where,
    )
    refuse_if(problems_of_mixture)
    assert mixture is not None
    return [
        c.PreparationMade(
            label=label,
            participant=participant,
            encounter=encounter,
            product=product,
            draws=mixture.draws,
            target_cells=infusion.target_cells,
            drawn_ml=mixture.drawn_ml,
            medium_ml=mixture.medium_ml,
            volume_ml=mixture.volume_ml,
            given_cells=mixture.given_cells if _holds_cells(view, product) else 0,
            usable_until=_usable_until(view, bags),
        )
    ]


@cell_act
def verify_preparation(
    view: CellView,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    label: str,
    target_cells: int,
    drawn_ml: float,
    n_bags: int,
) -> CellEvents:
    """A second person gives what they computed from the printed sheet; only the same passes."""
    made = find_preparation(view, label)
    where = at_record(made.participant, made.encounter)
    problems = list(_check_still_usable(view, made, at=at))
    if made.status != "made":
        problems.append(problem("EQ-B043", where, status=made.status))
    if by == made.made.by:
        problems.append(problem("EQ-B044", where))
    problems += check_recomputed(
        computed=(made.target_cells, made.drawn_ml, len(made.draws)),
        recomputed=(target_cells, drawn_ml, n_bags),
        where=where,
    )
    refuse_if(problems)
    return [
        c.PreparationVerified(
            label=label, target_cells=target_cells, drawn_ml=drawn_ml, n_bags=n_bags
        )
    ]


def hand_out(
    unit: CellUnit, *, by: str, at: dt.datetime, reason: str = "", label: str
) -> tuple[Entry, ...]:
    """Record in the trial's ledger that the infusion went out: its label, until when, no more.

    Raises:
        Refused: it was not computed by two people, its time is over, or its batch was blocked.
    """
    view = unit.view(by, on=at.astimezone(dt.UTC).date(), act="hand_out")
    made = find_preparation(view, label)
    problems = list(_check_still_usable(view, made, at=at))
    if made.status != "verified":
        where = at_record(made.participant, made.encounter)
        problems.append(problem("EQ-B043", where, status=made.status))
    refuse_if(problems)
    return prepare_infusion(
        unit.trial,
        by=by,
        at=at,
        reason=reason,
        participant=made.participant,
        encounter=made.encounter,
        label=label,
        usable_until=made.usable_until,
    )


def find_preparation(view: CellView, label: str) -> PreparationRecord:
    """The preparation under a label.

    Raises:
        Refused: there is none.
    """
    found = view.cells.preparations.get(label)
    if found is None:
        refuse_if([problem("EQ-B040", label, label=label)])
    assert found is not None
    return found


def _find_ordered(view: CellView, participant: str, encounter: str, *, where: Where) -> Infusion:
    subject = view.participant(participant)
    infusion = subject.infusions.get(encounter)
    if infusion is None:
        refuse_if([problem("EQ-C062", where, encounter=encounter)])
    assert infusion is not None
    problems = [*check_in_trial(view.trial, subject), *check_running(view.trial, where=where)]
    if infusion.status != "ordered":
        problems.append(problem("EQ-C063", where, status=infusion.status))
    refuse_if(problems)
    return infusion


def _check_label(view: CellView, label: str, *, where: Where) -> Iterator[Problem]:
    people = view.trial.participants.values()
    out = {i.label for p in people for i in p.infusions.values()}
    if not label.strip() or label in view.cells.preparations or label in out:
        yield problem("EQ-C064", where, label=label)


def _check_stored(bag: BagRecord) -> Iterator[Problem]:
    if bag.status != "stored":
        yield problem("EQ-B036", bag.bag, bag=bag.bag, status=bag.status)


def _check_usable(view: CellView, bag: BagRecord, *, on: dt.date) -> Iterator[Problem]:
    batch = view.batch(bag.batch)
    limit = view.product_of(batch).minutes_out
    if not batch.may_be_used:
        yield problem("EQ-B034", bag.bag, batch=batch.batch, status=batch.status)
    if batch.expires_on < on:
        yield problem("EQ-B035", bag.bag, bag=bag.bag, on=batch.expires_on)
    if limit and bag.minutes_out > limit:
        yield problem("EQ-B037", bag.bag, minutes=bag.minutes_out, limit=limit)


def _check_in_window(
    view: CellView, bag: BagRecord, *, product: str, at: dt.datetime
) -> Iterator[Problem]:
    batch = view.batch(bag.batch)
    definition = view.product_of(batch)
    if bag.status != "thawed":
        yield problem("EQ-B036", bag.bag, bag=bag.bag, status=bag.status)
    if batch.product != product:
        yield problem("EQ-B041", bag.bag, bag=bag.bag)
    yield from _check_usable(view, bag, on=at.date())
    judged = judge_results(
        (t for t in definition.specification if t.at == "thaw"),
        _thaw_results(bag.viability, bag.results),
    )
    if judged.failed:
        yield problem("EQ-B038", bag.bag, bag=bag.bag, tests=", ".join(judged.failed))
    until = _window_of(view, bag)
    if until is not None and until < at:
        yield problem("EQ-B042", bag.bag, until=until.isoformat(timespec="minutes"))


def _check_still_usable(
    view: CellView, made: PreparationRecord, *, at: dt.datetime
) -> Iterator[Problem]:
    if made.usable_until is not None and made.usable_until < at:
        until = made.usable_until.isoformat(timespec="minutes")
        yield problem("EQ-B042", made.label, until=until)
    for batch in {view.bag(bag).batch: view.batch(view.bag(bag).batch) for bag, _ in made.draws}:
        if not view.batch(batch).may_be_used:
            yield problem("EQ-B034", made.label, batch=batch, status=view.batch(batch).status)


def _window_of(view: CellView, bag: BagRecord) -> dt.datetime | None:
    minutes = view.product_of(view.batch(bag.batch)).thaw_minutes
    if not minutes or bag.thawed_at is None:
        return None
    return bag.thawed_at + dt.timedelta(minutes=minutes)


def _usable_until(view: CellView, bags: tuple[str, ...]) -> dt.datetime | None:
    ends = (_window_of(view, view.bag(b)) for b in bags)
    return min((end for end in ends if end is not None), default=None)


def _holds_cells(view: CellView, product: str) -> bool:
    return view.study.treatments.products[product].active


def _as_thawed(view: CellView, name: str) -> Thawed:
    """A bag as the dose counts it; one without cells counts as the bag the study describes."""
    bag, nominal = view.bag(name), view.study.treatments.bag
    assert nominal is not None
    is_active = view.product_of(view.batch(bag.batch)).active
    if is_active and bag.cells_per_ml is not None and bag.viability is not None:
        return Thawed(name, bag.volume_ml, bag.cells_per_ml, bag.viability)
    return Thawed(name, bag.volume_ml, nominal.cells_per_ml, nominal.viability)


def _thaw_results(viability: float | None, results: Mapping[str, Result]) -> dict[str, Result]:
    """Results at thaw by test; the viability that was counted is one of them, in percent."""
    counted: dict[str, Result] = {} if viability is None else {"viability": viability * 100}
    return {**counted, **results}

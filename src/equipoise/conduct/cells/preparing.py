"""From bags in storage to an infusion under a label: thawed, composed, computed twice, handed out.

A placebo goes through the same steps at the same times, so that how long it takes tells nothing.
"""

import datetime as dt
from collections.abc import Iterator, Mapping

from equipoise.conduct.acts.infusing import check_ordered_weight, prepare_infusion
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
from equipoise.conduct.cells.tracing import is_to_verify_again, preparation_for, unknown_to
from equipoise.conduct.parts import Infusion, is_own
from equipoise.conduct.rules import check_in_trial, check_running, check_treated
from equipoise.ledger import Entry
from equipoise.problems import Problem, Text, Where, problem
from equipoise.study.protocol import Product
from equipoise.supply import (
    Judged,
    Result,
    Thawed,
    check_recomputed,
    check_results,
    exact,
    judge_results,
    names_of,
    plan_mixture,
    tests_at,
)

_COUNT = Text("cells per mL, viability", "cellules par mL, viabilité")


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
) -> CellEvents:
    """Thaw a bag of a released batch; it cannot go back.

    The same for both products, with no figure: the count comes minutes later, the time runs now.
    """
    found = view.bag(bag)
    problems = [*_check_stored(found), *_check_usable(view, found, on=at.date())]
    has_window = view.product_of(view.batch(found.batch)).thaw_minutes > 0
    if has_window and not view.study.treatments.bedside.give_within_minutes:
        problems.append(problem("EQ-B061", bag))
    refuse_if(problems)
    return [c.BagThawed(bag=bag, thawed_at=at)]


@cell_act
def count_bag(
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
    """Record what was counted and tested in a thawed bag; a second count needs a reason.

    A bag that fails its own limits is on record and can only be destroyed.
    """
    found = view.bag(bag)
    product = view.product_of(view.batch(found.batch))
    problems = []
    if found.status != "thawed":
        problems.append(problem("EQ-B036", bag, bag=bag, status=found.status_name))
    if (found.viability is not None or found.results) and not reason.strip():
        problems.append(problem("EQ-B028", bag, test=_COUNT))
    if product.active and (not cells_per_ml or viability is None or not 0 < viability <= 1):
        problems.append(problem("EQ-B039", bag, tests=_COUNT))
    tests = tests_at(product, "thaw")
    problems += check_results(tests, results or {}, where=at_record(bag))
    judged = judge_results(tests, _thaw_results(viability, results or {}))
    if judged.missing:
        problems.append(problem("EQ-B039", bag, tests=names_of(tests, judged.missing)))
    refuse_if(problems)
    return [
        c.BagCounted(
            bag=bag,
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
    """Compose an ordered infusion from thawed bags of what the sealed list gives it.

    It needs a reason where the trial knows infusions that this record does not (EQ-B069).
    """
    where = at_record(participant, encounter)
    infusion = _find_ordered(view, participant, encounter, where=where)
    product = view.contents(view.participant(participant).number, encounter)
    problems = [*_check_whole(view, reason), *_check_label(view, label, where=where)]
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
    """A second person gives what they computed from the printed sheet; only the same passes.

    Where the trial knows infusions that this record does not, with a reason (EQ-B069), once more if
    it was done before: so nothing is thawed anew because the record was restored.
    """
    made = find_preparation(view, label)
    where = at_record(made.participant, made.encounter)
    problems = [
        *_check_still_usable(view, made, at=at),
        *_check_whole(view, made.reason or reason),
    ]
    is_again = made.status == "verified" and is_to_verify_again(view.cells, view.trial, made)
    if made.status != "made" and not is_again:
        problems.append(problem("EQ-B043", where, status=made.status_name))
    if is_own(made.made, view.person, people=view.trial.people):
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


def hand_out(unit: CellUnit, *, by: str, at: dt.datetime, label: str) -> tuple[Entry, ...]:
    """Record in the trial's ledger that the infusion went out: its label, until when, no more.

    Until when depends on the instant of this act alone: the bag's own time would tell the arm. So
    what cannot be given as late as that is not handed out.

    Raises:
        Refused: it was not computed by two people, its time ends too early, its batch was blocked.
    """
    with unit.trial.lock, unit.store.transaction():
        view = unit.view(by, at=at, act="hand_out")
        made = find_preparation(view, label)
        minutes = view.study.treatments.bedside.give_within_minutes
        until = at + dt.timedelta(minutes=minutes)
        where = at_record(made.participant, made.encounter)
        problems = [
            *_check_whole(view, made.reason),
            *_check_still_usable(view, made, at=until),
        ]
        problems += _check_same_order(view, made, where=where)
        if made.status != "verified":
            problems.append(problem("EQ-B043", where, status=made.status_name))
        refuse_if(problems)
        return prepare_infusion(
            unit.trial,
            by=by,
            at=at,
            participant=made.participant,
            encounter=made.encounter,
            label=label,
            usable_until=until if minutes else None,
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
    problems = [
        *check_in_trial(view.trial, subject),
        *check_running(view.trial, where=where),
        *check_treated(subject, where=where),
    ]
    problems += check_ordered_weight(view.study, subject, infusion, where=where)
    if infusion.status != "ordered":
        problems.append(problem("EQ-C063", where, status=infusion.status_name))
    refuse_if(problems)
    return infusion


def _check_whole(view: CellView, reason: str) -> Iterator[Problem]:
    """What went out is known here; else this record is older than the trial, and its traces end."""
    unknown = unknown_to(view.cells, view.trial)
    if unknown and not reason.strip():
        yield problem("EQ-B069", view.study.identity.study, labels=", ".join(unknown))


def _check_label(view: CellView, label: str, *, where: Where) -> Iterator[Problem]:
    people = view.trial.participants.values()
    infusions = (i for p in people for i in p.infusions.values())
    out = {name for i in infusions for name in (i.label, *i.taken_back)}
    if not label.strip() or label in view.cells.preparations or label in out:
        yield problem("EQ-C064", where, label=label)


def _check_stored(bag: BagRecord) -> Iterator[Problem]:
    if bag.status != "stored":
        yield problem("EQ-B036", bag.bag, bag=bag.bag, status=bag.status_name)


def _check_usable(view: CellView, bag: BagRecord, *, on: dt.date) -> Iterator[Problem]:
    batch = view.batch(bag.batch)
    limit = view.product_of(batch).minutes_out
    if not batch.may_be_used:
        yield problem("EQ-B034", bag.bag, batch=batch.batch, status=batch.status_name)
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
        yield problem("EQ-B036", bag.bag, bag=bag.bag, status=bag.status_name)
    elif missing := _not_counted(definition, bag):
        yield problem("EQ-B039", bag.bag, tests=missing)
    if batch.product != product:
        yield problem("EQ-B041", bag.bag, bag=bag.bag)
    yield from _check_usable(view, bag, on=at.date())
    if failed := _judge_thaw(definition, bag).failed:
        names = names_of(definition.specification, failed)
        yield problem("EQ-B038", bag.bag, bag=bag.bag, tests=names)
    until = _window_of(view, bag)
    if until is not None and until < at:
        yield problem("EQ-B042", bag.bag, until=until.isoformat(timespec="minutes"))


def _judge_thaw(product: Product, bag: BagRecord) -> Judged:
    return judge_results(tests_at(product, "thaw"), _thaw_results(bag.viability, bag.results))


def _not_counted(product: Product, bag: BagRecord) -> Text | None:
    """What must be known of a thawed bag before anything is made of it, and is not."""
    if product.active and (bag.cells_per_ml is None or bag.viability is None):
        return _COUNT
    missing = _judge_thaw(product, bag).missing
    return names_of(product.specification, missing) if missing else None


def _check_same_order(
    view: CellView, made: PreparationRecord, *, where: Where
) -> Iterator[Problem]:
    """It is what is ordered now: another weight may have changed the dose since."""
    order = view.participant(made.participant).infusions.get(made.encounter)
    mine = (made.target_cells, made.volume_ml)
    if order is not None and mine != (order.target_cells, order.volume_ml):
        yield problem("EQ-B063", where, made=made.target_cells, ordered=order.target_cells)


def _check_still_usable(
    view: CellView, made: PreparationRecord, *, at: dt.datetime
) -> Iterator[Problem]:
    if made.usable_until is not None and made.usable_until < at:
        until = made.usable_until.isoformat(timespec="minutes")
        yield problem("EQ-B042", made.label, until=until)
    batches = {view.bag(bag).batch: view.batch(view.bag(bag).batch) for bag, _ in made.draws}
    for name, batch in batches.items():
        if not batch.may_be_used:
            yield problem("EQ-B034", made.label, batch=name, status=batch.status_name)


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
    percent = {} if viability is None else {"viability": float(exact(viability) * 100)}
    counted: dict[str, Result] = {**percent}
    return {**counted, **results}

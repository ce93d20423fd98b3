"""Questions to the cell unit's record: where it came from, where it went, what is left."""

import datetime as dt
from calendar import isleap
from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from equipoise.conduct.cells.state import BagRecord, CellState, PreparationRecord
from equipoise.conduct.state import TrialState
from equipoise.problems import Refused, natural_order, problem
from equipoise.study.protocol import Encounter
from equipoise.study.study import Study
from equipoise.supply import (
    Judged,
    Receipt,
    count_places,
    judge_results,
    plan_preparation,
    tests_at,
)

YEARS_KEPT = 30
"""After the expiry of a batch, the whole way of its bags is kept (1394/2007, article 15)."""


class Trace(Struct, frozen=True):
    """One bag's way: from whom, into whom. `given_on` is None where it was not given, and it is out
    where it was handed out and is not given yet, or runs; ready, where it was not handed out.

    Not `is_in_trial`: the trial's ledger does not have the order, as after it was restored from an
    older copy; whether it was given is then not known.
    """

    donors: tuple[str, ...]
    batch: str
    bag: str
    label: str
    participant: str
    encounter: str
    given_on: dt.date | None
    is_in_trial: bool = True
    is_out: bool = False
    is_recalled: bool = False
    is_ready: bool = False
    scan: str = ""


class Balance(Struct, frozen=True):
    """The bags of a batch: as many as the delivery note says, each in one state.

    Without the count of a delivery note `sent` is what was typed at receipt, and nothing can be
    lost.
    """

    sent: int
    by_status: Mapping[str, int]

    @property
    def lost(self) -> int:
        """Bags of the delivery note that are nowhere; negative where more came than it says."""
        return self.sent - sum(self.by_status.values())


def trace(cells: CellState, trial: TrialState, name: str) -> tuple[Trace, ...]:
    """The way from a donor or a batch to all who received, or from a participant to all donors.

    Raises:
        Refused: no record knows the name. That must not look like one from which nothing leads.
    """
    if name in cells.donors:
        return trace_donor(cells, trial, name)
    if name in cells.batches:
        return exposed_to(cells, trial, name)
    known = trial.participants.keys() | {p.participant for p in cells.preparations.values()}
    if name not in known:
        raise Refused([problem("EQ-B070", name, name=name)])
    return trace_participant(cells, trial, name)


def trace_donor(cells: CellState, trial: TrialState, donor: str) -> tuple[Trace, ...]:
    """Every bag of a donor that went into an infusion, and whose."""
    return tuple(t for t in _traces(cells, trial) if donor in t.donors)


def trace_participant(cells: CellState, trial: TrialState, participant: str) -> tuple[Trace, ...]:
    """Every bag that went into a participant's infusions, and where it came from."""
    return tuple(t for t in _traces(cells, trial) if t.participant == participant)


def exposed_to(cells: CellState, trial: TrialState, batch: str) -> tuple[Trace, ...]:
    """Whose infusions hold something of a batch, given or handed out."""
    return tuple(t for t in _traces(cells, trial) if t.batch == batch)


def balance_of(cells: CellState, batch: str) -> Balance:
    """Every bag that was sent, by where it is now."""
    bags = (b for b in cells.bags.values() if b.batch == batch)
    record = cells.batches[batch]
    return Balance(len(record.bags) + record.difference, Counter(b.status for b in bags))


def usable_bags(cells: CellState, *, product: str, on: dt.date) -> tuple[BagRecord, ...]:
    """Bags of a product that may be used on a day, thawed or stored, those first that expire."""
    batches = {
        name: b
        for name, b in cells.batches.items()
        if b.product == product and b.may_be_used and b.expires_on >= on
    }
    found = (
        b for b in cells.bags.values() if b.batch in batches and b.status in ("stored", "thawed")
    )
    return tuple(
        sorted(
            found,
            key=lambda b: (
                b.status != "thawed",
                batches[b.batch].expires_on,
                natural_order(b.bag),
            ),
        )
    )


def preparation_for(cells: CellState, participant: str, encounter: str) -> PreparationRecord | None:
    """The preparation of an infusion that was not discarded, if one was made."""
    for made in cells.preparations.values():
        is_same = (made.participant, made.encounter) == (participant, encounter)
        if is_same and made.status != "discarded":
            return made
    return None


def judge_batch(study: Study, cells: CellState, batch: str) -> Judged:
    """Where a batch stands against its specification at release."""
    record = cells.batches[batch]
    tests = tests_at(study.treatments.products[record.product], "release")
    return judge_results(tests, record.results)


def kept_until(cells: CellState, batch: str) -> dt.date:
    """Until when everything about a batch must be kept; nothing is deleted before or after.

    Whole years: what expires on February 29 is kept until March 1 of a year that has no such day.
    """
    on = cells.batches[batch].expires_on
    year = on.year + YEARS_KEPT
    if year > dt.MAXYEAR:
        return dt.date.max
    is_without_day = (on.month, on.day) == (2, 29) and not isleap(year)
    return dt.date(year, 3, 1) if is_without_day else on.replace(year=year)


def derive_places(study: Study, cells: CellState, trial: TrialState, *, on: dt.date) -> int:
    """How many people may be randomized in all, so that each next one, whatever their arm, has
    every infusion. It depends on what came in and on who was randomized, never on any arm.

    `on` is the last day on which somebody may be randomized: their last infusion, as late as its
    window lets it be, still has bags that did not expire.
    """
    encounters = study.infusion_encounters
    if not encounters:
        return 0
    infused = [i.on for p in trial.participants.values() for i in p.infusions.values()]
    randomized = trial.randomized
    owed = len(randomized) * len(encounters) - len(infused)
    last = max(_last_day(study.schedule.encounters[e]) for e in encounters)
    bags_each = bags_at_most(study)
    taken = [*infused, *(m.made.at.date() for m in _discarded(cells))]
    places = count_places(
        _receipts(study, cells),
        products=sorted({p for arm in study.identity.arms.values() for p in arm.gives.values()}),
        bags_each=bags_each,
        infusions=[*taken, *_thawed_beyond(cells, bags_each=bags_each, n_shares=len(taken))],
        needed_until=on + dt.timedelta(days=last),
    )
    return len(randomized) + max(0, places - owed) // len(encounters)


def places_of(study: Study, cells: CellState, trial: TrialState, batch: str, *, on: dt.date) -> int:
    """How many of the places until a day stand on a batch: as many fewer are there without it."""
    blocked = replace(cells.batches[batch], status="blocked")
    without = replace(cells, batches={**cells.batches, batch: blocked})
    there = derive_places(study, cells, trial, on=on)
    return there - derive_places(study, without, trial, on=on)


def bags_at_most(study: Study) -> int:
    """The most bags that an infusion can need: the heaviest person, the least viable cells."""
    dose, bag = study.treatments.dose, study.treatments.bag
    if dose is None or bag is None:
        return 1
    limits = (
        t.at_least / 100
        for p in study.treatments.products.values()
        for t in p.specification
        if t.id == "viability" and t.at == "thaw" and t.at_least
    )
    worst = replace(bag, viability=min(bag.viability, *limits, 1.0))
    return plan_preparation(dose, worst, dose.weight_range[1]).n_bags


def _last_day(encounter: Encounter) -> int:
    """The last day of an encounter's window, from randomization."""
    if encounter.days is not None:
        return encounter.days[1]
    return (encounter.day or 0) + encounter.window.after


def _receipts(study: Study, cells: CellState) -> tuple[Receipt, ...]:
    """What came in and was not lost in storage: what was thawed was so for somebody's arm."""
    lost = Counter(
        b.batch
        for b in cells.bags.values()
        if b.thawed_at is None and (b.status != "stored" or _was_out_too_long(study, cells, b))
    )
    return tuple(
        Receipt(b.product, len(b.bags) - lost[b.batch], b.expires_on)
        for b in cells.batches.values()
        if b.may_be_used
    )


def _was_out_too_long(study: Study, cells: CellState, bag: BagRecord) -> bool:
    limit = study.treatments.products[cells.batches[bag.batch].product].minutes_out
    return bool(limit) and bag.minutes_out > limit


def _thawed_beyond(cells: CellState, *, bags_each: int, n_shares: int) -> list[dt.date]:
    """A day for each share that was thawed beyond those counted, as if of every product.

    A thawed bag that failed is gone. Cells alone fail, so to count each would tell who got them;
    but a share has the bags of the heaviest person, and what failed within it is counted already.
    """
    thawed = [b for b in cells.bags.values() if b.thawed_at is not None]
    usable = Counter(batch.product for b in thawed if (batch := cells.batches[b.batch]).may_be_used)
    beyond = max(usable.values(), default=0) - bags_each * n_shares
    last = max((b.thawed_at.date() for b in thawed if b.thawed_at), default=dt.date.min)
    return [last] * max(0, -(-beyond // bags_each))


def _discarded(cells: CellState) -> tuple[PreparationRecord, ...]:
    """Preparations that were thrown away: like an infusion, each counts for every product."""
    return tuple(m for m in cells.preparations.values() if m.status == "discarded")


def _traces(cells: CellState, trial: TrialState) -> Iterator[Trace]:
    for made in cells.preparations.values():
        subject = trial.participants.get(made.participant)
        infusion = subject.infusions.get(made.encounter) if subject else None
        handed_out = infusion if infusion is not None and infusion.label == made.label else None
        if made.status == "discarded" and handed_out is None:
            continue
        for bag, _ in made.draws:
            batch = cells.batches[cells.bags[bag].batch]
            yield Trace(
                donors=batch.donors,
                batch=batch.batch,
                bag=bag,
                label=made.label,
                participant=made.participant,
                encounter=made.encounter,
                given_on=handed_out.given_on if handed_out else None,
                is_in_trial=infusion is not None,
                is_out=handed_out is not None and handed_out.is_out,
                is_recalled=handed_out is not None and handed_out.is_recalled,
                is_ready=infusion is not None and handed_out is None,
                scan=cells.bags[bag].scan,
            )


def is_to_verify_again(cells: CellState, trial: TrialState, made: PreparationRecord) -> bool:
    """Whether this record is older than the trial, and nobody said why one goes on with it."""
    return bool(unknown_to(cells, trial)) and not made.reason.strip()


def unknown_to(cells: CellState, trial: TrialState) -> list[str]:
    """The labels that went out, as the trial knows, and that this record does not know."""
    people = trial.participants.values()
    out = {i.label for p in people for i in p.infusions.values() if i.label}
    return sorted(out - set(cells.preparations))

"""Questions to the cell unit's record: where it came from, where it went, what is left."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from equipoise.conduct.cells.state import BagRecord, CellState, PreparationRecord
from equipoise.conduct.state import TrialState
from equipoise.study.study import Study
from equipoise.supply import Judged, Receipt, count_places, judge_results, plan_preparation

YEARS_KEPT = 30
"""After the expiry of a batch, the whole way of its bags is kept (1394/2007, article 15)."""


class Trace(Struct, frozen=True):
    """One bag's way: from whom, into whom. `given_on` is None where it was not given."""

    donors: tuple[str, ...]
    batch: str
    bag: str
    label: str
    participant: str
    encounter: str
    given_on: dt.date | None


class Balance(Struct, frozen=True):
    """The bags of a batch: as many as were sent, each in one state; `lost` is what is left over."""

    sent: int
    by_status: Mapping[str, int]

    @property
    def lost(self) -> int:
        """Bags that were sent and are nowhere: never anything but 0."""
        return self.sent - sum(self.by_status.values())


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
    return Balance(len(cells.batches[batch].bags), Counter(b.status for b in bags))


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
        sorted(found, key=lambda b: (b.status != "thawed", batches[b.batch].expires_on, b.bag))
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
    tests = study.treatments.products[record.product].specification
    return judge_results((t for t in tests if t.at == "release"), record.results)


def kept_until(cells: CellState, batch: str) -> dt.date:
    """Until when everything about a batch must be kept; nothing is deleted before or after."""
    on = cells.batches[batch].expires_on
    return on.replace(year=on.year + YEARS_KEPT, day=min(on.day, 28))


def derive_places(study: Study, cells: CellState, trial: TrialState, *, on: dt.date) -> int:
    """How many people may be randomized in all, so that each next one, whatever their arm, has
    every infusion. It depends on what came in and on who was randomized, never on any arm."""
    encounters = study.infusion_encounters
    if not encounters:
        return 0
    infused = [i.on for p in trial.participants.values() for i in p.infusions.values()]
    randomized = trial.randomized
    owed = len(randomized) * len(encounters) - len(infused)
    last = max(study.schedule.encounters[e].day or 0 for e in encounters)
    places = count_places(
        _receipts(cells),
        products=sorted({p for arm in study.identity.arms.values() for p in arm.gives.values()}),
        bags_each=bags_at_most(study),
        infusions=[*infused, *(m.made.at.date() for m in _discarded(cells))],
        needed_until=on + dt.timedelta(days=last),
    )
    return len(randomized) + max(0, places - owed) // len(encounters)


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


def _receipts(cells: CellState) -> tuple[Receipt, ...]:
    """What came in and was not lost in storage: what was thawed was so for somebody's arm."""
    lost = Counter(
        b.batch
        for b in cells.bags.values()
        if b.status in ("missing", "destroyed", "returned") and b.thawed_at is None
    )
    return tuple(
        Receipt(b.product, len(b.bags) - lost[b.batch], b.expires_on)
        for b in cells.batches.values()
        if b.may_be_used
    )


def _discarded(cells: CellState) -> tuple[PreparationRecord, ...]:
    """Preparations that were thrown away: like an infusion, each counts for every product."""
    return tuple(m for m in cells.preparations.values() if m.status == "discarded")


def _traces(cells: CellState, trial: TrialState) -> Iterator[Trace]:
    for made in cells.preparations.values():
        if made.status == "discarded":
            continue
        infusion = trial.participants[made.participant].infusions[made.encounter]
        is_given = infusion.label == made.label
        for bag, _ in made.draws:
            batch = cells.batches[cells.bags[bag].batch]
            yield Trace(
                donors=batch.donors,
                batch=batch.batch,
                bag=bag,
                label=made.label,
                participant=made.participant,
                encounter=made.encounter,
                given_on=infusion.given_on if is_given else None,
            )

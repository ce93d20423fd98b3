"""Each infusion as randomized, as dispensed and as received, from three records that stay apart.

The arm comes from the opened list, the label and what was given from the trial's ledger, and what
a label held from the bags that the cell unit drew it from: never from the arm.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from equipoise.analysis.adverse import Received
from equipoise.conduct.cells import CellState
from equipoise.conduct.parts import Infusion
from equipoise.conduct.state import Participant, TrialState
from equipoise.study.study import Study


class Treatment(Struct, frozen=True, kw_only=True):
    """One planned infusion of somebody randomized; what did not happen or is not known is empty.

    `planned` is the product that the arm gives. `dispensed` is what the label handed out last held,
    `taken_back` are labels that were handed out before it and came back. `received` is what went
    in, `received_ml` of it, with `received_cells` as the dose counts them.
    """

    site: str
    participant: str
    number: str
    encounter: str
    arm: str
    planned: str
    label: str = ""
    dispensed: str = ""
    taken_back: tuple[str, ...] = ()
    received: str = ""
    received_on: dt.date | None = None
    received_ml: float | None = None
    received_cells: int | None = None


COLUMNS = Treatment.__struct_fields__


def list_treatments(
    study: Study, state: TrialState, *, arms: Mapping[str, str], cells: CellState
) -> tuple[Treatment, ...]:
    """Every infusion that the arms plan, and any other that was handed out, by number."""
    return tuple(
        _treatment(study, person, encounter, arm=arms[person.number], cells=cells)
        for person in state.randomized
        for encounter in study.infusion_encounters
        if encounter in study.identity.arms[arms[person.number]].gives
        or encounter in person.infusions
    )


def departures_of(treatments: Iterable[Treatment]) -> Iterator[Treatment]:
    """The infusions in which something else went in than the arm gives."""
    return (t for t in treatments if t.received_on is not None and t.received != t.planned)


def received_of(treatments: Iterable[Treatment]) -> Received:
    """What is known to have gone in, as the table of adverse events asks it."""
    return {(t.number, t.encounter): t.received for t in treatments if t.received}


def _treatment(
    study: Study, person: Participant, encounter: str, *, arm: str, cells: CellState
) -> Treatment:
    known = Treatment(
        site=person.site,
        participant=person.code,
        number=person.number,
        encounter=encounter,
        arm=arm,
        planned=study.identity.arms[arm].gives.get(encounter, ""),
    )
    infusion = person.infusions.get(encounter)
    if infusion is None:
        return known
    held = _held(cells, infusion.label)
    known = replace(known, label=infusion.label, dispensed=held, taken_back=infusion.taken_back)
    if infusion.given_on is None:
        return known
    return replace(
        known,
        received=held,
        received_on=infusion.given_on,
        received_ml=infusion.given_ml,
        received_cells=_cells_in(study, cells, infusion),
    )


def _held(cells: CellState, label: str) -> str:
    """The product of the bags that a label was drawn from; several are all named."""
    made = cells.preparations.get(label)
    bags = [cells.bags[bag] for bag, _ in made.draws] if made else []
    return "+".join(sorted({cells.batches[bag.batch].product for bag in bags}))


def _cells_in(study: Study, cells: CellState, infusion: Infusion) -> int | None:
    """The cells of the part that went in: none of a placebo, unknown without a record."""
    made = cells.preparations.get(infusion.label)
    if made is None or infusion.given_ml is None:
        return None
    products = study.treatments.products
    held = _held(cells, infusion.label)
    if held in products and not products[held].active:
        return 0
    return round(made.given_cells * infusion.given_ml / made.volume_ml)

"""What the cell unit's entries add up to, as immutable values, and how each changes it."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from equipoise.conduct.cells import events as c
from equipoise.conduct.parts import Stamp
from equipoise.ledger import Entry
from equipoise.problems import Text
from equipoise.supply import Result

BatchStatus = Literal["quarantine", "conditional", "released", "blocked"]
BagStatus = Literal["missing", "stored", "thawed", "used", "destroyed", "returned"]
GONE: tuple[BagStatus, ...] = ("missing", "used", "destroyed", "returned")
STATUS_NAMES: Mapping[str, Mapping[str, Text]] = {
    "batch": {
        "quarantine": Text("Quarantine", "Quarantaine"),
        "conditional": Text("Released conditionally", "Libéré sous condition"),
        "released": Text("Released", "Libéré"),
        "blocked": Text("Blocked", "Bloqué"),
    },
    "bag": {
        "missing": Text("Did not arrive", "Non arrivée"),
        "stored": Text("In storage", "En stock"),
        "thawed": Text("Thawed", "Décongelée"),
        "used": Text("Used", "Utilisée"),
        "destroyed": Text("Destroyed", "Détruite"),
        "returned": Text("Returned", "Retournée"),
    },
    "preparation": {
        "made": Text("Waits for the second computation", "En attente du second calcul"),
        "verified": Text("Computed twice", "Calculée deux fois"),
        "handed_out": Text("Handed out", "Remise"),
        "discarded": Text("Destroyed", "Détruite"),
    },
}
"""What people read for the states of batches, bags and preparations."""


class Block(Struct, frozen=True):
    """That a batch was blocked: by the tests in `failed`, or by a person if there is none."""

    failed: tuple[str, ...]
    stamp: Stamp
    lifted: Stamp | None = None


class BatchRecord(Struct, frozen=True):
    """A batch: what came, what its tests say, whether it may be used.

    `recorded` is who entered the result of each test that is in force.
    """

    batch: str
    product: str
    shipment: str
    donors: tuple[str, ...]
    expires_on: dt.date
    volume_ml: float
    cells_per_ml: float | None
    bags: tuple[str, ...]
    stamp: Stamp
    european_code: str = ""
    is_intact: bool = True
    declared: int | None = None
    explained: Stamp | None = None
    results: Mapping[str, Result] = {}
    status: BatchStatus = "quarantine"
    changed: Stamp | None = None
    told: Mapping[str, tuple[str, Stamp]] = {}
    recorded: Mapping[str, Stamp] = {}
    blocks: tuple[Block, ...] = ()

    @property
    def status_name(self) -> Text:
        """The status in words."""
        return STATUS_NAMES["batch"][self.status]

    @property
    def is_blocked_by_hand(self) -> bool:
        """Whether a person blocked it, as in a recall: no result undoes that."""
        return any(not b.failed and b.lifted is None for b in self.blocks)

    @property
    def blocked_for(self) -> tuple[str, ...]:
        """The tests whose results block it now."""
        return tuple(test for b in self.blocks if b.lifted is None for test in b.failed)

    @property
    def difference(self) -> int:
        """Bags on the delivery note that were neither scanned nor named as missing; 0 without one.

        Negative: more came than it says.
        """
        return 0 if self.declared is None else self.declared - len(self.bags)

    @property
    def may_be_used(self) -> bool:
        """Whether its bags may be thawed for somebody."""
        return self.status in ("conditional", "released")


class BagRecord(Struct, frozen=True):
    """A bag on its way; `label` is that of the infusion it went into."""

    bag: str
    batch: str
    volume_ml: float
    status: BagStatus = "stored"
    scan: str = ""
    minutes_out: int = 0
    thawed_at: dt.datetime | None = None
    cells_per_ml: float | None = None
    viability: float | None = None
    results: Mapping[str, Result] = {}
    label: str = ""

    @property
    def status_name(self) -> Text:
        """The status in words."""
        return STATUS_NAMES["bag"][self.status]


class PreparationRecord(Struct, frozen=True):
    """An infusion as it was composed, and how far it has come."""

    label: str
    participant: str
    encounter: str
    product: str
    draws: tuple[tuple[str, float], ...]
    target_cells: int
    drawn_ml: float
    medium_ml: float
    volume_ml: float
    given_cells: int
    usable_until: dt.datetime | None
    made: Stamp
    status: Literal["made", "verified", "discarded"] = "made"
    verified: Stamp | None = None

    @property
    def status_name(self) -> Text:
        """The status in words."""
        return STATUS_NAMES["preparation"][self.status]

    @property
    def reason(self) -> str:
        """Why it is gone on with, on a record that is older than the trial; else empty."""
        return self.made.reason or (self.verified.reason if self.verified else "")


class CellState(Struct, frozen=True):
    """The cell unit's record as of its last entry."""

    donors: Mapping[str, str] = {}
    batches: Mapping[str, BatchRecord] = {}
    bags: Mapping[str, BagRecord] = {}
    preparations: Mapping[str, PreparationRecord] = {}
    versions: Mapping[str, int] = {}
    seq: int = 0


def fold_cells(state: CellState, entries: Iterable[Entry]) -> CellState:
    """The state after all of these entries."""
    for entry in entries:
        if entry.body is not None:
            event = c.from_cell_entry(entry.type, entry.body)
            place = f"{entry.chain}:{entry.seq}"
            stamp = Stamp(entry.by, entry.role, entry.at, entry.reason, place)
            state = _EVOLVE[type(event)](state, event, stamp)
        versions = {**state.versions, entry.stream: entry.version}
        state = replace(state, versions=versions, seq=entry.seq)
    return state


def _donor(s: CellState, x: c.DonorRegistered, _: Stamp) -> CellState:
    return replace(s, donors={**s.donors, x.donor: x.donation})


def _received(s: CellState, x: c.BatchReceived, stamp: Stamp) -> CellState:
    batch = BatchRecord(
        batch=x.batch,
        product=x.product,
        shipment=x.shipment,
        donors=x.donors,
        expires_on=x.expires_on,
        volume_ml=x.volume_ml,
        cells_per_ml=x.cells_per_ml,
        bags=(*x.bags, *x.missing),
        stamp=stamp,
        european_code=x.european_code,
        is_intact=x.is_intact,
        declared=x.declared,
    )
    came = {b: BagRecord(b, x.batch, x.volume_ml, scan=x.scans.get(b, "")) for b in x.bags}
    lost = {b: BagRecord(b, x.batch, x.volume_ml, status="missing") for b in x.missing}
    return replace(s, batches={**s.batches, x.batch: batch}, bags={**s.bags, **came, **lost})


def _explained(s: CellState, x: c.DifferenceExplained, stamp: Stamp) -> CellState:
    return _with_batch(s, x.batch, explained=stamp)


def _result(s: CellState, x: c.ResultRecorded, stamp: Stamp) -> CellState:
    batch = s.batches[x.batch]
    results, recorded = {**batch.results, x.test: x.result}, {**batch.recorded, x.test: stamp}
    return _with_batch(s, x.batch, results=results, recorded=recorded)


def _released(s: CellState, x: c.BatchReleased, stamp: Stamp) -> CellState:
    status = "conditional" if x.pending else "released"
    return _with_batch(s, x.batch, status=status, changed=stamp)


def _blocked(s: CellState, x: c.BatchBlocked, stamp: Stamp) -> CellState:
    blocks = (*s.batches[x.batch].blocks, Block(x.failed, stamp))
    return _with_batch(s, x.batch, status="blocked", changed=stamp, blocks=blocks)


def _lifted(s: CellState, x: c.BlockLifted, stamp: Stamp) -> CellState:
    blocks = (replace(b, lifted=b.lifted or stamp) for b in s.batches[x.batch].blocks)
    return _with_batch(s, x.batch, status="quarantine", changed=stamp, blocks=tuple(blocks))


def _told(s: CellState, x: c.ExposureTold, stamp: Stamp) -> CellState:
    told = {**s.batches[x.batch].told, x.participant: (x.told, stamp)}
    return _with_batch(s, x.batch, told=told)


def _time_out(s: CellState, x: c.TimeOutRecorded, _: Stamp) -> CellState:
    return _with_bags(s, (x.bag,), minutes_out=s.bags[x.bag].minutes_out + x.minutes)


def _thawed(s: CellState, x: c.BagThawed, _: Stamp) -> CellState:
    return _with_bags(
        s,
        (x.bag,),
        status="thawed",
        thawed_at=x.thawed_at,
        cells_per_ml=x.cells_per_ml,
        viability=x.viability,
        results=x.results,
    )


def _counted(s: CellState, x: c.BagCounted, _: Stamp) -> CellState:
    found = {"cells_per_ml": x.cells_per_ml, "viability": x.viability, "results": x.results}
    return _with_bags(s, (x.bag,), **found)


def _made(s: CellState, x: c.PreparationMade, stamp: Stamp) -> CellState:
    known = {f: getattr(x, f) for f in x.__struct_fields__ if f != "computed_by"}
    made = PreparationRecord(**known, made=stamp)
    s = _with_bags(s, (bag for bag, _ in x.draws), status="used", label=x.label)
    return replace(s, preparations={**s.preparations, x.label: made})


def _verified(s: CellState, x: c.PreparationVerified, stamp: Stamp) -> CellState:
    return _with_preparation(s, x.label, status="verified", verified=stamp)


def _discarded(s: CellState, x: c.PreparationDiscarded, _: Stamp) -> CellState:
    s = _with_bags(s, (bag for bag, _ in s.preparations[x.label].draws), status="destroyed")
    return _with_preparation(s, x.label, status="discarded")


def _removed(s: CellState, x: c.BagsRemoved, _: Stamp) -> CellState:
    return _with_bags(s, x.bags, status=x.how)


def _with_batch(s: CellState, name: str, **changes: Any) -> CellState:
    return replace(s, batches={**s.batches, name: replace(s.batches[name], **changes)})


def _with_bags(s: CellState, names: Iterable[str], **changes: Any) -> CellState:
    return replace(s, bags={**s.bags, **{n: replace(s.bags[n], **changes) for n in names}})


def _with_preparation(s: CellState, label: str, **changes: Any) -> CellState:
    changed = replace(s.preparations[label], **changes)
    return replace(s, preparations={**s.preparations, label: changed})


def _door_used(s: CellState, _: c.SealedDoorUsed, __: Stamp) -> CellState:
    return s  # it is read in the ledger, and nothing is decided on it


_EVOLVE: dict[type[c.CellEvent], Callable[[CellState, Any, Stamp], CellState]] = {
    c.DonorRegistered: _donor,
    c.BatchReceived: _received,
    c.DifferenceExplained: _explained,
    c.ResultRecorded: _result,
    c.BatchReleased: _released,
    c.BatchBlocked: _blocked,
    c.BlockLifted: _lifted,
    c.ExposureTold: _told,
    c.TimeOutRecorded: _time_out,
    c.BagThawed: _thawed,
    c.BagCounted: _counted,
    c.PreparationMade: _made,
    c.PreparationVerified: _verified,
    c.PreparationDiscarded: _discarded,
    c.BagsRemoved: _removed,
    c.SealedDoorUsed: _door_used,
}

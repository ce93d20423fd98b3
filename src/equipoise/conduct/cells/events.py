"""Everything that can happen to cells: the closed list of the cell unit's own ledger.

No entry here ever reaches the trial's ledger. A donor is a donation number, never a name.
"""

import datetime as dt
from collections.abc import Mapping

import msgspec
from msgspec import Struct

from equipoise.supply import Result


class CellEvent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recorded fact of the cell unit."""


class DonorRegistered(CellEvent, frozen=True, kw_only=True):
    """A donor whose cells may come; `donation` is the number under which the maker knows them."""

    donor: str
    donation: str


class BatchReceived(CellEvent, frozen=True, kw_only=True):
    """A shipment of one batch came: its bags, those that were sent and did not arrive, its papers.

    `european_code` is the Single European Code; `scans` holds, by bag, what else its label says,
    such as an ISBT 128 symbol, kept as it was scanned.
    """

    batch: str
    product: str
    shipment: str
    donors: tuple[str, ...]
    expires_on: dt.date
    volume_ml: float
    cells_per_ml: float | None = None
    bags: tuple[str, ...]
    missing: tuple[str, ...] = ()
    european_code: str = ""
    scans: Mapping[str, str] = {}
    is_intact: bool = True


class ResultRecorded(CellEvent, frozen=True, kw_only=True):
    """A test of the specification has a result; a second one replaces the first, with a reason."""

    batch: str
    test: str
    result: Result
    on: dt.date


class BatchReleased(CellEvent, frozen=True, kw_only=True):
    """The batch may be used; a conditional release did not wait for the tests in `pending`."""

    batch: str
    pending: tuple[str, ...] = ()


class BatchBlocked(CellEvent, frozen=True, kw_only=True):
    """The batch may not be used any more; `failed` are the tests because of which, if any."""

    batch: str
    failed: tuple[str, ...] = ()


class ExposureTold(CellEvent, frozen=True, kw_only=True):
    """Who had received something of a blocked batch was told of, and to whom."""

    batch: str
    participant: str
    told: str


class TimeOutRecorded(CellEvent, frozen=True, kw_only=True):
    """A bag was out of its storage for so many minutes and is back."""

    bag: str
    minutes: int


class BagThawed(CellEvent, frozen=True, kw_only=True):
    """A bag was thawed, whatever it holds: its time runs from that instant.

    The figures stand here in entries from before they had one of their own, `BagCounted`.
    """

    bag: str
    thawed_at: dt.datetime
    cells_per_ml: float | None = None
    viability: float | None = None
    results: Mapping[str, Result] = {}


class BagCounted(CellEvent, frozen=True, kw_only=True):
    """What was counted and tested in a thawed bag. `viability` is a fraction."""

    bag: str
    cells_per_ml: float | None = None
    viability: float | None = None
    results: Mapping[str, Result] = {}


class PreparationMade(CellEvent, frozen=True, kw_only=True):
    """An infusion was composed: mL from each bag, medium, the label under which it goes out."""

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
    usable_until: dt.datetime | None = None
    computed_by: str = ""


class PreparationVerified(CellEvent, frozen=True, kw_only=True):
    """A second person computed the same from the printed sheet."""

    label: str
    target_cells: int
    drawn_ml: float
    n_bags: int


class PreparationDiscarded(CellEvent, frozen=True, kw_only=True):
    """A preparation was destroyed; its bags with it."""

    label: str


class BagsRemoved(CellEvent, frozen=True, kw_only=True):
    """Bags were destroyed, or went back to the maker."""

    bags: tuple[str, ...]
    how: str


class SealedDoorUsed(CellEvent, frozen=True, kw_only=True):
    """Somebody came in at the sealed door (`page` is `sign_in`), or opened a page of it.

    It stands here and not in the trial's ledger, where its instants could tell how long somebody
    worked on an infusion, and so what it held.
    """

    page: str
    about: str = ""


CELL_EVENTS: tuple[type[CellEvent], ...] = tuple(CellEvent.__subclasses__())
"""All of them."""

_DECODERS = {kind.__name__: msgspec.json.Decoder(kind) for kind in CELL_EVENTS}


def from_cell_entry(type_name: str, body: bytes) -> CellEvent:
    """The event of an entry of the cell unit's ledger.

    Raises:
        KeyError: a type that this version does not know.
    """
    event: CellEvent = _DECODERS[type_name].decode(body)
    return event

"""The cell unit's own record: a second ledger, behind the sealed door alone.

Donors, batches, bags, results and what went into which infusion tell who got cells. They have their
own store, their own closed list of events and their own acts; the trial's ledger keeps the order,
the opaque label, and what was given.
"""

from equipoise.conduct.cells.door import CELL_ACTS, CellUnit, record_use, refuse_shared
from equipoise.conduct.cells.ending import discard_preparation, remove_bags, tell_exposed
from equipoise.conduct.cells.events import CELL_EVENTS
from equipoise.conduct.cells.preparing import (
    count_bag,
    hand_out,
    make_preparation,
    record_time_out,
    thaw_bag,
    verify_preparation,
)
from equipoise.conduct.cells.receiving import (
    block_batch,
    explain_difference,
    lift_block,
    receive_batch,
    record_result,
    register_donor,
    release_batch,
)
from equipoise.conduct.cells.state import BagRecord, BatchRecord, CellState, PreparationRecord
from equipoise.conduct.cells.tracing import (
    Balance,
    Trace,
    balance_of,
    derive_places,
    exposed_to,
    is_to_verify_again,
    judge_batch,
    preparation_for,
    trace,
    trace_donor,
    trace_participant,
    usable_bags,
)

__all__ = [
    "CELL_ACTS",
    "CELL_EVENTS",
    "BagRecord",
    "Balance",
    "BatchRecord",
    "CellState",
    "CellUnit",
    "PreparationRecord",
    "Trace",
    "balance_of",
    "block_batch",
    "count_bag",
    "derive_places",
    "discard_preparation",
    "explain_difference",
    "exposed_to",
    "hand_out",
    "is_to_verify_again",
    "judge_batch",
    "lift_block",
    "make_preparation",
    "preparation_for",
    "receive_batch",
    "record_result",
    "record_time_out",
    "record_use",
    "refuse_shared",
    "register_donor",
    "release_batch",
    "remove_bags",
    "tell_exposed",
    "thaw_bag",
    "trace",
    "trace_donor",
    "trace_participant",
    "usable_bags",
    "verify_preparation",
]

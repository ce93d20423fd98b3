"""Safety: adverse events, how serious they are, and the clocks that start from them."""

from equipoise.safety.adverse import (
    AdverseEvent,
    AdverseRecord,
    Clock,
    assess_clock,
    list_adverse_events,
    read_adverse_event,
)
from equipoise.safety.stopping import Counts, RuleState, assess_stopping, count_events

__all__ = [
    "AdverseEvent",
    "AdverseRecord",
    "Clock",
    "Counts",
    "RuleState",
    "assess_clock",
    "assess_stopping",
    "count_events",
    "list_adverse_events",
    "read_adverse_event",
]

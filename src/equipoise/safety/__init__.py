"""Safety: adverse events, how serious they are, and the clocks that start from them."""

from equipoise.safety.adverse import (
    AdverseEvent,
    AdverseRecord,
    Clock,
    assess_clock,
    list_adverse_events,
    read_adverse_event,
)

__all__ = [
    "AdverseEvent",
    "AdverseRecord",
    "Clock",
    "assess_clock",
    "list_adverse_events",
    "read_adverse_event",
]

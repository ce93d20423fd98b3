"""What each participant was to receive, what was handed out, and what went in: kept apart."""

from equipoise.analysis.exposure.treatments import (
    COLUMNS,
    Treatment,
    departures_of,
    list_treatments,
    received_of,
)

__all__ = ["COLUMNS", "Treatment", "departures_of", "list_treatments", "received_of"]

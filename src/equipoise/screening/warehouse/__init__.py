"""Criteria over the tables of a database, in its own SQL."""

from equipoise.screening.warehouse.asking import (
    compare_held,
    reasons_held,
    settle_held,
    write_held,
)
from equipoise.screening.warehouse.database import (
    Held,
    connect,
    count_people,
    hold_people,
    screen_database,
)
from equipoise.screening.warehouse.queries import DIALECTS, Dialect, count_query, people_query

__all__ = [
    "DIALECTS",
    "Dialect",
    "Held",
    "compare_held",
    "connect",
    "count_people",
    "count_query",
    "hold_people",
    "people_query",
    "reasons_held",
    "screen_database",
    "settle_held",
    "write_held",
]

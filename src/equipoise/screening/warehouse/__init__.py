"""Criteria over the tables of a database, in its own SQL."""

from equipoise.screening.warehouse.database import connect, screen_database
from equipoise.screening.warehouse.queries import DIALECTS, Dialect, count_query, people_query

__all__ = ["DIALECTS", "Dialect", "connect", "count_query", "people_query", "screen_database"]

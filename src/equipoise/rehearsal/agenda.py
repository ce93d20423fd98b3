"""Simulated time: one queue for the whole trial, and the days on which a site works.

A course is a generator: it yields the instant at which it wants to go on, and is resumed then. All
courses share one queue, so that what they record is in the order of time across sites.
"""

import datetime as dt
import heapq
from collections.abc import Iterator
from itertools import count

Course = Iterator[dt.datetime]
"""What somebody goes through: each yield is the instant (UTC) of the next step."""

OPENS, CLOSES = dt.time(8, 0), dt.time(18, 0)
"""Sites work from Monday to Friday between these hours, UTC."""

_STEP = dt.timedelta(seconds=1)


class Agenda:
    """The queue of everything that is going to happen. `now` never stands still nor goes back."""

    def __init__(self, start: dt.datetime) -> None:
        self.now = start
        self._waiting: list[tuple[dt.datetime, int, Course]] = []
        self._places = count()

    def add(self, course: Course) -> None:
        """Begin a course; it runs up to its first instant."""
        at = next(course, None)
        if at is not None:
            heapq.heappush(self._waiting, (at, next(self._places), course))

    def next_at(self) -> dt.datetime | None:
        """When the next step is due; None if nothing is left."""
        return self._waiting[0][0] if self._waiting else None

    def step(self) -> None:
        """Resume the course whose instant comes first."""
        at, _, course = heapq.heappop(self._waiting)
        self.now = max(at, self.now + _STEP)
        self.add(course)

    def tick(self) -> dt.datetime:
        """The present instant, later than every one given before."""
        self.now += _STEP
        return self.now


def working_day(on: dt.date) -> dt.date:
    """The day itself, or the Monday after a weekend."""
    return on + dt.timedelta(days=max(0, 7 - on.weekday()) if on.weekday() >= 5 else 0)


def at_hour(on: dt.date, hours: float) -> dt.datetime:
    """An instant of a day, `hours` after opening, at the latest a minute before closing."""
    opening = dt.datetime.combine(on, OPENS, dt.UTC)
    closing = dt.datetime.combine(on, CLOSES, dt.UTC) - dt.timedelta(minutes=1)
    return min(opening + dt.timedelta(hours=hours), closing)

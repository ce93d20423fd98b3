"""Dates of encounters and where they stand."""

import datetime as dt

import pytest

from equipoise.problems import Text
from equipoise.schedule import PlannedEncounter, assess_timing, plan_encounters
from equipoise.study.protocol import Encounter, Schedule, Window

ZERO = dt.date(2028, 2, 29)
SCHEDULE = Schedule(
    encounters={
        "screening": Encounter(label=Text("Screening"), epoch="s", days=(-28, -1)),
        "M0": Encounter(label=Text("M0"), epoch="t", day=0),
        "M3": Encounter(label=Text("M3"), epoch="t", day=91, window=Window(before=7, after=14)),
    }
)


def test_plans_spans_and_windows_over_a_leap_day() -> None:
    """Day counts are calendar days: 91 days after 29 February 2028 is 30 May."""
    assert plan_encounters(SCHEDULE, ZERO) == (
        PlannedEncounter(
            "screening", dt.date(2028, 2, 1), dt.date(2028, 2, 1), dt.date(2028, 2, 28)
        ),
        PlannedEncounter("M0", ZERO, ZERO, ZERO),
        PlannedEncounter("M3", dt.date(2028, 5, 30), dt.date(2028, 5, 23), dt.date(2028, 6, 13)),
    )


@pytest.mark.parametrize(
    ("happened", "missed", "today", "expected"),
    [
        (None, False, "2028-05-22", "upcoming"),
        (None, False, "2028-05-23", "open"),
        (None, False, "2028-06-13", "open"),
        (None, False, "2028-06-14", "overdue"),
        (None, True, "2028-06-14", "missed"),
        ("2028-05-22", False, "2028-07-01", "early"),
        ("2028-05-23", False, "2028-07-01", "done"),
        ("2028-06-13", False, "2028-07-01", "done"),
        ("2028-06-14", False, "2028-07-01", "late"),
    ],
)
def test_says_where_an_encounter_stands(
    happened: str | None, missed: bool, today: str, expected: str
) -> None:
    """Both edges of the window belong to it."""
    planned = plan_encounters(SCHEDULE, ZERO)[2]
    happened_on = dt.date.fromisoformat(happened) if happened else None

    timing = assess_timing(
        planned, happened_on=happened_on, is_missed=missed, today=dt.date.fromisoformat(today)
    )

    assert timing == expected


@pytest.mark.parametrize(("happened", "expected"), [(ZERO, "done"), (None, "unplanned")])
def test_without_a_plan_only_what_happened_is_known(
    happened: dt.date | None, expected: str
) -> None:
    """Before day zero is known nothing is due."""
    assert assess_timing(None, happened_on=happened, is_missed=False, today=ZERO) == expected

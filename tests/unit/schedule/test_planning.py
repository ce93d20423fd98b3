"""Dates of encounters and where they stand."""

import datetime as dt
from typing import Any

import pytest
from msgspec.structs import replace

from equipoise.language import Known, Reason, unknown
from equipoise.problems import Text
from equipoise.schedule import (
    Expectation,
    PlannedEncounter,
    assess_timing,
    expect_encounter,
    expect_form,
    plan_encounters,
)
from equipoise.study.forms import Form
from equipoise.study.protocol import Encounter, Schedule, Window
from equipoise.study.roles import Role

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


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("", Expectation()),
        ("a", Expectation(is_expected=True)),
        ("b", Expectation(is_expected=False)),
        ("c", Expectation(None, (Reason("missing", "c"),))),
    ],
)
def test_what_is_expected_follows_its_condition(condition: str, expected: Expectation) -> None:
    """Without one, always; what cannot be told stays open, unless the other condition is false."""
    known = {"a": Known(True), "b": Known(False), "c": unknown("missing", "c")}
    m3 = replace(SCHEDULE.encounters["M3"], when=condition)
    schedule = Schedule(encounters={"M3": m3})
    form = Form(form="f", title=Text("F"), by=(Role.INVESTIGATOR,), at=("M3",))
    never = replace(form, when="b")

    assert expect_encounter(schedule, "M3", assess=known.__getitem__) == expected
    assert expect_form(schedule, "M3", form, assess=known.__getitem__) == expected
    assert not expect_form(schedule, "M3", never, assess=known.__getitem__).is_expected
    assert expect_form(schedule, "", never, assess=known.__getitem__).is_expected is False


def test_what_is_not_expected_is_neither_due_nor_overdue() -> None:
    """Unless it took place all the same."""
    planned = plan_encounters(SCHEDULE, ZERO)[2]
    known: dict[str, Any] = {"is_missed": False, "today": dt.date(2029, 1, 1)}

    assert assess_timing(planned, happened_on=None, is_expected=False, **known) == "not_expected"
    assert assess_timing(planned, happened_on=None, is_expected=None, **known) == "overdue"
    assert (
        assess_timing(planned, happened_on=planned.planned_on, is_expected=False, **known) == "done"
    )

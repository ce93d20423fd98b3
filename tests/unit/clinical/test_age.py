"""Age: completed years, and what a month of birth leaves open at the bounds of a criterion."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.clinical import age_range, completed_years
from equipoise.eligibility.functions import functions_at
from equipoise.language import Known, Value, evaluate, parse, read_month, unknown

DAY = dt.date(2026, 3, 27)
LEAP_BORN = dt.date(2008, 2, 29)


@pytest.mark.parametrize(
    ("born", "on", "years"),
    [
        (dt.date(1956, 3, 28), DAY, 69),
        (dt.date(1956, 3, 27), DAY, 70),
        (dt.date(1955, 3, 28), DAY, 70),
        (LEAP_BORN, dt.date(2026, 2, 28), 17),
        (LEAP_BORN, dt.date(2026, 3, 1), 18),
        (dt.date(2026, 3, 28), DAY, -1),
    ],
)
def test_age_is_counted_in_completed_years(born: dt.date, on: dt.date, years: int) -> None:
    """70 years and 364 days is still 70."""
    assert completed_years(born, on) == years


@pytest.mark.parametrize(
    ("month", "on", "ages"),
    [
        ("1956-04", DAY, (69, 69)),
        ("1956-03", DAY, (69, 70)),
        ("1956-03", dt.date(2026, 3, 31), (70, 70)),
        ("1955-12", DAY, (70, 70)),
        ("2008-02", dt.date(2026, 2, 28), (17, 18)),
    ],
)
def test_a_birth_month_leaves_two_ages_only_in_its_own_month(
    month: str, on: dt.date, ages: tuple[int, int]
) -> None:
    """The day of birth is not known, so within that month the age may be either."""
    assert age_range(month, on) == ages


def test_a_month_that_does_not_exist_is_refused() -> None:
    """2026-13 is no month."""
    with pytest.raises(ValueError, match="month"):
        age_range("2026-13", DAY)


@given(st.dates(dt.date(1920, 1, 1), dt.date(2020, 1, 1)), st.dates(dt.date(2020, 1, 2)))
def test_the_age_always_lies_in_the_range_of_its_month(born: dt.date, on: dt.date) -> None:
    """Whatever the day of birth, and the range is at most one year wide."""
    low, high = age_range(f"{born:%Y-%m}", on)

    assert low <= completed_years(born, on) <= high <= low + 1


def of_age(born: Known, on: dt.date) -> Value:
    criterion = parse("18 years <= age(born) <= 70 years")
    return evaluate(criterion, {"born": born}.get, functions=functions_at(on))


@pytest.mark.parametrize(
    ("month", "on", "answer"),
    [
        ("2008-02", DAY, True),
        ("2008-03", dt.date(2026, 2, 28), False),
        ("2008-03", dt.date(2026, 3, 1), None),
        ("2008-03", dt.date(2026, 3, 30), None),
        ("2008-03", dt.date(2026, 3, 31), True),
        ("2008-04", DAY, False),
        ("1955-02", DAY, False),
        ("1955-03", dt.date(2026, 2, 28), True),
        ("1955-03", dt.date(2026, 3, 1), None),
        ("1955-03", dt.date(2026, 3, 30), None),
        ("1955-03", dt.date(2026, 3, 31), False),
        ("1955-04", DAY, True),
        # Born on the 29th of a February, or before it: 18 only on 1 March, 71 likewise.
        ("2008-02", dt.date(2026, 2, 28), None),
        ("2008-02", dt.date(2026, 3, 1), True),
        ("1956-02", dt.date(2027, 2, 28), None),
        ("1956-02", dt.date(2027, 3, 1), False),
        # A February of 28 days is over on its last one.
        ("2007-02", dt.date(2025, 2, 28), True),
    ],
)
def test_eighteen_and_seventy_are_not_known_within_the_month_that_decides(
    month: str, on: dt.date, answer: bool | None
) -> None:
    """Before the last day of that month the criterion says which value is ambiguous, never no."""
    found = of_age(Known(read_month(month)), on)

    assert found == (unknown("ambiguous", "born") if answer is None else Known(answer))


@pytest.mark.parametrize(
    ("born", "on", "answer"),
    [
        (LEAP_BORN, dt.date(2026, 2, 28), False),
        (LEAP_BORN, dt.date(2026, 3, 1), True),
        (LEAP_BORN, dt.date(2028, 2, 28), True),
        (dt.date(1956, 2, 29), dt.date(2027, 2, 28), True),
        (dt.date(1956, 2, 29), dt.date(2027, 3, 1), False),
        (dt.date(1955, 3, 28), DAY, True),
        (dt.date(1955, 3, 27), DAY, False),
        (dt.date(2008, 3, 27), DAY, True),
        (dt.date(2008, 3, 28), DAY, False),
    ],
)
def test_a_day_of_birth_decides_on_the_day(born: dt.date, on: dt.date, answer: bool) -> None:
    """Who has the exact day gives an answer, at 29 February too."""
    assert of_age(Known(born), on) == Known(answer)


@given(
    st.dates(dt.date(1950, 1, 1), dt.date(2010, 12, 31)),
    st.dates(dt.date(2024, 1, 1), dt.date(2030, 12, 31)),
)
def test_a_month_never_answers_other_than_its_day(born: dt.date, on: dt.date) -> None:
    """What the month decides, any day of it decides alike."""
    by_month, by_day = of_age(Known(read_month(f"{born:%Y-%m}")), on), of_age(Known(born), on)

    assert by_month in (by_day, unknown("ambiguous", "born"))

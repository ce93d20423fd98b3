"""Days and durations

Two days differ by a number of days; a duration moves a day. Months and years follow the calendar,
weeks and days count. `on within 28 days before consent_on` is a window that holds both its ends.
"""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.language import Interval, Known, Unknown, Value, evaluate, parse, unknown
from equipoise.language.functions import shift_months
from tests.spec.tables import read, rows_of, tell


def answer(source: str, **values: object) -> object:
    """The plain value, or the reasons as `kind name`."""
    known: dict[str, Value] = {
        name: value if isinstance(value, Unknown) else Known(value)  # type: ignore[arg-type]
        for name, value in values.items()
    }
    found = evaluate(parse(source), known.get)
    if isinstance(found, Unknown):
        return ", ".join(f"{r.kind} {r.name}".strip() for r in found.reasons)
    return found.value


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("2026-03-27 within 28 days before 2026-04-24", True),
        ("2026-03-26 within 28 days before 2026-04-24", False),
        ("2026-04-24 within 28 days before 2026-04-24", True),
        ("2026-04-25 within 28 days before 2026-04-24", False),
        ("2026-04-25 within 28 days after 2026-04-24", True),
        ("2026-04-23 within 28 days after 2026-04-24", False),
        ("2026-05-22 within 28 days after 2026-04-24", True),
        ("2026-05-23 within 28 days after 2026-04-24", False),
        ("2026-03-27 within 4 weeks of 2026-04-24", True),
        ("2026-05-22 within 4 weeks of 2026-04-24", True),
        ("2026-05-23 within 4 weeks of 2026-04-24", False),
    ],
)
def test_a_window_reaches_before_after_or_both_ways_and_holds_its_ends(
    source: str, expected: bool
) -> None:
    """`on within 28 days before consent_on` reads as it is said; both end days belong to it."""
    assert answer(source) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("2026-01-31 + 1 months", "2026-02-28"),
        ("2024-01-31 + 1 months", "2024-02-29"),
        ("2026-03-31 - 1 months", "2026-02-28"),
        ("2026-12-15 + 1 months", "2027-01-15"),
        ("2026-01-15 - 1 months", "2025-12-15"),
        ("2024-02-29 + 1 years", "2025-02-28"),
        ("2024-02-29 + 4 years", "2028-02-29"),
        ("2024-02-29 - 12 months", "2023-02-28"),
        ("2023-03-27 + 2 years", "2025-03-27"),
        ("2026-03-27 + 26 weeks", "2026-09-25"),
        ("2026-03-27 + 36 hours", "2026-03-28"),
    ],
)
def test_months_and_years_follow_the_calendar(source: str, expected: str) -> None:
    """The same day of the month, or its last; 29 February becomes the 28th (as in HL7 CQL)."""
    assert answer(source) == day(expected)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        # Two leap days lie in the first pair and none in the second: 731 and 730 days.
        ("2023-03-27 within 2 years before 2025-03-27", True),
        ("2023-03-26 within 2 years before 2025-03-27", False),
        ("2021-03-27 within 2 years before 2023-03-27", True),
        ("2021-03-26 within 2 years before 2023-03-27", False),
        ("2024-02-29 within 2 years before 2026-02-28", True),
        ("2022-02-28 within 2 years before 2024-02-29", True),
        ("2022-02-27 within 2 years before 2024-02-29", False),
        ("2026-02-28 within 1 months before 2026-03-31", True),
        ("2026-02-27 within 1 months before 2026-03-31", False),
    ],
)
def test_two_years_are_two_years(source: str, expected: bool) -> None:
    """However many leap days they hold; the window is counted from the day after `before`."""
    assert answer(source) is expected


@given(st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)), st.integers(-600, 600))
def test_a_shifted_day_lies_in_the_month_so_far_away(start: dt.date, months: int) -> None:
    """The month is exact, the day is kept unless that month is too short, order is kept."""
    shifted = shift_months(start, months)

    away = (shifted.year - start.year) * 12 + shifted.month - start.month
    assert away == months
    following = shifted + dt.timedelta(days=1)
    assert shifted.day == start.day or (shifted.day < start.day and following.day == 1)
    assert shift_months(start + dt.timedelta(days=1), months) >= shifted


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("on within 28 days before 2026-04-24", "ambiguous on"),
        ("on within 28 days before 2026-03-31", True),
        ("on within 28 days before 2026-02-28", False),
        ("2026-02-15 within 1 months before on", "ambiguous on"),
        ("on + 1 months", Interval(day("2026-04-01"), day("2026-04-30"))),
        ("gap within 28 days before 2026-04-24", "missing gap"),
        ("2026-03-02 within 28 days before gap", "missing gap"),
        ("2026-03-02 within months_back * 1 months before on", "missing months_back"),
    ],
)
def test_a_month_is_all_of_its_days(source: str, expected: object) -> None:
    """A day known to its month is in a window if every day of the month is."""
    march = Interval(day("2026-03-03"), day("2026-03-31"))
    if source.endswith("+ 1 months"):
        march = Interval(day("2026-03-01"), day("2026-03-31"))
    found = answer(
        source,
        on=march,
        gap=unknown("missing", "gap"),
        months_back=unknown("missing", "months_back"),
    )

    assert found == expected


WINDOWS = """
| day | consent | distance | `day within distance before consent` | `day within distance after consent` | `day within distance of consent` |
|---|---|---|---|---|---|
| 2026-03-27 | 2026-03-27 | 7 days | true | true | true |
| 2026-03-20 | 2026-03-27 | 7 days | true | false | true |
| 2026-03-19 | 2026-03-27 | 7 days | false | false | false |
| 2026-04-03 | 2026-03-27 | 7 days | false | true | true |
| 2026-04-04 | 2026-03-27 | 7 days | false | false | false |
| missing day | 2026-03-27 | 7 days | missing day | missing day | missing day |
| 2026-03-27 | stale consent | 7 days | stale consent | stale consent | stale consent |
| 2026-03-28 | 2026-03-27 | missing distance | false | missing distance | missing distance |
| 2026-03-26 | 2026-03-27 | missing distance | missing distance | false | missing distance |
| missing day | stale consent | missing distance | stale consent, missing distance, missing day | stale consent, missing day, missing distance | stale consent, missing distance, missing day |
"""


@pytest.mark.parametrize("row", rows_of(WINDOWS), ids=lambda r: f"{r['day']}, {r['consent']}")
def test_a_window_is_a_range_of_days(row: dict[str, str]) -> None:
    """`day within distance before consent` is `consent - distance <= day <= consent`, with what is known
    and unknown of it, and the reasons in that order."""
    values = {n: read(row[n]) for n in ("day", "consent", "distance")}
    values |= {n: Known(day(row[n])) for n in ("day", "consent") if row[n][0] == "2"}
    for head in list(row)[3:]:
        assert tell(evaluate(parse(head), values.get)) == row[head], head


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("2026-03-27 + 1.5 months", "undefined"),
        ("2026-03-27 + 0.5 years", dt.date(2026, 9, 27)),
        ("9999-12-15 + 1 months", "undefined"),
        ("0001-01-15 - 1 months", "undefined"),
        ("3 within 2 days before 2026-03-27", "undefined"),
        ("2026-03-27 within 2 kg before 2026-03-27", "unit_unknown"),
        ("2026-03-27 + 2 kg", "unit_unknown"),
    ],
)
def test_a_part_of_a_month_has_no_length(source: str, expected: object) -> None:
    """Half a year is six months, but half a month is no number of days."""
    assert answer(source) == expected


def test_the_words_of_windows_are_names_elsewhere() -> None:
    """`before`, `after` and `within` are words of the language only where they stand in a rule."""
    assert answer("within = 3 and before = 4 and of = 5", within=3, before=4, of=5) is True

"""What a person types, what it means, and what is said when it means nothing."""

import datetime as dt

import pytest
from django.utils import translation
from msgspec.structs import replace

from equipoise.capture.entry import MAX_TEXT
from equipoise.conduct.parts import Value
from equipoise.problems import Text
from equipoise.study.forms import Item
from equipoise.web import saying
from equipoise.web.entry.fields import (
    Field,
    check_given,
    fill_field,
    problems_of,
    read_field,
)

THIN, NO_BREAK, MINUS = "\u202f", "\u00a0", "\u2212"


def item(kind: str, **more: object) -> Item:
    return Item(label=Text("Weight", "Poids"), type=kind, **more)  # type: ignore[arg-type]


def typed(kind: str, text: str, *, language: str = "en", **more: object) -> Field:
    with translation.override(language):
        return read_field("x", item(kind, **more), {"x": text})


def codes(field: Field) -> list[str]:
    return [p.code for p in problems_of([field])]


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("70.5", "en", 70.5),
        ("70,5", "en", 70.5),
        ("70,5", "fr", 70.5),
        ("70.5", "fr", 70.5),
        ("12,500", "fr", 12.5),
        (f"1{THIN}234,5", "fr", 1234.5),
        (f"1{NO_BREAK}234", "fr", 1234.0),
        (f"{MINUS}2", "en", -2.0),
        (" +7 ", "en", 7.0),
        ("0", "en", 0.0),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, language: str, value: float) -> None:
    """Decimal point or comma in both languages, blanks between thousands, a true minus sign."""
    field = typed("number", text, language=language)

    assert (field.value, codes(field)) == (value, [])
    assert field.raw[""] == text.strip()


@pytest.mark.parametrize(
    "text", ["seventy", "7.0.0", "1e3", "0x10", "inf", "nan", "70 kg", "-", "٣"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    field = typed("number", text)

    assert (field.value, codes(field), field.raw[""]) == (None, ["EQ-W002"], text)


def test_a_comma_that_could_be_either_is_asked_about() -> None:
    """12,500 is twelve and a half in Paris and twelve thousand in London: nobody guesses."""
    assert codes(typed("number", "12,500")) == ["EQ-W003"]
    assert codes(typed("number", "12,50")) == []


@pytest.mark.parametrize("kind", ["integer", "scale"])
@pytest.mark.parametrize("text", ["3.0", "3,0", "three", "1" * 16, "²"])
def test_what_is_no_whole_number_is_refused(kind: str, text: str) -> None:
    assert codes(typed(kind, text)) == ["EQ-W004"]


@pytest.mark.parametrize("text", ["3", " 3", "+3"])
def test_a_whole_number(text: str) -> None:
    assert typed("integer", text).value == 3


def test_choices_are_those_of_the_item() -> None:
    """Also when the post is forged."""
    choices = {"female": Text("Female", "Féminin")}
    assert typed("choice", "female", choices=choices).value == "female"
    assert codes(typed("choice", "Female", choices=choices)) == ["EQ-W008"]
    assert typed("boolean", "yes").value is True
    assert typed("boolean", "no").value is False
    assert codes(typed("boolean", "maybe")) == ["EQ-W008"]


@pytest.mark.parametrize(
    ("day", "month", "year"),
    [
        ("31", "2", "2026"),
        ("29", "2", "2025"),
        ("0", "1", "2026"),
        ("1", "13", "2026"),
        ("1", "1", "26"),
        ("1", "1", ""),
        ("", "1", "2026"),
        ("1", "Jan", "2026"),
        ("1", "1", "0000"),
        ("1.5", "1", "2026"),
        ("-1", "1", "2026"),
    ],
)
def test_a_day_that_is_not_in_the_calendar(day: str, month: str, year: str) -> None:
    """31 February is told, with the three boxes as they were typed."""
    boxes = {"x.day": day, "x.month": month, "x.year": year}
    field = read_field("x", item("date"), boxes)

    assert codes(field) == ["EQ-W005"]
    assert field.raw == {"day": day, "month": month, "year": year}
    assert field.id == "f-x.day"


def test_days_and_months() -> None:
    leap = {"x.day": "29", "x.month": "02", "x.year": "2024"}
    assert read_field("x", item("date"), leap).value == "2024-02-29"
    month = read_field("x", item("month"), {"x.month": "5", "x.year": "1980"})
    assert (month.value, month.id) == ("1980-05", "f-x.month")
    assert codes(read_field("x", item("month"), {"x.month": "13", "x.year": "1980"})) == ["EQ-W005"]


def test_an_empty_field_is_no_value_and_no_problem() -> None:
    """Whether it is needed is for the form to say."""
    for kind in ("number", "integer", "text", "boolean", "choice", "date", "month", "scale"):
        field = read_field("x", item(kind), {"x": "  "})
        assert (field.value, field.is_empty, codes(field)) == (None, True, [])


def test_not_done_needs_a_reason_and_no_value() -> None:
    weight = item("number", may_be_not_done=True)
    done = read_field("x", weight, {"x.not_done": "yes", "x.reason": "scale broken"})
    assert (done.value, done.not_done, codes(done)) == (None, "scale broken", [])
    assert codes(read_field("x", weight, {"x.not_done": "yes", "x.reason": " a "})) == ["EQ-W007"]
    both = {"x": "70", "x.not_done": "yes", "x.reason": "scale broken"}
    assert codes(read_field("x", weight, both)) == ["EQ-W006"]
    step = item("scale", range=(0, 3), may_be_not_done=True)
    cleared = read_field("x", step, both | {"x": "2"})
    assert (cleared.value, dict(cleared.raw), codes(cleared)) == (None, {}, [])


def test_text_is_kept_whole() -> None:
    """Nothing is cut off in silence; only what no keyboard types is dropped."""
    long = "é" * (MAX_TEXT + 1)
    assert typed("text", long).value == long
    assert typed("text", "a\x00b ").value == "ab"
    assert codes(check_given([typed("text", long)])[0]) == ["EQ-F002"]
    assert codes(check_given([typed("text", long[1:])])[0]) == []


def test_what_a_page_of_the_interface_needs_is_told() -> None:
    empty = typed("text", "")
    optional = typed("text", "", required=False)
    wrong = typed("number", "x")
    checked = check_given([empty, optional, wrong])
    assert [codes(f) for f in checked] == [["EQ-W001"], [], ["EQ-W002"]]


def test_a_number_of_a_page_of_the_interface_is_within_its_range() -> None:
    """Both ends belong to it; what is entered in another unit is judged where it is kept."""
    for kind, text, expected in (
        ("number", "-0.1", ["EQ-F003"]),
        ("number", "0", []),
        ("number", "10", []),
        ("integer", "11", ["EQ-F003"]),
        ("number", "", []),
    ):
        (field,) = check_given([typed(kind, text, required=False, range=(0, 10))])
        assert codes(field) == expected
    elsewhere = replace(typed("number", "11", range=(0, 10)), unit="stone")
    assert codes(check_given([elsewhere])[0]) == []
    assert codes(check_given([typed("integer", "-5")])[0]) == []


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("number", 70.0),
        ("number", 70.25),
        ("number", 0.1),
        ("number", 123456.5),
        ("number", 1234567.0),
        ("integer", 12500),
        ("text", "a, b"),
        ("boolean", True),
        ("boolean", False),
        ("date", "2026-03-09"),
        ("month", "2026-10"),
        ("scale", 0),
        ("number", None),
        ("date", None),
    ],
)
def test_a_field_takes_back_what_it_shows(kind: str, value: Value, language: str) -> None:
    """A value that is shown for correction and posted unchanged is the same value."""
    with translation.override(language):
        shown = fill_field("x", item(kind, decimals=1, range=(0, 3)), value)
        posted = {f"x.{part}" if part else "x": text for part, text in shown.raw.items()}
        again = read_field("x", shown.item, posted)

    assert (again.value, codes(again)) == (value, [])


@pytest.mark.parametrize(
    ("value", "decimals", "english", "french"),
    [
        (70.5, None, "70.5", "70,5"),
        (1234567, None, f"1{THIN}234{THIN}567", f"1{THIN}234{THIN}567"),
        (1234.5, 1, f"1{THIN}234.5", f"1{THIN}234,5"),
        (10, 1, "10.0", "10,0"),
        (None, None, "–", "–"),
    ],
)
def test_numbers_are_shown_as_each_language_writes_them(
    value: float | None, decimals: int | None, english: str, french: str
) -> None:
    """The SI Brochure (9th ed., 5.4.4): a thin space between groups, a point or a comma."""
    assert saying.number(value, decimals) == english
    with translation.override("fr"):
        assert saying.number(value, decimals) == french


def test_days_and_instants_are_shown_as_each_language_writes_them() -> None:
    day = dt.date(2026, 3, 27)
    winter = dt.datetime(2026, 1, 5, 23, 30, tzinfo=dt.UTC)
    assert (saying.day(day), saying.day("2026-03-27")) == ("27 Mar 2026", "27 Mar 2026")
    assert (saying.day(None), saying.instant(None)) == ("–", "–")
    assert saying.month("2026-08") == "Aug 2026"
    assert saying.instant(winter) == "6 Jan 2026 00:30"  # one hour ahead of UTC in Paris
    with translation.override("fr"):
        assert saying.day(day) == "27/03/2026"
        assert saying.month("2026-08") == "août 2026"
        assert saying.instant(winter) == "06/01/2026 00:30"


def test_units_and_powers_are_printed_as_in_print() -> None:
    assert saying.unit("10^9/L") == "10⁹/L"
    assert saying.unit("umol/L") == "µmol/L"
    assert saying.unit("degC") == "°C"
    assert saying.unit("m^-2") == "m⁻²"
    assert saying.power(140_000_000) == f"1.4{NO_BREAK}×{NO_BREAK}10⁸"


def test_values_are_shown_in_words() -> None:
    choices = {"a": Text("First", "Premier")}
    shown = {
        "choice": saying.value_of(item("choice", choices=choices), "a"),
        "gone": saying.value_of(item("choice", choices=choices), "b"),
        "date": saying.value_of(item("date"), "2026-03-27"),
        "month": saying.value_of(item("month"), "2026-03"),
        "text": saying.value_of(item("text"), "plain"),
        "boolean": saying.value_of(item("boolean"), False),
        "number": saying.value_of(item("number", unit="kg", decimals=1), 70.0),
        "scale": saying.value_of(item("scale"), 2),
        "empty": saying.value_of(item("number"), None),
    }
    assert shown == {
        "choice": "First",
        "gone": "b",
        "date": "27 Mar 2026",
        "month": "Mar 2026",
        "text": "plain",
        "boolean": "No",
        "number": f"70.0{NO_BREAK}kg",
        "scale": "2",
        "empty": "–",
    }

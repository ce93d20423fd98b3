"""Values: numbers with units, days, months, choices and texts

A number carries its unit: `5 mg/L`, `11 g/dL`, `80 %`; a count or a score has none. A day is
written `2026-03-27`, a month `2026-03`, a yes or no `true` or `false`, a choice by its code, a text
in quotes. A month stands for any of its days, an age known from the month of birth for two years:
such a value is known wherever every possibility gives the same answer.
"""

import datetime as dt

import pytest

from equipoise.language import (
    Function,
    Interval,
    Known,
    Unknown,
    Value,
    ValueType,
    as_functions,
    convert,
    evaluate,
    find_unit,
    history_functions,
    parse,
    read_month,
    read_value,
    unknown,
    years_between,
)
from equipoise.language.units import UNITS, find_factor, round_off

DAY = dt.date(2026, 3, 27)
PERSON: dict[str, Value] = {
    "crp": Known(7.2, "mg/L"),
    "hb": Known(110, "g/L"),
    "ast": Known(38.1, "U/L"),
    "ast_upper": Known(12.7, "U/L"),
    "age": Known(Interval(17, 18), "years"),
    "mrss": Known(20),
    "sex": Known("female"),
    "is_ill": Known(True),
    "seen_on": Known(DAY),
    "onset_on": Known(Interval(dt.date(2026, 3, 1), dt.date(2026, 3, 31))),
    "band": Known(Interval(-1, 2)),
    "huge": Known(10**400),
    "gap": unknown("missing", "gap"),
    "nothing": Known(None),  # type: ignore[arg-type]
}


def answer(source: str, **functions: Function) -> object:
    """The plain value, or the reasons as `kind name`."""
    from equipoise.language import STANDARD_FUNCTIONS

    found = evaluate(parse(source), PERSON.get, functions={**STANDARD_FUNCTIONS, **functions})
    if isinstance(found, Unknown):
        return ", ".join(f"{r.kind} {r.name}".strip() for r in found.reasons)
    return found.value


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("crp > 5 mg/L", True),
        ("crp > 0.72 mg/dL", False),
        ("crp >= 0.72 mg/dL", True),
        ("hb < 11 g/dL", False),
        ("hb <= 11 g/dL", True),
        ("hb = 11 g/dL", True),
        ("hb != 11 g/dL", False),
        ("11 g/dL = hb", True),
        ("5 mg/L < crp <= 7.2 mg/L", True),
        ("5 mg/L < crp < 7.2 mg/L", False),
        ("18 > mrss > 3", False),
        ("crp > 5", "unit_unknown crp"),
        ("crp > 5 kg", "unit_unknown crp"),
        ("mrss >= 20", True),
        ("mrss >= 20 points", "unit_unknown mrss"),
    ],
)
def test_a_unit_is_converted_or_refused(source: str, expected: object) -> None:
    """A limit in another unit of the same quantity means the same; any other cannot be told."""
    assert answer(source) == expected


def test_numbers_are_compared_as_they_are_written() -> None:
    """38.1 is three times 12.7, although the machine's binary fractions say otherwise."""
    assert 38.1 > 3 * 12.7
    assert answer("ast > 3 * ast_upper") is False
    assert answer("ast = 3 * ast_upper") is True
    assert round_off(0.1 + 0.2) == 0.3


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("mrss in {19, 20}", True),
        ("mrss not in {19, 20}", False),
        ("hb in {11 g/dL}", True),
        ("mrss in {-20, 3}", False),
        ("seen_on in {2026-03-27}", True),
        ("seen_on in {2026-02}", False),
        ("sex in {male, female}", True),
        ("sex not in {male}", True),
        ("sex = female", True),
        ("sex != female", False),
        ("female = sex", True),
        ('sex = "female"', True),
        ("gap in {a, b}", "missing gap"),
        ("is_ill", True),
        ("is_ill = true", True),
        ("is_ill = false", False),
        ("true and not false", True),
    ],
)
def test_choices_are_compared_by_their_codes(source: str, expected: object) -> None:
    """A bare name that no value has is a code where it is compared for equality."""
    assert answer(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "sex > 3",
        "sex < male",
        "is_ill < true",
        "seen_on > 3",
        "sex = 3",
        "nothing = 3",
        "mrss and is_ill",
        "sx = female",
        "is_ill + 1",
        "1 + is_ill",
        "seen_on * 2",
        "seen_on - 3",
        "2 / 0",
        "huge * 1.5",
        "3 - seen_on",
        "f(3)",
        "-sex",
        "not mrss",
        "2 days > seen_on",
        "crp * ast > 1",
        "years_between(3, 4)",
        "abs(1, 2)",
        "abs()",
        "min()",
        "sum(sex)",
        "seen_on + 4000000 days",
        "huge + 0.5 > 1",
        "huge / 3 > 1",
        "points(is_ill, crp) = 7",
        "seen_on + 3 kg",
        "huge > 3 kg",
        "sum(huge, 0.5)",
        "female",
        "1 / band",
    ],
)
def test_what_makes_no_sense_has_no_value_and_no_exception(source: str) -> None:
    """The evaluator is total: nonsense that no check stopped is unknown, at worst."""
    assert isinstance(evaluate(parse(source), PERSON.get), Unknown)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("1 + 2 * 3 - 4 / 2", 5),
        ("-mrss + 1", -19),
        ("+mrss", 20),
        ("-(1 - 3)", 2),
        ("crp + 1 mg/dL", 17.2),
        ("crp * 2", 14.4),
        ("2 * crp", 14.4),
        ("crp / 2", 3.6),
        ("crp / 1 mg/dL", 0.72),
        ("band - 1", Interval(-2, 1)),
        ("band * -2", Interval(-4, 2)),
        ("-band", Interval(-2, 1)),
        ("band - band + mrss", Interval(17, 23)),
        ("gap + 1", "missing gap"),
        ("seen_on - 2026-03-01", 26),
        ("seen_on - onset_on", Interval(-4, 26)),
        ("seen_on + 2 weeks", dt.date(2026, 4, 10)),
        ("seen_on - 26 days", dt.date(2026, 3, 1)),
        ("onset_on + 1 days", Interval(dt.date(2026, 3, 2), dt.date(2026, 4, 1))),
    ],
)
def test_arithmetic_keeps_units_days_and_bounds(source: str, expected: object) -> None:
    """Units convert before they add; what is imprecise stays an interval."""
    found = answer(source)

    assert found == (pytest.approx(expected) if isinstance(expected, float) else expected)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("age < 19 years", True),
        ("age < 17 years", False),
        ("age < 18 years", "ambiguous age"),
        ("age <= 18 years", True),
        ("age <= 16 years", False),
        ("age <= 17 years", "ambiguous age"),
        ("age > 16 years", True),
        ("age >= 18 years", "ambiguous age"),
        ("age >= 19 years", False),
        ("age = 20 years", False),
        ("age != 20 years", True),
        ("age = 17 years", "ambiguous age"),
        ("age != 17 years", "ambiguous age"),
        ("age = age", "ambiguous age"),
        ("age >= 204 months", True),
        ("onset_on < 2026-04-01", True),
        ("onset_on < seen_on", "ambiguous onset_on, ambiguous seen_on"),
        ("onset_on > 2026-02", True),
        ("seen_on = 2026-03-27", True),
    ],
)
def test_what_is_imprecise_is_known_where_every_possibility_agrees(
    source: str, expected: object
) -> None:
    """A person born in a month of 2008 is 17 or 18: certainly under 19, and perhaps under 18."""
    assert answer(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("sum(mrss, 1, 2)", 23),
        ("sum(crp, 1 mg/dL)", pytest.approx(17.2)),
        ("sum(mrss, gap)", "missing gap"),
        ("min(crp, 1 mg/dL)", 7.2),
        ("max(mrss, 3)", 20),
        ("mean(1, 2, 6)", 3),
        ("mean(crp, 2)", "unit_unknown crp"),
        ("abs(1 - 3)", 2),
        ("abs(band)", "ambiguous band"),
        ("sum(band, 1)", Interval(0, 3)),
        ("max(band, 2)", 2),
        ("sum(" + ", ".join(["band"] * 9) + ")", "undefined"),
        ("round(2.5)", 3),
        ("round(-2.5)", -3),
        ("round(crp * 1.111, 1)", 8.0),
        ("count(is_ill, mrss > 3, false)", 2),
        ("points(is_ill, 9) + points(not is_ill, 4)", 9),
        ("years_between(2024-03-27, seen_on)", 2),
        ("years_between(seen_on, 2024-03-27)", -2),
        ("years_between(2024-03-27, 2026-03-28) > 2 years", True),
        ("years_between(2024-03, seen_on) <= 2 years", "ambiguous seen_on"),
        ("years_between(2024-04, seen_on) <= 2 years", True),
    ],
)
def test_the_functions_that_every_rule_has(source: str, expected: object) -> None:
    """Each is unknown as long as an argument is, and shares one unit among its numbers."""
    assert answer(source) == expected


def test_years_are_whole_at_anniversaries() -> None:
    """Two years are over on the day, not a quarter of a day off; 29 February waits until March."""
    assert years_between(dt.date(2024, 2, 29), dt.date(2026, 3, 1)) == 2
    assert years_between(dt.date(2024, 2, 29), dt.date(2026, 2, 28)) < 2
    assert years_between(dt.date(2025, 1, 1), dt.date(2025, 7, 2)) == pytest.approx(182 / 365)


def test_history_is_the_callers() -> None:
    """`previous(x)` hands the name over and believes what comes back."""
    asked = []

    def recall(which: str, name: str) -> Value:
        asked.append((which, name))
        return Known(12)

    functions = history_functions(recall)

    assert answer("mrss - previous(mrss)", **functions) == 8
    assert answer("first(form.mrss)", **functions) == 12
    assert isinstance(answer("latest(mrss + 1)", **functions), str)
    assert asked == [("previous", "mrss"), ("first", "form.mrss")]


def test_calculators_join_by_name_with_their_units() -> None:
    """A calculator gets its arguments in the units it declares; what it cannot do is undefined."""
    table = {"double": (lambda x: 2 * x if x > 0 else None, [("number", "mg/L")], ("number", "%"))}
    functions = as_functions(table)  # type: ignore[arg-type]

    assert answer("double(1 mg/dL) > 19 %", **functions) is True
    assert answer("double(3)", **functions) == "unit_unknown"
    assert answer("double(0 mg/L)", **functions) == "undefined"
    assert functions["double"].parameters == (ValueType("number", "mg/L"),)


@pytest.mark.parametrize(
    ("written", "symbol"),
    [("µmol/L", "umol/L"), ("kg/m²", "kg/m2"), ("IU/L", "U/L"), ("G/L", "10^9/L"), ("foo", None)],
)
def test_a_unit_may_be_written_in_several_ways(written: str, symbol: str | None) -> None:
    """Each spelling finds the one symbol of the table."""
    assert find_unit(written) == symbol


@pytest.mark.parametrize(
    ("number", "source", "target", "expected"),
    [
        (0.5, "mg/dL", "mg/L", 5),
        (8, "g/dL", "g/L", 80),
        (1, "10^9/L", "1/mm3", 1000),
        (1, "kPa", "mmHg", 7.50061575846),
        (2, "years", "months", 24),
        (1, "kg/m^2", "kg/m²", 1),
        (30, "mL/min", "mL/min/1.73m2", None),
        (3, "ULN", "%", None),
        (3, "mg/L", "mmol/L", None),
        (3, "", "mg/L", None),
        (3, "foo", "mg/L", None),
        (10**400, "g/L", "mg/L", None),
    ],
)
def test_only_units_of_one_quantity_convert(
    number: float, source: str, target: str, expected: float | None
) -> None:
    """Filtration indexed to body surface, multiples of a limit and % stay apart from all others."""
    assert convert(number, source, target) == expected


@pytest.mark.parametrize("symbol", UNITS)
def test_every_unit_converts_within_its_quantity_and_to_no_other(symbol: str) -> None:
    """The table is consistent: there and back is where it started."""
    for other, unit in UNITS.items():
        there, back = find_factor(symbol, other), find_factor(other, symbol)
        if UNITS[symbol].quantity == unit.quantity:
            assert (there or 0) * (back or 0) == pytest.approx(1)
        else:
            assert there is None


@pytest.mark.parametrize(
    ("raw", "kind", "expected"),
    [
        (7, "number", Known(7, "mg/L")),
        (True, "number", unknown("undefined", "x")),
        ("7", "number", unknown("undefined", "x")),
        (None, "number", unknown("missing", "x")),
        ("", "choice", unknown("missing", "x")),
        (True, "boolean", Known(True, "mg/L")),
        (1, "boolean", unknown("undefined", "x")),
        ("mild", "choice", Known("mild", "mg/L")),
        (3, "text", unknown("undefined", "x")),
        ("2026-03-27", "date", Known(DAY)),
        ("2026-02", "month", Known(Interval(dt.date(2026, 2, 1), dt.date(2026, 2, 28)))),
        ("2026-13", "month", unknown("undefined", "x")),
        ("soon", "date", unknown("undefined", "x")),
    ],
)
def test_recorded_values_are_read_by_kind(raw: object, kind: str, expected: Value) -> None:
    """What is empty is missing, what is not of its kind is undefined, a month is its days."""
    assert read_value(raw, kind, unit="mg/L", name="x") == expected


def test_a_month_has_its_own_last_day() -> None:
    """December and leap years included."""
    assert read_month("2024-02").high == dt.date(2024, 2, 29)
    assert read_month("2025-12").high == dt.date(2025, 12, 31)

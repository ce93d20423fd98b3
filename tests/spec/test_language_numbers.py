"""Calculating: `+`, `-`, `*`, `/`, and what numbers can be

A number has its unit with it. Sums and differences convert into the unit on the left; a product or
a ratio has a unit on one side at most, or the same quantity on both sides of a ratio, which gives a
plain number. What is unknown stays unknown, with the reasons of both sides.
"""

import math
from itertools import product

import pytest

from equipoise.language import (
    Interval,
    Known,
    Unknown,
    Value,
    convert,
    evaluate,
    find_ucum,
    parse,
    unknown,
)
from tests.spec.tables import KINDS, read, rows_of, tell

SIGNS = """
| a | b | `a + b` | `a - b` | `a * b` | `a / b` |
|---|---|---|---|---|---|
| 6 | 2 | 8 | 4 | 12 | 3 |
| 6 mg/L | 2 mg/L | 8 mg/L | 4 mg/L | unit_unknown | 3 |
| 6 mg/L | 0.2 mg/dL | 8 mg/L | 4 mg/L | unit_unknown | 3 |
| 6 mg/L | 2 | unit_unknown | unit_unknown | 12 mg/L | 3 mg/L |
| 6 | 2 mg/L | unit_unknown | unit_unknown | 12 mg/L | unit_unknown |
| 6 mg/L | 2 kg | unit_unknown | unit_unknown | unit_unknown | unit_unknown |
| 6 | 0 | 6 | 6 | 0 | undefined |
| 0 | missing b | missing b | missing b | missing b | missing b |
| missing a | 2 | missing a | missing a | missing a | missing a |
| missing a | stale b | missing a, stale b | missing a, stale b | missing a, stale b | missing a, stale b |
| 6 | female | undefined | undefined | undefined | undefined |
| true | 1 | undefined | undefined | undefined | undefined |
"""

BORDERS = """
| written | gives | because |
|---|---|---|
| `0.1 + 0.2 = 0.3` | true | numbers compare by twelve digits, as they are written |
| `38.1 > 3 * 12.7` | false | 38.1 is three times 12.7 |
| `1 / 3 * 3 = 1` | true | the thirteenth digit does not count |
| `0 = -0` | true | there is one zero |
| `0 * -1 >= 0` | true | |
| `999999999999999 < 999999999999998 + 2` | true | whole numbers are exact, however large |
| `1 / 0 > 1` | undefined | a division by zero has no value, and no answer |
| `0 / 0 = 0 / 0` | undefined | |
| `round(2.5)` | 3 | half goes away from zero |
| `round(-2.5)` | -3 | |
| `round(1.005, 2)` | 1.01 | although the binary fraction lies below |
| `round(2.675, 2)` | 2.68 | |
| `round(1234, -2)` | 1200 | digits may be taken away |
| `round(5, 400)` | undefined | no number has so many |
| `200 % = 2 * 100 %` | true | percent are a unit of their own |
| `50 % > 0.4` | unit_unknown | and never a share of one |
| `39 °C - 37.5 °C = 1.5 °C` | true | degrees Celsius do not convert |
| `2 - 3 * -1` | 5 | signs bind as in arithmetic |
| `12 / 4 / 3` | 1 | from left to right |
| `2 years = 24 months` | true | |
| `12 months = 365.25 days` | true | on average; see dates for the calendar |
"""

UCUM = """
| UCUM | written here | converts |
|---|---|---|
| `10*9/L` | `10^9/L` | 1 is 1000 /mm3 |
| `mm[Hg]` | `mmHg` | 1 is 0.133322387415 kPa |
| `mg/dL` | `mg/dL` | 1 is 10 mg/L |
| `umol/L` | `umol/L` | 1 is 0.001 mmol/L |
| `a` | `years` | 1 is 12 months |
| `wk` | `weeks` | 1 is 7 days |
| `Cel` | `°C` | |
| `mL/min/{1.73_m2}` | `mL/min/1.73m2` | |
| `[iU]/L` | `U/L` | 1 is 0.001 kU/L |
| `g/dL` | `g/dL` | 1 is 10 g/L |
"""


@pytest.mark.parametrize("row", rows_of(SIGNS), ids=lambda row: f"{row['a']}, {row['b']}")
def test_signs_over_units_and_unknowns(row: dict[str, str]) -> None:
    """No sign decides early: nothing times unknown is unknown."""
    values = {"a": read(row["a"]), "b": read(row["b"])}
    for head in list(row)[2:]:
        expression = parse(head)

        assert tell(evaluate(expression, values.get)) == row[head], head


EVERY: list[Value] = [Known(4), *(unknown(kind, "x") for kind in KINDS)]
EVERY += [Unknown((*unknown("missing", "p").reasons, *unknown("stale", "q").reasons))]
CALLED = ["a + b", "a - b", "a * b", "a / b", "sum(a, b)", "max(a, b)", "mean(a, b)", "round(a, b)"]


@pytest.mark.parametrize("source", CALLED)
def test_each_reason_of_each_operand_comes_through(source: str) -> None:
    """From left to right, each once; so for the arguments of every function."""
    expression = parse(source)
    for a, b in product(EVERY, repeat=2):
        values = {"a": a, "b": b}
        merged = dict.fromkeys(r for v in (a, b) if isinstance(v, Unknown) for r in v.reasons)
        found = evaluate(expression, values.get)

        assert isinstance(found, Unknown) == bool(merged)
        assert not merged or found == Unknown(tuple(merged))


@pytest.mark.parametrize("row", rows_of(BORDERS), ids=lambda row: row["written"])
def test_borders(row: dict[str, str]) -> None:
    """Where binary fractions would surprise a clinician, they do not."""
    expression = parse(row["written"])

    assert tell(evaluate(expression, {}.get)) == row["gives"]


@pytest.mark.parametrize("row", rows_of(UCUM), ids=lambda row: row["UCUM"])
def test_units_have_their_ucum_codes_at_the_borders(row: dict[str, str]) -> None:
    """What is exported and imported carries UCUM codes; expressions use the symbols of the table.
    Factors are those of the International System (SI brochure; UCUM 2.1)."""
    symbol = find_ucum(row["UCUM"])

    assert symbol == row["written here"]
    if row["converts"]:
        _, _, number, *unit = row["converts"].split()
        assert convert(1, symbol, " ".join(unit)) == float(number)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("source", ["x + 1", "-x", "x * 2", "x / 3", "sum(x, 1)", "round(x)"])
def test_what_is_no_number_gives_none(number: float, source: str) -> None:
    """A file may hold NaN or infinity; nothing is calculated from them."""
    values = {"x": Known(number)}

    assert isinstance(evaluate(parse(source), values.get), Unknown)


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "=", "!="])
def test_not_a_number_compares_with_nothing(sign: str) -> None:
    """Neither equal nor unequal: unknown."""
    values = {"x": Known(math.nan)}
    for source in (f"x {sign} 3", f"3 {sign} x", f"x {sign} x"):
        assert isinstance(evaluate(parse(source), values.get), Unknown)


def test_beyond_all_numbers_there_is_no_value() -> None:
    """1e308 times ten is undefined, not infinite."""
    values = {"x": Known(1e308), "n": Known(2**53 + 1), "m": Known(2**53)}

    assert tell(evaluate(parse("x * 10"), values.get)) == "undefined"
    assert tell(evaluate(parse("x + x"), values.get)) == "undefined"
    assert evaluate(parse("n > m"), values.get) == Known(True)


def test_a_number_between_two_bounds_is_calculated_with_both() -> None:
    """An age known to the month, a sum of it: the result lies between the results at the ends."""
    values = {"x": Known(Interval(17, 18), "years")}

    assert evaluate(parse("x * 2"), values.get) == Known(Interval(34, 36), "years")
    assert evaluate(parse("x + 6 months < 19 years"), values.get) == Known(True)
    assert tell(evaluate(parse("x < 18 years"), values.get)) == "ambiguous x"

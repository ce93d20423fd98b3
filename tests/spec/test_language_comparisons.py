"""Comparisons: `<`, `<=`, `>`, `>=`, `=`, `!=`, ranges, and `in`

Numbers are compared with numbers, days with days, choices and texts with their like. What is
unknown on either side leaves the comparison unknown, with the reasons of both. The signs may also
be set as ≤, ≥ and ≠.
"""

import sqlite3
from itertools import product

import duckdb
import pytest

from equipoise.language import Known, Unknown, Value, evaluate, parse, unknown
from tests.spec.tables import KINDS, read, rows_of, tell

SIGNS = """
| a | b | `a < b` | `a <= b` | `a > b` | `a >= b` | `a = b` | `a != b` |
|---|---|---|---|---|---|---|---|
| 1 | 2 | true | true | false | false | false | true |
| 2 | 2 | false | true | false | true | true | false |
| 3 | 2 | false | false | true | true | false | true |
| missing a | 2 | missing a | missing a | missing a | missing a | missing a | missing a |
| 1 | stale b | stale b | stale b | stale b | stale b | stale b | stale b |
| missing a | stale b | missing a, stale b | missing a, stale b | missing a, stale b | missing a, stale b | missing a, stale b | missing a, stale b |
| female | male | undefined | undefined | undefined | undefined | false | true |
| true | false | undefined | undefined | undefined | undefined | false | true |
| 1 | female | undefined | undefined | undefined | undefined | undefined | undefined |
"""

RANGES = """
| a | b | c | `a <= b <= c` | `a < b < c` | `a > b > c` |
|---|---|---|---|---|---|
| 1 | 2 | 3 | true | true | false |
| 2 | 2 | 3 | true | false | false |
| 3 | 2 | 1 | false | false | true |
| 3 | 2 | missing c | false | false | missing c |
| missing a | 2 | 1 | false | false | missing a |
| 1 | 2 | missing c | missing c | missing c | false |
| 1 | missing b | 3 | missing b | missing b | missing b |
| missing a | missing b | missing c | missing a, missing b, missing c | missing a, missing b, missing c | missing a, missing b, missing c |
"""

SETS = """
| x | `x in {1, 2}` | `x not in {1, 2}` | `x in {female, male}` | `x not in {female, male}` |
|---|---|---|---|---|
| 1 | true | false | undefined | undefined |
| 3 | false | true | undefined | undefined |
| female | undefined | undefined | true | false |
| other | undefined | undefined | false | true |
| missing x | missing x | missing x | missing x | missing x |
| stale p, implausible q | stale p, implausible q | stale p, implausible q | stale p, implausible q | stale p, implausible q |
"""

UNITS = """
| x | written | answer |
|---|---|---|
| 7.2 mg/L | `x > 0.5 mg/dL` | true |
| 7.2 mg/L | `x = 0.72 mg/dL` | true |
| 7.2 mg/L | `x > 5` | unit_unknown x |
| 7.2 mg/L | `x > 5 kg` | unit_unknown x |
| 7.2 mg/L | `x in {0.72 mg/dL, 3 kg}` | true |
| 7.2 mg/L | `x in {3 mg/L, 3 kg}` | unit_unknown x |
| 7.2 mg/L | `x not in {0.72 mg/dL, 3 kg}` | false |
| 20 % | `x > 0.1` | unit_unknown x |
| 38 °C | `x > 37.5 °C` | true |
| 2 ULN | `x > 3 ULN` | false |
"""


def check(table: str, names: str) -> None:
    """Each cell under the head of an expression is what the expression gives."""
    for row in rows_of(table):
        values = {name: read(row[name]) for name in names}
        for head in list(row)[len(names) :]:
            expression = parse(head)
            found = evaluate(expression, values.get)

            assert tell(found) == row[head], (row, head)


def test_every_sign_over_every_pair() -> None:
    """Choices and truth values are equal or not, and have no order."""
    check(SIGNS, "ab")


def test_a_range_is_both_of_its_comparisons() -> None:
    """`18 years <= age <= 70 years` is `18 years <= age and age <= 70 years`: one side that is
    false decides, even where the other cannot be told."""
    check(RANGES, "abc")


def test_a_member_decides() -> None:
    """`in` is true as soon as one member is equal; the members of a set are written out."""
    check(SETS, "x")


@pytest.mark.parametrize("row", rows_of(UNITS), ids=lambda row: row["written"])
def test_a_limit_may_have_another_unit_of_the_same_quantity(row: dict[str, str]) -> None:
    """A bare number never fits a value with a unit, and a share is no number of percent."""
    values = {"x": read(row["x"])}

    assert tell(evaluate(parse(row["written"]), values.get)) == row["answer"]


EVERY: list[Value] = [Known(1), Known(2), *(unknown(kind, "x") for kind in KINDS)]
EVERY += [Unknown((*unknown("missing", "p").reasons, *unknown("stale", "q").reasons))]


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "=", "!="])
def test_each_reason_on_each_side_comes_through(sign: str) -> None:
    """In the order in which they are written, each once."""
    expression = parse(f"a {sign} b")
    for a, b in product(EVERY, repeat=2):
        found = evaluate(expression, {"a": a, "b": b}.get)
        expected = list(
            dict.fromkeys(r for v in (a, b) if isinstance(v, Unknown) for r in v.reasons)
        )

        assert isinstance(found, Unknown) == bool(expected)
        assert not expected or found == Unknown(tuple(expected))


@pytest.mark.parametrize("operands", list(product((1, 2, 3, None), repeat=3)))
def test_every_range_over_every_triple(operands: tuple[int | None, int | None, int | None]) -> None:
    """Each comparison by itself, then `and` as Kleene has it."""
    names = dict(zip("abc", operands, strict=True))
    values = {n: unknown("missing", n) if v is None else Known(v) for n, v in names.items()}
    links = [
        None if a is None or b is None else a < b
        for a, b in ((operands[0], operands[1]), (operands[1], operands[2]))
    ]
    expected = False if False in links else None if None in links else True

    found = evaluate(parse("a < b < c"), values.get)

    assert (None if isinstance(found, Unknown) else found.value) is expected


@pytest.mark.parametrize("table", ["sqlite", "duckdb"])
def test_databases_compare_alike(table: str) -> None:
    """NULL on a side leaves it NULL, also for `IN`; SQLite and DuckDB are the witnesses."""
    run = sqlite3.connect(":memory:").execute if table == "sqlite" else duckdb.connect().execute
    for row in rows_of(SIGNS)[:6]:
        cells = {n: row[n] if row[n].isdigit() else "CAST(NULL AS INTEGER)" for n in "ab"}
        for head in list(row)[2:]:
            asked = " ".join(cells.get(word, word) for word in head.split())
            answer = run(f"SELECT {asked}").fetchone()[0]
            expected = {"true": 1, "false": 0}.get(row[head])
            assert answer == expected, head
    for row in rows_of(SETS):
        if row["x"].isdigit() or row["x"].startswith("missing"):
            x = row["x"] if row["x"].isdigit() else "CAST(NULL AS INTEGER)"
            for head in ("in", "not in"):
                answer = run(f"SELECT {x} {head} (1, 2)").fetchone()[0]
                assert answer == {"true": 1, "false": 0}.get(row[f"x {head} {{1, 2}}"])

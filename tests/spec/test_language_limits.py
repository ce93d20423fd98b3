"""Limits, and what bad input gets

Whatever is written is an expression or a problem that says which character is in the way; whatever
the values are, the answer is a value or the reasons why there is none. Nothing hangs.
"""

import time

import pytest

from equipoise.language import ValueType, check_source, evaluate, parse
from equipoise.language.calculating import MOST_INTERVALS
from equipoise.language.parsing import DEEPEST, LONGEST
from equipoise.problems import Refused
from equipoise.screening.compiler.functions import MOST_ARGUMENTS, MOST_IMPRECISE
from equipoise.study.check.proving import MOST_LIMITS
from equipoise.study.yaml_source import DEEPEST as DEEPEST_BLOCK
from tests.spec.tables import rows_of

LIMITS = """
| limit | at most | beyond it |
|---|---|---|
| characters of one expression | 5000 | EQ-L003 |
| parts within parts | 64 | EQ-L003 |
| digits of a written number before the point, and after it | 15 | EQ-L001 |
| blocks within blocks of a file | 40 | EQ-S003 |
| arguments of one call known only to lie between two bounds | 8 | unknown: undefined |
| limits of one value that are proved about together | 24 | nothing is proved about that value |
| arguments of `sum`, `min`, `max`, `mean` over columns | 100 | row by row; in a database EQ-E032 |
| arguments of one call over columns that are known between bounds | 4 | row by row; in a database EQ-E032 |
"""

UNREADABLE = """
| written | problem | because |
|---|---|---|
| `crp >` | EQ-L018 | it stops too early |
| `(crp > 5 mg/L` | EQ-L018 | a bracket is open |
| `crp > 5 mg/L hb < 3 g/dL` | EQ-L001 | `and` or `or` is missing |
| `crp == 5 mg/L` | EQ-L001 | equal is one sign |
| `hb < 0,5 g/dL` | EQ-L001 | the decimal sign is a point |
| `crp > 5 mgg/L` | EQ-L004 | no such unit |
| `on > 2025-02-29` | EQ-L005 | no such day |
| `on > 2026-13` | EQ-L005 | no such month |
| `crp > 1234567890123456` | EQ-L001 | too many digits |
| `crp > 5 mg/L and (hb < 11 g/dL or sex = ` | EQ-L018 | it stops too early |
"""

WRONG = """
| written | problem | because |
|---|---|---|
| `cpr > 5 mg/L` | EQ-L006 | nothing is called so; the nearest names are told |
| `crp > 5 kg` | EQ-L007 | kilograms are no concentration |
| `crp > 5` | EQ-L008 | a bare number against a unit |
| `crp = female` | EQ-L006 | a code, where no choice is compared |
| `sex > 3` | EQ-L009 | a choice has no order |
| `sex = femal` | EQ-L010 | not one of the choices |
| `summ(crp) > 5 mg/L` | EQ-L011 | no such function |
| `abs(crp, hb) > 5 mg/L` | EQ-L012 | one argument, not two |
| `crp` | EQ-L013 | a number where yes or no is needed |
| `3 mg/L < crp > 5 mg/L` | EQ-L015 | two directions at once |
| `crp * hb > 5` | EQ-L016 | a product of two units |
| `crp > 5 g/L` | EQ-L017 | beyond all that is believed: a slip of the unit |
| `hb within 3 days of on` | EQ-L019 | only days lie within days |
| `on within 1.5 months before on` | EQ-L020 | half a month has no length |
| `crp / 0 > 1 mg/L` | EQ-L021 | a division by zero |
| `on - on > 2 years` | EQ-L023 | a year has no one number of days |
"""

NAMES = {
    "crp": ValueType("number", "mg/L", plausible=(0, 500)),
    "hb": ValueType("number", "g/dL"),
    "sex": ValueType("choice", codes=("female", "male")),
    "on": ValueType("date"),
}


def code_of(source: str) -> str:
    with pytest.raises(Refused) as caught:
        parse(source)
    return caught.value.problems[0].code


def test_the_limits_are_these() -> None:
    """Lists have names of their own, and long sums a function, long before these."""
    stated = [int(row["at most"]) for row in rows_of(LIMITS)]

    assert stated == [
        LONGEST,
        DEEPEST,
        15,
        DEEPEST_BLOCK,
        MOST_INTERVALS,
        MOST_LIMITS,
        MOST_ARGUMENTS,
        MOST_IMPRECISE,
    ]


@pytest.mark.parametrize("row", rows_of(UNREADABLE), ids=lambda row: row["written"])
def test_what_cannot_be_read(row: dict[str, str]) -> None:
    """The problem gives the column of the character in the way."""
    assert code_of(row["written"]) == row["problem"]


@pytest.mark.parametrize("row", rows_of(WRONG), ids=lambda row: row["written"])
def test_what_reads_and_makes_no_sense(row: dict[str, str]) -> None:
    """`crp` is in mg/L and believed from 0 to 500, `hb` in g/dL, `sex` a choice, `on` a day. All
    problems of an expression are told at once, before there are any data."""
    found = check_source(row["written"], NAMES, result=ValueType("boolean"))

    assert [p.code for p in found] == [row["problem"]]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (" or ".join(["crp > 5 mg/L"] * 10_000), "EQ-L003"),
        (" + ".join(["crp"] * 10_000), "EQ-L003"),
        ("sum(" * 1000 + "crp" + ")" * 1000, "EQ-L003"),
        ("not " * 1000 + "ill", "EQ-L003"),
        ("(" * 2600 + "ill", "EQ-L018"),
        ("crp > 5\0 mg/L", "EQ-L002"),
        ("crp > \u202e5 mg/L", "EQ-L002"),
        ("crp > \u2066" + "5 mg/L", "EQ-L002"),
        ("\u05de\u05e9\u05e7\u05dc > 5", "EQ-L001"),
        ("crp > \u0665 mg/L", "EQ-L001"),
        ("crp > 1e5 mg/L", "EQ-L001"),
        ("crp > NaN", "EQ-L006"),
        ("crp > inf", "EQ-L006"),
    ],
)
def test_monstrous_hidden_and_foreign(source: str, code: str) -> None:
    """Ten thousand terms, a thousand levels, NUL, marks that turn the direction of writing, other
    scripts: one problem, within a second. `NaN` and `inf` are names like others, which `equipoise
    check` does not know."""
    start = time.process_time()
    if code == "EQ-L006":
        assert [p.code for p in check_source(source, NAMES)] == [code]
        assert evaluate(parse(source), {}.get)
    else:
        assert code_of(source) == code
    assert time.process_time() - start < 5

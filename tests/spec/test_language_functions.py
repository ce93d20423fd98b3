"""Functions: what an expression may call

A function is called by its name with its arguments in brackets. It is unknown as long as one of its
arguments is, for the reasons of all of them from left to right. An argument in another unit of the
same quantity is converted; any other is a problem that `equipoise check` tells.
"""

import datetime as dt

import pytest

from equipoise.clinical import CALCULATORS, DOMAINS, SOURCES
from equipoise.eligibility.functions import functions_at
from equipoise.language import (
    STANDARD_FUNCTIONS,
    Function,
    History,
    Known,
    evaluate,
    parse,
    unknown,
    visit_functions,
)
from equipoise.study.vocabulary import criteria_functions, form_functions
from tests.spec.tables import rows_of, tell

STANDARD = """
| function | takes | gives | what it does |
|---|---|---|---|
| `sum` | number ... | number | all added, in the unit of the first |
| `min` | number ... | number | the least |
| `max` | number ... | number | the greatest |
| `mean` | number ... | number | their sum over their number |
| `abs` | number | number | without its sign |
| `round` | number, [number] | number | to so many digits after the point, none if not said; half goes away from zero |
| `count` | yes/no ... | number | how many conditions are true |
| `points` | yes/no, number | number | the number where the condition is true, else 0 |
| `years_between` | day, day | number (years) | whole at each anniversary, a fraction of that year between; 29 February has its own on 1 March |
| `age` | day | number (years) | completed years at the reference date; from a month of birth it may be two ages |
| `years_since` | day | number (years) | as `years_between`, to the reference date |
| `days_since` | day | number (days) | days to the reference date |
"""

EXAMPLES = """
| written | gives |
|---|---|
| `sum(1 mg/L, 1 mg/dL)` | 11 mg/L |
| `min(3, 1, 2)` | 1 |
| `max(3 mg/L, 1 mg/dL)` | 10 mg/L |
| `mean(1, 2, 6)` | 3 |
| `abs(1 - 3)` | 2 |
| `round(2.45, 1)` | 2.5 |
| `count(true, 1 < 2, false)` | 2 |
| `points(1 < 2, 9) + points(2 < 1, 4)` | 9 |
| `years_between(2024-03-27, 2026-03-27)` | 2 years |
| `age(1974-02)` | 52 years |
| `years_since(2024-03-27)` | 2 years |
| `days_since(2026-03-01)` | 26 days |
| `count(true, gap)` | missing gap |
| `sum(old, 1, gap)` | stale old, missing gap |
| `age(gap)` | missing gap |
"""

WHERE = """
| in | functions |
|---|---|
| criteria and values of `eligibility.yaml` | the general ones, those that count to the reference date, and all calculators |
| forms, conditions (`when`) of forms and visits, populations | the general ones, the aggregates over visits, and all calculators |
| `when` of an item, `safety.yaml` | the general ones |
"""

REFERENCE = dt.date(2026, 3, 27)
SINCE = ("age", "years_since", "days_since")
WORDS = {"number": "number", "boolean": "yes/no", "date": "day", "any": "any value"}


def signature(function: Function) -> tuple[str, str]:
    """What it takes and gives, as the table has it."""
    kinds = [WORDS[p.kind] for p in function.parameters]
    least = len(kinds) - function.n_optional
    takes = ", ".join(f"[{k}]" if at >= least else k for at, k in enumerate(kinds))
    gives = WORDS[function.result.kind]
    unit = function.result.unit
    return takes + " ..." * function.is_variadic, f"{gives} ({unit})" if unit else gives


@pytest.mark.parametrize("row", rows_of(STANDARD), ids=lambda row: row["function"])
def test_each_takes_and_gives_what_the_table_says(row: dict[str, str]) -> None:
    """`...` means one or more; what stands in brackets may be left out."""
    assert signature(functions_at(REFERENCE)[row["function"]]) == (row["takes"], row["gives"])


def test_the_tables_hold_every_function() -> None:
    """The general ones, those that count to the reference date, and the calculators below."""
    listed = [row["function"] for row in rows_of(STANDARD)]

    assert sorted(listed) == sorted([*STANDARD_FUNCTIONS, *SINCE])
    assert set(functions_at(REFERENCE)) == {*listed, *CALCULATORS}


@pytest.mark.parametrize("row", rows_of(EXAMPLES), ids=lambda row: row["written"])
def test_examples(row: dict[str, str]) -> None:
    """With the reference date 27 March 2026; nobody entered `gap`, and `old` is too old."""
    values = {"gap": unknown("missing", "gap"), "old": unknown("stale", "old")}

    found = evaluate(parse(row["written"]), values.get, functions=functions_at(REFERENCE))

    assert tell(found) == row["gives"]


def test_which_functions_stand_where() -> None:
    """A name that is not known where it stands is a problem with the nearest that is."""
    visits = set(visit_functions(lambda _: History()))

    assert set(criteria_functions()) == {*STANDARD_FUNCTIONS, *SINCE, *CALCULATORS}
    assert set(form_functions()) == {*STANDARD_FUNCTIONS, *visits, *CALCULATORS}
    assert len(rows_of(WHERE)) == 3


MEASURED = [n for n in CALCULATORS if not n.startswith(("ctcae_", "acr_"))]


@pytest.mark.parametrize("name", CALCULATORS)
def test_a_calculator_names_its_source(name: str) -> None:
    """The table of calculators below gives it, with what each takes in which unit."""
    assert SOURCES[name]


@pytest.mark.parametrize("name", MEASURED)
def test_outside_its_domain_a_calculator_gives_nothing(name: str) -> None:
    """A height in meters or a creatinine in mg/dL is no input: no result, never a number that only
    looks like one."""
    _, takes, _ = CALCULATORS[name]
    inside = [
        "female" if kind == "choice" else True if kind == "boolean" else (d[0] if d else 1.0)
        for (kind, _), d in zip(takes, DOMAINS[name], strict=True)
    ]
    for at, domain in enumerate(DOMAINS[name]):
        if domain is not None:
            beyond = list(inside)
            beyond[at] = domain[1] * 2 + 1
            names = {f"x{i}": Known(v, takes[i][1]) for i, v in enumerate(beyond)}
            found = evaluate(
                parse(f"{name}({', '.join(names)})"), names.get, functions=functions_at(REFERENCE)
            )
            assert tell(found) == "undefined"

"""Rules as large, as deep and as tangled as the language lets them be: every engine finishes.

Each limit of time is some ten times what it takes; what grows with a power of the depth would not
end at all.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import duckdb
import polars as pl
import pytest
from sqlglot import exp

from equipoise.eligibility.assessing import Case, assess_case
from equipoise.eligibility.values import Reading
from equipoise.language import explain, parse, to_source
from equipoise.problems import Refused, Where
from equipoise.screening.engine import judge
from equipoise.screening.screen import prepare
from equipoise.screening.warehouse.database import plan_warehouse
from equipoise.screening.warehouse.mapped import Source
from equipoise.screening.warehouse.queries import count_query
from equipoise.study.check import check_study
from equipoise.study.study import Study
from tests.unit.eligibility.small_study import REFERENCE, observed, only

Found = TypeVar("Found")
SECONDS = 20
MONSTERS = {
    "many limits": " or ".join(f"crp = {i} mg/L" for i in range(250)),
    "few limits, often": " or ".join(f"crp={i % 20}mg/L" for i in range(120)),
    "one condition, often": " or ".join(["fertile"] * 400),
    "many members": "crp in {" + ", ".join(f"{i} mg/L" for i in range(500)) + "}",
    "many days": " or ".join(f"onset < 20{i // 12 + 10}-{i % 12 + 1:02}" for i in range(230)),
    "deep logic": "(" * 60
    + "fertile"
    + "".join(f" {('or', 'and')[i % 2]} crp > {i % 20} mg/L)" for i in range(60)),
    "many of many": f"at least 90 of ({', '.join(f'crp>{i}mg/L' for i in range(150))})",
    "deep none of": "none of (" * 60 + "fertile" + ")" * 60,
    "long sum": f"sum({', '.join(['crp'] * 800)}) > 3 mg/L",
    "long sum by signs": " + ".join(["crp"] * 60) + " > 3 mg/L",
    "imprecise sum": " + ".join(["duration"] * 60) + " > 3 years",
    "long chain": "1 mg/L" + " < crp" * 500,
    "minus of minus": "-" * 60 + "duration > 3 years",
    "rounded often": "round(" * 60 + "crp" + ", 1)" * 60 + " > 3 mg/L",
    "rounded on both sides": f"{'round(' * 40}crp{')' * 40} = {'round(' * 40}crp{')' * 40}",
    "least of least": "min(" * 30 + "duration" + ", 1 years)" * 30 + " > 3 years",
    "equal to equal": "(" * 60 + "fertile" + " = fertile)" * 60,
    "case in case": "(case when " * 30 + "fertile" + " then sex otherwise sex) = female" * 30,
    "case in case, of numbers": "(case when fertile then 1 otherwise " * 30
    + "2"
    + ")" * 30
    + " > 1",
    "wide case": f"(case {' '.join(f'when crp>{i}mg/L then {i}' for i in range(150))} "
    "otherwise 3) > 4",
    "a thousand brackets": "(" * 1000 + "fertile" + ")" * 1000,
}
PEOPLE = {
    "crp": 3.0,
    "fertile": True,
    "onset": REFERENCE,
    "sex": "female",
    "weight": 60.0,
}
TYPES = {
    "person_id": "bigint",
    "crp": "double",
    "fertile": "boolean",
    "onset": "date",
    "sex": "varchar",
    "weight": "double",
}
OBSERVED = {
    path: [observed(path, value)]
    for path, value in {
        "lab.crp": 3.0,
        "history.fertile": True,
        "history.onset": REFERENCE.isoformat(),
        "history.sex": "female",
    }.items()
}


def in_time(run: Callable[[], Found]) -> Found:
    start = time.process_time()
    found = run()
    assert time.process_time() - start < SECONDS
    return found


def over_columns(assessed: Study) -> bool | None:
    table = pl.DataFrame({name: [value] for name, value in PEOPLE.items()}).lazy()
    engine = prepare(assessed, table, {}, reference_on=REFERENCE, where=Where())
    return judge(engine, table).select("I1").collect().item()  # type: ignore[no-any-return]


def in_duckdb(assessed: Study) -> bool | None:
    plan = plan_warehouse(
        assessed, Source(exp.to_table("people"), TYPES), {}, reference_on=REFERENCE, where=Where()
    )
    columns = ", ".join(f"? :: {TYPES[name]} AS {name}" for name in PEOPLE)
    with duckdb.connect() as connection:
        create = f"CREATE TABLE people AS SELECT 1 AS person_id, {columns}"
        connection.execute(create, list(PEOPLE.values()))
        counted = connection.execute(count_query(plan, "duckdb"))
        names = [d[0] for d in counted.description]
        found = dict(zip(names, counted.fetchall()[0], strict=True))
    return None if found["unknown I1"] else bool(found["met I1"])


@pytest.mark.parametrize("name", MONSTERS)
def test_every_engine_finishes_and_gives_one_answer(name: str) -> None:
    """Check and proof, the bedside fast and slow, both with its words, Polars and DuckDB."""
    source = MONSTERS[name]
    assessed = only(source)
    expression = parse(source)

    problems = in_time(lambda: check_study(assessed, lambda file, _=(): Where(file)))
    slow = in_time(lambda: assess_case(assessed, Case(reading(assessed), {})))
    fast = in_time(lambda: assess_case(assessed, Case(reading(assessed), {}, is_brief=True)))

    assert {p.code[:4] for p in problems} <= {"EQ-S", "EQ-L"}
    assert slow.criteria[0].status == fast.criteria[0].status
    expected = {"met": True, "not_met": False, "unknown": None}[slow.criteria[0].status]
    assert in_time(lambda: explain(expression, reading(assessed).lookup).say("fr"))
    assert in_time(lambda: to_source(expression.root))
    assert in_time(lambda: over_columns(assessed)) is expected
    try:
        assert in_time(lambda: in_duckdb(assessed)) is expected
    except Refused as refused:
        assert [p.code for p in refused.problems] == ["EQ-E032"]


def reading(assessed: Study) -> Reading:
    return Reading(assessed, OBSERVED, reference_on=REFERENCE)

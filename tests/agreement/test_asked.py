"""What is asked beside the funnel: of DuckDB and of PostgreSQL the same as of a file."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import msgspec
import polars as pl
import psycopg
import pytest
import sqlglot
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from equipoise.problems import Refused, Text, Where
from equipoise.screening import (
    compare_readings,
    prepare,
    run,
    settle,
    with_reasons,
    write_people,
)
from equipoise.screening.settling import asking, because, split_study
from equipoise.screening.settling.asking import UNDECIDED
from equipoise.screening.warehouse import (
    DIALECTS,
    Dialect,
    Held,
    compare_held,
    count_people,
    hold_people,
    reasons_held,
    settle_held,
    write_held,
)
from equipoise.screening.warehouse.mapped import Source
from equipoise.screening.warehouse.queries import both, groups_query, people_query, reasons_query
from equipoise.study.protocol import Decision, Option, OtherReading
from equipoise.study.study import Study
from tests.agreement.people import NAMED_RULES, known_columns, people, studies
from tests.agreement.test_sql import FORBIDDEN, exact_days, fill
from tests.unit.eligibility.small_study import REFERENCE

FEW = settings(
    max_examples=5,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
    derandomize=True,
)
OTHER_RULES = st.sampled_from(NAMED_RULES)


def with_decision(assessed: Study, rule: str) -> Study:
    """The first inclusion is read in another way under an option."""
    use = OtherReading(rules={"I1": {"is": rule}})
    options = {"as is": Option("A"), "other": Option("B", use=use)}
    open_one = Decision(id="open", question=Text("?"), because=Text("?"), options=options)
    return msgspec.structs.replace(assessed, decisions=(open_one,))


def refused_or(asked: Any) -> Any:
    """Also a table of which no column means anything under the other reading."""
    try:
        return asked()
    except Refused as refused:
        return {p.code for p in refused.problems}


def written(write: Any, folder: Path) -> pl.DataFrame:
    path = folder / "people.parquet"
    write(path)
    return pl.read_parquet(path).cast({"person": pl.Int64}).sort("person")


def check(assessed: Study, drawn: pl.DataFrame, connection: Any, dialect: Dialect) -> None:
    table = exact_days(drawn)
    table = known_columns(assessed, table).with_columns(table["person_id"])
    fill(connection, table, dialect)
    rows, where = table.lazy(), Where("people")
    held = hold_people(assessed, connection, "people", dialect=dialect, reference_on=REFERENCE)
    engine = prepare(assessed, rows, {}, reference_on=REFERENCE, where=where)

    funnel = run(engine, rows, where=where)

    assert count_people(held) == funnel
    assert settle_held(held) == settle(engine, rows)
    assert reasons_held(held, funnel) == with_reasons(engine, rows, funnel)
    compared = refused_or(lambda: compare_readings(assessed, rows, reference_on=REFERENCE))
    assert refused_or(lambda: compare_held(held)) == compared
    with TemporaryDirectory() as folder:
        of_file = written(lambda path: write_people(engine, rows, path), Path(folder))
        of_database = written(lambda path: write_held(held, path), Path(folder))
    assert of_database.cast({"verdict": pl.String}).equals(of_file.cast({"verdict": pl.String}))


@given(studies(), people, OTHER_RULES)
@FEW
def test_duckdb_answers_as_a_file_does(assessed: Study, table: pl.DataFrame, rule: str) -> None:
    """Work list, reasons, other readings and rows, for random rules and random holes."""
    with duckdb.connect() as connection:
        check(with_decision(assessed, rule), table, connection, "duckdb")


@given(studies(), people, OTHER_RULES)
@FEW
def test_postgresql_answers_as_a_file_does(
    postgres: psycopg.Connection[Any], assessed: Study, table: pl.DataFrame, rule: str
) -> None:
    """Work list, reasons, other readings and rows, for random rules and random holes."""
    check(with_decision(assessed, rule), table, postgres, "postgres")


TEXTS: dict[str, tuple[str | None, ...]] = {
    "crp": ("5", " 5.000001 ", "+4.999999", ".5e1", "1.", "5e0", "", "  ", None),
    "weight": ("-0", "60", "1e-150", "6E+01", "057.0", None),
    "born": ("1955-03", "1955-03-27", "2008-02-29", " 1985-07-01 ", "2008-12", "", None),
    "onset": ("2024-02", "2024-02-29", "2024-03-27", "2000-02-29", "0001-01-01", None),
    "fertile": ("TRUE", "yes", " 0", "No", "1", None),
    "sex": ("female", " male ", "", None),
    "reference_date": ("2026-03-27", " 2026-04-01", "2024-02-29", "", None),
}
WRONG = {
    "crp": (
        "five",
        "5,0",
        "1e151",
        "-2e150",
        "0x10",
        "1_000",
        "Infinity",
        "NaN",
        "5 5",
        "--5",
        ".",
    ),
    "weight": ("sixty", "1e200", "e5"),
    "born": ("2007-02-29", "1900-02-29", "1955-13", "1955-04-31", "1955-3-27", "0000-01-01", "x"),
    "onset": ("27.03.2024", "2024-03-27T00:00", "2024-00", "2024"),
    "fertile": ("maybe", "2"),
    "sex": ("woman",),
    "reference_date": ("2026-03", "today"),
}
TEXT_PEOPLE = st.lists(
    st.fixed_dictionaries({name: st.sampled_from(texts) for name, texts in TEXTS.items()}),
    min_size=3,
    max_size=12,
)


def in_text(rows: list[dict[str, Any]]) -> pl.DataFrame:
    table = pl.DataFrame(rows, schema=dict.fromkeys(TEXTS, pl.String))
    return table.with_row_index("person_id")


def refusals(refused: Refused) -> set[tuple[str, str]]:
    """Why, and of which column: a file tells of each wrong cell, a database of a column."""
    alike = {"EQ-E025": "EQ-E033"}
    return {(alike.get(p.code, p.code), str(p.values.get("column"))) for p in refused.problems}


def check_texts(
    assessed: Study, table: pl.DataFrame, connection: Any, dialect: Dialect
) -> set[str]:
    """The same funnel, reasons and rows as of a file, or the same columns refused."""
    table = known_columns(assessed, table).with_columns(table["person_id"])
    fill(connection, table, dialect)
    rows, where = table.lazy(), Where("people")

    def of_file() -> Any:
        engine = prepare(assessed, rows, {}, reference_on=None, where=where)
        return with_reasons(engine, rows, run(engine, rows, where=where)), settle(engine, rows)

    def of_database() -> Any:
        held = hold_people(assessed, connection, "people", dialect=dialect)
        return reasons_held(held, count_people(held)), settle_held(held)

    try:
        found = of_database()
    except Refused as refused:
        told = refusals(refused)
        with pytest.raises(Refused) as expected:
            of_file()
        assert told == refusals(expected.value)
        return {column for _, column in told}
    assert found == of_file()
    return set()


@given(studies(), TEXT_PEOPLE)
@FEW
def test_duckdb_reads_texts_as_a_file_does(assessed: Study, rows: list[dict[str, Any]]) -> None:
    """Numbers, days, months, words and truths, with spaces, signs and exponents."""
    with duckdb.connect() as connection:
        assert check_texts(assessed, in_text(rows), connection, "duckdb") == set()


@given(studies(), TEXT_PEOPLE)
@FEW
def test_postgresql_reads_texts_as_a_file_does(
    postgres: psycopg.Connection[Any], assessed: Study, rows: list[dict[str, Any]]
) -> None:
    """Numbers, days, months, words and truths, with spaces, signs and exponents."""
    assert check_texts(assessed, in_text(rows), postgres, "postgres") == set()


def test_a_text_that_is_none_of_its_kind_is_told_and_stops_no_query(
    postgres: psycopg.Connection[Any], everything: Study
) -> None:
    """Each of them in both databases, and the same in a file."""
    row = {name: texts[0] for name, texts in TEXTS.items()}
    most = max(map(len, WRONG.values()))
    wrong = [
        {name: texts[at] if at < len(texts) else row[name] for name, texts in WRONG.items()}
        for at in range(most)
    ]
    expected = {name: len(texts) for name, texts in WRONG.items()}
    with duckdb.connect() as connection:
        for database, dialect in ((connection, "duckdb"), (postgres, "postgres")):
            fill(database, in_text(wrong), dialect)
            held = hold_people(everything, database, "people", dialect=dialect)
            with pytest.raises(Refused) as refused:
                count_people(held)
            found = {p.values["column"]: p.values["n_cells"] for p in refused.value.problems}
            assert found == expected
    for name, texts in WRONG.items():
        for text in texts:
            rows, where = in_text([row, {**row, name: text}]).lazy(), Where("people")
            engine = prepare(everything, rows, {}, reference_on=None, where=where)
            with pytest.raises(Refused) as refused:
                run(engine, rows, where=where)
            assert refusals(refused.value) == {("EQ-E033", name)}


@pytest.fixture
def everything() -> Study:
    """A study that reads every column."""
    from equipoise.study.criteria import Criterion
    from tests.agreement.people import MORE_VALUES
    from tests.unit.eligibility.small_study import study

    rules = ("crp > 5 mg/L", "weight > 60 kg", "age > 70 years", "duration < 2 years", "fertile")
    inclusion = [Criterion(number=str(n), is_=rule) for n, rule in enumerate(rules, start=1)]
    return study(tuple(inclusion), (Criterion(number="1", is_="sex = male"),), MORE_VALUES)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nothing_that_is_asked_turns_unknown_into_no(everything: Study, dialect: Dialect) -> None:
    """Over columns of texts, in every dialect, Spark's among them."""
    held = Held(
        study=everything,
        connection=None,  # type: ignore[arg-type]
        dialect=dialect,
        source=Source(exp.to_table("people"), dict.fromkeys(TEXTS, "text")),
        headers={},
        reference_on=None,
        where=Where("people"),
    )
    split = split_study(everything)
    apart, plan = held.plan(split.study), held.plan()
    asked, reasons = asking(split, apart.plan.criteria), because(plan.plan.criteria)
    together, extra, names = both(plan, plan)

    for query in (
        groups_query(apart, asked.terms, list(asked.flags), dialect, among=UNDECIDED),
        groups_query(together, extra, names, dialect),
        reasons_query(plan, reasons.terms, list(reasons.names), dialect),
        people_query(plan, dialect, is_everybody=True),
    ):
        assert not [p for p in FORBIDDEN if re.search(p, query)]
        assert sqlglot.parse_one(query, dialect=dialect).find(exp.Select)

"""What a database cannot be asked, and how it says so."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from msgspec.structs import replace

from equipoise.problems import Refused
from equipoise.screening.compiler import rules
from equipoise.screening.compiler.operands import CannotCompileError
from equipoise.screening.mapping import Concept, Facts, Feed, Mapped, People
from equipoise.screening.warehouse import connect, database, screen_database
from equipoise.study.criteria import Criterion
from equipoise.study.study import Study
from tests.unit.eligibility.small_study import REFERENCE, study

STUDY = study(
    (Criterion(number="1", is_="crp > 5 mg/L"), Criterion(number="2", is_="sex = male")), ()
)


def refusals(columns: str, row: str = "", assessed: Study = STUDY) -> list[str]:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE people ({columns})")
        if row:
            connection.execute(f"INSERT INTO people VALUES ({row})")
        with pytest.raises(Refused) as caught:
            screen_database(assessed, connection, "people", dialect="duckdb")
    assert all(p.advise("fr") for p in caught.value.problems)
    return [p.code for p in caught.value.problems]


@pytest.mark.parametrize(
    ("columns", "row", "codes"),
    [
        ("crp VARCHAR, sex VARCHAR", "", ["EQ-E024"]),
        ("crp BLOB, sex VARCHAR", "", ["EQ-E031"]),
        ("crp DOUBLE, sex INTEGER", "", ["EQ-E031"]),
        ("crb DOUBLE", "", ["EQ-E021"]),
        ("person_id BIGINT", "", ["EQ-E023"]),
        ("born DATE", "", ["EQ-E027"]),
        ("crp DOUBLE", "", ["EQ-E024"]),
        ("sex VARCHAR", "'woman'", ["EQ-E033"]),
        ("crp DOUBLE", "'Infinity'", ["EQ-E033"]),
    ],
)
def test_what_is_wrong_with_a_table_is_told(columns: str, row: str, codes: list[str]) -> None:
    """By the same codes as a file where they fit."""
    assert refusals(columns, row) == codes


def test_what_is_not_a_number_is_missing() -> None:
    """As in a file."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE people AS SELECT 'NaN'::DOUBLE AS crp, 'male' AS sex")
        funnel = screen_database(STUDY, connection, "people", dialect="duckdb")

    assert funnel.criteria[0].unknown == 1


def test_no_such_table_is_a_problem() -> None:
    """Nothing is created by asking for it."""
    with duckdb.connect() as connection, pytest.raises(Refused) as caught:
        screen_database(STUDY, connection, "folk", dialect="duckdb")

    assert [p.code for p in caught.value.problems] == ["EQ-E042"]


def test_a_criterion_without_a_column_form_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A database cannot fall back on reading row by row."""

    def refuse(*_: object) -> None:
        raise CannotCompileError("crp > 5 mg/L")

    monkeypatch.setattr(rules, "compile_expression", refuse)

    assert refusals("crp DOUBLE") == ["EQ-E032", "EQ-E032"]


def test_a_database_that_does_not_open_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file, or no driver."""
    with pytest.raises(Refused) as absent:
        connect(str(tmp_path / "none.duckdb"))

    def missing(_: str) -> Any:
        raise ImportError

    monkeypatch.setattr(database, "import_module", missing)
    with pytest.raises(Refused) as uninstalled:
        connect("postgresql://somewhere/db")

    assert [p.code for p in absent.value.problems] == ["EQ-E020"]
    assert [p.code for p in uninstalled.value.problems] == ["EQ-E034"]


PEOPLE, FACTS = "pid BIGINT, hgb DOUBLE, day DATE", "pid BIGINT, code TEXT, value DOUBLE, day DATE"
MAPPED = Mapped(
    people=People(
        person="pid", table="patients", columns={"hb": Feed(from_="hgb", unit="g/dL", on="day")}
    ),
    facts=Facts(
        person="pid",
        table="lab.facts",
        concept="code",
        value="value",
        on="day",
        concepts={"c": Concept(gives="crp", unit="mg/L")},
    ),
)


def map_wrongly(people: str, facts: str, mapped: Mapped, more: str = "") -> list[tuple[str, str]]:
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA lab")
        connection.execute(f"CREATE TABLE patients ({people})")
        connection.execute(f"CREATE TABLE lab.facts ({facts}); {more}")
        with pytest.raises(Refused) as caught:
            screen_database(
                STUDY, connection, "people", mapped, dialect="duckdb", reference_on=REFERENCE
            )
    assert all(p.say("fr") and p.advise("fr") for p in caught.value.problems)
    return [(p.code, str(p.where)) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("people", "facts", "expected"),
    [
        (PEOPLE.replace("hgb", "hb"), FACTS, [("EQ-E039", "people")]),
        (PEOPLE, FACTS.replace("code", "concept"), [("EQ-E039", "facts")]),
        (PEOPLE.replace("DATE", "INTEGER"), FACTS, [("EQ-E031", "people")]),
        (
            PEOPLE,
            FACTS.replace("DATE", "BLOB").replace("DOUBLE", "DATE"),
            [("EQ-E031", "facts"), ("EQ-E031", "facts")],
        ),
        (PEOPLE.replace("BIGINT", "TEXT"), FACTS, [("EQ-E045", "facts")]),
        (PEOPLE, FACTS, [("EQ-E024", "people")]),
    ],
)
def test_columns_that_do_not_fit_a_mapping_are_told(
    people: str, facts: str, expected: list[tuple[str, str]]
) -> None:
    """By table, before anything is read; no rows are the last thing to be told of."""
    assert map_wrongly(people, facts, MAPPED) == expected


def test_tables_that_a_mapping_names_wrongly_are_told() -> None:
    """None of the name, none named, or several."""
    people, facts = replace(MAPPED.people, table="folk"), replace(MAPPED.facts, table="facts")
    unnamed = replace(MAPPED.facts, table="")
    twin = "CREATE SCHEMA old; CREATE TABLE old.facts (pid INT)"

    assert map_wrongly(PEOPLE, FACTS, Mapped(people=people)) == [("EQ-E042", "folk")]
    assert map_wrongly(PEOPLE, FACTS, Mapped(facts=unnamed)) == [("EQ-E044", "facts")]
    assert map_wrongly(PEOPLE, FACTS, Mapped(facts=facts), twin) == [("EQ-E043", "facts")]
    assert map_wrongly(PEOPLE, FACTS, Mapped()) == [("EQ-E023", "mapping")]

"""What a database cannot be asked, and how it says so."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from equipoise.problems import Refused
from equipoise.screening.compiler import rules
from equipoise.screening.compiler.operands import CannotCompileError
from equipoise.screening.warehouse import connect, database, screen_database
from equipoise.study.criteria import Criterion
from equipoise.study.study import Study
from tests.unit.eligibility.small_study import study

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
        ("crp VARCHAR, sex VARCHAR", "", ["EQ-E031"]),
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

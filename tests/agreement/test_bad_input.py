"""What a table should not hold: a problem or the right answer, the same for files, DuckDB and
PostgreSQL, and never more than a question."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import polars as pl
import psycopg
import pytest

from equipoise.problems import Refused
from equipoise.screening import screen
from equipoise.screening.funnel import Funnel
from equipoise.screening.mapping import Feed, Mapped, People
from equipoise.screening.warehouse import screen_database
from equipoise.study.criteria import Criterion, ValueDefinition
from tests.unit.eligibility.small_study import REFERENCE, VALUES, judged, study

LONG = "long_" * 12
STUDY = study(
    (
        Criterion(number="1", is_="crp > 5 mg/L"),
        Criterion(number="2", is_="hb < 110 g/L"),
        Criterion(number="3", is_="sex = female"),
        Criterion(number="4", is_=f"{LONG} > 5 mg/L"),
        Criterion(number="5", is_="age >= 18 years"),
    ),
    (Criterion(number="1", judgement=judged()),),
    {
        **VALUES,
        LONG: ValueDefinition(from_="lab.crp", unit="mg/L", plausible=(0, 500)),
    },
)
DROP = '"; DROP TABLE folk; --'
TYPES = {"number": "DOUBLE PRECISION", "text": "TEXT", "whole": "INTEGER", "day": "DATE"}
FRAMES = {"number": pl.Float64, "text": pl.String, "whole": pl.Int32, "day": pl.Date}


@pytest.fixture(params=["duckdb", "postgres"])
def connection(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "postgres":
        yield request.getfixturevalue("postgres")
        return
    with duckdb.connect() as opened:
        yield opened


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def fill(  # noqa: PLR0917
    connection: Any, name: str, header: str, kind: str, cells: Sequence[object]
) -> None:
    connection.execute(f"DROP TABLE IF EXISTS {quoted(name)}")
    connection.execute(f"CREATE TABLE {quoted(name)} ({quoted(header)} {TYPES[kind]})")
    into, mark = quoted(name), "?"
    if isinstance(connection, psycopg.Connection):
        into, mark = into.replace("%", "%%"), "%s"
    for cell in cells:
        connection.execute(f"INSERT INTO {into} VALUES ({mark})", [cell])


def codes_or_funnel(screening: Any) -> Funnel | set[str]:
    """Wrong cells and columns of a wrong type have codes of their own in a database."""
    same = {"EQ-E033": "EQ-E025", "EQ-E031": "EQ-E025"}
    try:
        found: Funnel = screening()
    except Refused as refused:
        assert all(p.say("fr") for p in refused.problems)
        return {same.get(p.code, p.code) for p in refused.problems}
    return found


def both(  # noqa: PLR0917
    connection: Any, name: str, header: str, kind: str, cells: Sequence[object]
) -> tuple[Funnel | set[str], Funnel | set[str]]:
    """What a database and a file make of a column that is called `header` and gives `name`."""
    fill(connection, "folk", header, kind, cells)
    rows = pl.LazyFrame({header: pl.Series(cells, dtype=FRAMES[kind])})
    is_postgres = isinstance(connection, psycopg.Connection)
    return codes_or_funnel(
        lambda: screen_database(
            STUDY,
            connection,
            "folk",
            {header: name},
            dialect="postgres" if is_postgres else "duckdb",
            reference_on=REFERENCE,
        )
    ), codes_or_funnel(lambda: screen(STUDY, rows, {header: name}, reference_on=REFERENCE))


@pytest.mark.parametrize(
    ("name", "kind", "cells", "expected"),
    [
        ("crp", "number", [6.0, math.nan, None], "I1 1 0 2"),
        ("hb", "number", [100.0, math.nan, None], "I2 1 0 2"),
        ("crp", "number", [6.0, math.inf], "EQ-E025"),
        ("crp", "number", [6.0, -math.inf], "EQ-E025"),
        ("hb", "number", [math.inf], "EQ-E025"),
        ("hb", "number", [1e200], "EQ-E025"),
        ("crp", "number", [1e200], "EQ-E025"),
        (LONG, "number", [6.0, 501.0], "I4 1 0 1"),
        (LONG, "number", [math.inf], "EQ-E025"),
        ("sex", "text", ["female", " male\t", "", "  ", None], "I3 1 1 3"),
        ("sex", "text", ["x" * 1_000_000], "EQ-E025"),
        ("sex", "text", [DROP], "EQ-E025"),
        ("sex", "text", ["fe\u200fmale"], "EQ-E025"),
        ("sex", "whole", [1], "EQ-E025"),
        ("E1", "text", ["TRUE", " no", "1", "0", "", None], "E1 2 2 2"),
        ("E1", "text", ["maybe"], "EQ-E025"),
        ("E1", "whole", [0, 1], "EQ-E025"),
        ("crp", "text", ["many"], "EQ-E025"),
        ("born", "text", ["yesterday"], "EQ-E025"),
        ("born", "day", ["2008-02-29", "2008-03-28", "2008-03-27", None], "I5 2 1 1"),
        ("crp", "number", [], "EQ-E024"),
        ("crb", "number", [1.0], "EQ-E021"),
    ],
)
def test_cells_that_should_not_be_are_read_alike(  # noqa: PLR0917
    connection: Any, name: str, kind: str, cells: list[Any], expected: str
) -> None:
    """Numbers without end, empty and endless words, other types, no rows, a leap day."""
    if kind == "day":
        cells = pl.Series(cells).str.to_date().to_list()

    by_database, by_file = both(connection, name, "column", kind, cells)

    assert by_database == by_file
    if isinstance(by_file, set):
        assert by_file == {expected}
    else:
        found = next(c for c in by_file.criteria if c.id == expected.split(maxsplit=1)[0])
        assert f"{found.id} {found.met} {found.not_met} {found.unknown}" == expected


@pytest.mark.parametrize("header", ['a""b', DROP, "גיל", "é" * 31, "50%", "%s", "a.b", "x'y", " "])
def test_a_column_may_be_called_anything(connection: Any, header: str) -> None:
    """Its name is never a part of a question, and wrong cells are told under it."""
    by_database, by_file = both(connection, "crp", header, "number", [6.0, 4.0, None])
    assert by_database == by_file
    assert isinstance(by_file, Funnel) and by_file.criteria[0].met == 1

    assert both(connection, "sex", header, "text", ["?"]) == ({"EQ-E025"}, {"EQ-E025"})
    assert connection.execute("SELECT count(*) FROM folk").fetchone() == (1,)


@pytest.mark.parametrize("name", ['a"b', DROP, "גיל", "a.b", "Folk", "x'y", "%s"])
def test_a_table_may_be_called_anything(connection: Any, name: str) -> None:
    """In quotes as in SQL; another table is neither read nor changed."""
    dialect: Any = "postgres" if isinstance(connection, psycopg.Connection) else "duckdb"
    connection.execute("DROP TABLE IF EXISTS folk")
    fill(connection, name, "crp", "number", [6.0])

    funnel = screen_database(STUDY, connection, quoted(name), dialect=dialect)

    assert funnel.criteria[0].met == 1
    connection.execute(f"DROP TABLE {quoted(name)}")
    with pytest.raises(Refused) as caught:
        screen_database(STUDY, connection, name, dialect=dialect)
    assert [p.code for p in caught.value.problems] == ["EQ-E042"]


def test_nul_in_a_cell_is_no_choice() -> None:
    """In DuckDB and files, which can hold it."""
    with duckdb.connect() as opened:
        assert both(opened, "sex", "sex", "text", ["fe\0male"]) == ({"EQ-E025"}, {"EQ-E025"})
        assert both(opened, "sex", "sex", "text", ["female\0"]) == ({"EQ-E025"}, {"EQ-E025"})


def test_nul_in_a_mapping_ends_no_question(connection: Any) -> None:
    """PostgreSQL would read a question only as far as there."""
    dialect: Any = "postgres" if isinstance(connection, psycopg.Connection) else "duckdb"
    fill(connection, "folk", "gender", "text", ["F"])
    feed = Feed(from_="gender", codes={"F": "female", "M\0": "male"})
    mapped = Mapped(people=People(person="gender", columns={"sex": feed}))

    found = codes_or_funnel(
        lambda: screen_database(STUDY, connection, "folk", mapped, dialect=dialect)
    )

    if dialect == "postgres":
        assert found == {"EQ-E020"}
    else:
        assert isinstance(found, Funnel) and found.criteria[2].met == 1

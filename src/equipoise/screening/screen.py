"""A table of people against the criteria of a study: one pass over all columns, then the funnel."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from equipoise.problems import Problem, Refused, Where, problem
from equipoise.screening.columns import Column, find_columns
from equipoise.screening.engine import Engine, compile_for, count, to_funnel
from equipoise.screening.funnel import Funnel
from equipoise.screening.reading import Clean
from equipoise.screening.tables import check_cells, in_parts, open_table, reading
from equipoise.study.study import Study


def screen(
    study: Study,
    people: Path | pl.LazyFrame,
    mapping: Mapping[str, str] | None = None,
    *,
    units: Mapping[str, str] | None = None,
    reference_on: dt.date | None = None,
) -> Funnel:
    """Assess every row of a CSV, Parquet or Arrow file or of a frame, or raise `Refused`.

    Columns are called like the values of eligibility.yaml, in the unit declared there, or like
    judgements (`E6`); `mapping` gives other headers their name. An empty cell is missing, a column
    wins over what would be computed. `reference_on` is the day that ages are counted to where no
    column `reference_date` gives one; `units` are those of columns that are not in the unit of the
    study, empty for none.
    """
    file = people if isinstance(people, Path) else None
    where = Where(file.name if file else "people")
    rows = open_table(people) if isinstance(people, Path) else people
    engine = prepare(
        study, rows, mapping or {}, reference_on=reference_on, where=where, units=units or {}
    )
    return run(engine, rows, where=where, file=file)


def prepare(
    study: Study,
    rows: pl.LazyFrame,
    mapping: Mapping[str, str],
    *,
    reference_on: dt.date | None,
    where: Where,
    units: Mapping[str, str] = {},
) -> Engine:
    """Compile the study for the columns of a table.

    Raises:
        Refused: for columns that mean nothing to the study, or days without a reference date.
    """
    schema = rows.collect_schema()
    columns, problems = find_columns(study, schema.names(), mapping, where=where, units=units)
    problems += check_reference(columns, reference_on, where=where)
    if problems:
        raise Refused(problems)
    if not columns:
        raise Refused([problem("EQ-E023", where)])
    return compile_for(study, columns, schema, reference_on)


def run(engine: Engine, rows: pl.LazyFrame, *, where: Where, file: Path | None = None) -> Funnel:
    """Count the people of a table whose cells are all right.

    `file` is the one whose rows these are, one for one and in its order: a long one is then read
    part after part, and takes no more memory than a short one.

    Raises:
        Refused: with the first wrong cells, or for a table without rows.
    """
    with reading(where):
        counts = dict(count(engine, in_parts(rows, file)))
        doubted = [c for c in engine.cleaned if _is_doubtful(c, counts)]
        problems = check_cells(rows, doubted, where=where)
        counts |= _without_nan(rows, doubted, counts)
    if problems:
        raise Refused(problems)
    if not counts["people"]:
        raise Refused([problem("EQ-E024", where)])
    return to_funnel(engine, counts)


def _is_doubtful(clean: Clean, counts: Mapping[str, int]) -> bool:
    """Whether a column may hold a wrong cell, now that the counts are known."""
    if clean.is_wrong is not None:
        return counts[f"wrong {clean.column.header}"] > 0
    return clean.may_be_infinite and counts.get(f"implausible {clean.column.name}", 0) > 0


def _without_nan(
    rows: pl.LazyFrame, doubted: Sequence[Clean], counts: Mapping[str, int]
) -> Mapping[str, int]:
    """What is not a number is missing, and was counted as not believed."""
    numbers = {c.column.name: c.column.header for c in doubted if c.may_be_infinite}
    if not numbers:
        return {}
    missing = rows.select(pl.col(h).is_nan().sum().alias(n) for n, h in numbers.items())
    found = missing.collect(engine="streaming").row(0, named=True)
    return {f"implausible {n}": counts[f"implausible {n}"] - found[n] for n in numbers}


def check_reference(
    columns: Sequence[Column], reference_on: dt.date | None, *, where: Where
) -> tuple[Problem, ...]:
    """Days mean an age only with a day to count to."""
    days = [c.header for c in columns if c.use == "value" and c.type.kind == "date"]
    has_reference = reference_on is not None or any(c.use == "reference" for c in columns)
    if not days or has_reference:
        return ()
    return (problem("EQ-E027", where, columns=", ".join(days)),)

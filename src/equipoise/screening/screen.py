"""A table of people against the criteria of a study: verdict by verdict, then the funnel."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import polars as pl
from msgspec import Struct

from equipoise.eligibility import Answer, Case, Reading, Verdict, assess_case, believe
from equipoise.language import Known, Value, unknown
from equipoise.problems import Problem, Refused, Where, problem
from equipoise.screening.columns import REFERENCE, Column, WrongCellError, find_columns, read_cell
from equipoise.screening.funnel import Funnel, count_verdicts
from equipoise.study.study import Study

BATCH = 20_000
"""Rows in memory at a time."""

MOST_PROBLEMS = 20
"""Wrong cells that are told; a table with more was made wrongly."""


def screen(
    study: Study,
    people: Path,
    mapping: Mapping[str, str] | None = None,
    *,
    reference_on: dt.date | None = None,
) -> Funnel:
    """Assess every row of a CSV, Parquet or Arrow file, or raise `Refused`.

    Columns are called like the values of eligibility.yaml, in the unit declared there, or like
    judgements (`E6`); `mapping` gives other headers their name. An empty cell is missing, a column
    wins over what would be computed. `reference_on` is the day that ages are counted to where no
    column `reference_date` gives one.
    """
    where = Where(people.name)
    table = _open(people, where=where)
    columns, problems = find_columns(study, table.headers, mapping or {}, where=where)
    problems += _check_reference(columns, reference_on, where=where)
    if problems:
        raise Refused(problems)
    if not columns:
        raise Refused([problem("EQ-E023", where)])
    screening = _Screening(study, columns, reference_on, where)
    criteria = [name for name, _ in study.criteria]
    with _reading(where):
        funnel = count_verdicts(criteria, screening.verdicts(table))
    if screening.problems:
        raise Refused(screening.problems)
    if not funnel.people:
        raise Refused([problem("EQ-E024", where)])
    return funnel


class _Table(Struct, frozen=True):
    headers: tuple[str, ...]
    rows: pl.LazyFrame


class _Screening:
    """One pass over a table; wrong cells are collected on the way."""

    def __init__(
        self,
        study: Study,
        columns: Sequence[Column],
        reference_on: dt.date | None,
        where: Where,
    ) -> None:
        self.study = study
        self.columns = columns
        self.reference_on = reference_on
        self.where = where
        self.problems: list[Problem] = []

    def verdicts(self, table: _Table) -> Iterator[Verdict]:
        """The verdict on each row; after a wrong cell only the cells are still read."""
        wanted = [c.header for c in self.columns]
        number = 0
        for batch in table.rows.select(wanted).collect_batches(chunk_size=BATCH):
            for row in batch.iter_rows():
                number += 1
                read = [
                    self._read(c, cell, number) for c, cell in zip(self.columns, row, strict=True)
                ]
                if len(self.problems) >= MOST_PROBLEMS:
                    return
                if not self.problems:
                    yield self._assess([v for v in read if v is not None])

    def _read(self, column: Column, cell: object, number: int) -> Value | None:
        try:
            return read_cell(column, cell)
        except WrongCellError:
            place = Where(self.where.file, number + 1)
            shown = str(cell)[:40]
            self.problems.append(
                problem(
                    "EQ-E025",
                    place,
                    row=number,
                    column=column.header,
                    value=shown,
                    expected=column.type.kind,
                )
            )
            return None

    def _assess(self, values: Sequence[Value]) -> Verdict:
        read = list(zip(self.columns, values, strict=True))
        plain = {c.name: v.value for c, v in read if c.use != "value" and isinstance(v, Known)}
        stated = cast("dt.date | None", plain.pop(REFERENCE, self.reference_on))
        reference_on = stated or dt.date.max  # then no day is known that it could be compared with
        answers = {
            c.name: Answer(
                criterion=c.name,
                is_true=plain[c.name] is True,
                by="",
                role=c.role,
                on=reference_on,
                entry="",
            )
            for c in self.columns
            if c.name in plain
        }
        definitions = self.study.eligibility.values
        given = {
            c.name: believe(c.name, v, definitions[c.name])
            if stated is not None or c.type.kind != "date"
            else unknown("missing", REFERENCE)
            for c, v in read
            if c.use == "value"
        }
        reading = Reading(self.study, {}, reference_on=reference_on, given=given)
        return assess_case(self.study, Case(reading, answers, is_brief=True))


def _open(people: Path, *, where: Where) -> _Table:
    with _reading(where):
        rows = _scan(people)
        if rows is None:
            raise Refused([problem("EQ-E026", where, suffix=people.suffix or "–")])
        return _Table(tuple(rows.collect_schema().names()), rows)


@contextmanager
def _reading(where: Where) -> Iterator[None]:
    """What goes wrong in a file is a problem of the file."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        detail = str(error).strip().split("\n", 1)[0]
        raise Refused([problem("EQ-E020", where, detail=detail)]) from error


def _scan(people: Path) -> pl.LazyFrame | None:
    if not people.is_file():
        raise FileNotFoundError("no such file")
    match people.suffix.lower():
        case ".csv":
            return pl.scan_csv(people, infer_schema=False)
        case ".parquet":
            return pl.scan_parquet(people)
        case ".arrow" | ".ipc" | ".feather":
            return pl.scan_ipc(people)
    return None


def _check_reference(
    columns: Sequence[Column], reference_on: dt.date | None, *, where: Where
) -> tuple[Problem, ...]:
    """Days mean an age only with a day to count to."""
    days = [c.header for c in columns if c.use == "value" and c.type.kind == "date"]
    has_reference = reference_on is not None or any(c.use == "reference" for c in columns)
    if not days or has_reference:
        return ()
    return (problem("EQ-E027", where, columns=", ".join(days)),)

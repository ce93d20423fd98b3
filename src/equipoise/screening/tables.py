"""Tables of people in files: CSV, Parquet and Arrow, opened without being read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from equipoise.problems import Problem, Refused, Where, problem
from equipoise.screening.reading import Clean, wrong_cells

MOST_PROBLEMS = 20
"""Wrong cells that are told; a table with more was made wrongly."""

PART = 1 << 20
"""Rows of a Parquet file read at once: whole row groups, as Polars and Arrow write them."""


def open_table(people: Path) -> pl.LazyFrame:
    """The rows of a file; nothing is read but its header.

    Raises:
        Refused: if there is no such file, or it is not of a kind that is read.
    """
    where = Where(people.name)
    with reading(where):
        if not people.is_file():
            raise FileNotFoundError("no such file")
        rows = _scan(people)
        if rows is None:
            raise Refused([problem("EQ-E026", where, suffix=people.suffix or "–")])
        rows.collect_schema()
        return rows


def in_parts(rows: pl.LazyFrame, file: Path | None) -> Iterator[pl.LazyFrame]:
    """The rows of a table, part after part if they lie in this Parquet file.

    Polars fetches many row groups ahead, which in a long file is most of it; of a part it cannot.
    """
    if file is None or file.suffix.lower() != ".parquet":
        yield rows
        return
    n_rows = pl.scan_parquet(file).select(pl.len()).collect().item()
    yield from (rows.slice(first, PART) for first in range(0, max(n_rows, 1), PART))


@contextmanager
def reading(where: Where) -> Iterator[None]:
    """What goes wrong in a file is a problem of the file."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        detail = str(error).strip().split("\n", 1)[0]
        raise Refused([problem("EQ-E020", where, detail=detail)]) from error


def _scan(people: Path) -> pl.LazyFrame | None:
    match people.suffix.lower():
        case ".csv":
            return pl.scan_csv(people, infer_schema=False)
        case ".parquet":
            return pl.scan_parquet(people)
        case ".arrow" | ".ipc" | ".feather":
            return pl.scan_ipc(people)
    return None


def check_cells(
    rows: pl.LazyFrame, cleaned: Sequence[Clean], *, where: Where
) -> tuple[Problem, ...]:
    """The first wrong cells of a table, from the top and from left to right."""
    wrong = list(wrong_cells(cleaned))
    if not wrong:
        return ()
    flags = [flag.fill_null(False).alias(f"wrong {c.column.header}") for c, flag in wrong]
    headers = [c.column.header for c, _ in wrong]
    found = (
        rows.select(headers)
        .with_row_index("row number", offset=1)
        .with_columns(flags)
        .filter(pl.any_horizontal(pl.col(f"wrong {h}") for h in headers))
        .head(MOST_PROBLEMS)
        .collect(engine="streaming")
    )
    problems = (
        _wrong_cell(clean, row, where=where)
        for row in found.iter_rows(named=True)
        for clean, _ in wrong
        if row[f"wrong {clean.column.header}"]
    )
    return tuple(problems)[:MOST_PROBLEMS]


def _wrong_cell(clean: Clean, row: dict[str, object], *, where: Where) -> Problem:
    number, header = int(str(row["row number"])), clean.column.header
    return problem(
        "EQ-E025",
        Where(where.file, number + 1),
        row=number,
        column=header,
        value=str(row[header])[:40],
        expected=clean.column.type.kind,
    )

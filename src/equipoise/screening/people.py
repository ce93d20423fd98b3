"""One row a person: the verdict, two bit masks, and the criteria that decided."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from equipoise.problems import Refused, Where, problem
from equipoise.screening.columns import IGNORED
from equipoise.screening.compiler import CompiledCriterion
from equipoise.screening.engine import SATISFIED, WAITS, Engine, judge, verdicts

MOST_CRITERIA = 64
"""Bits of a mask."""

VERDICTS = pl.Enum(["eligible", "not_eligible", "undecided", "potential"])
_BYTE = 8


def assess_people(engine: Engine, rows: pl.LazyFrame) -> pl.LazyFrame:
    """`person`, `verdict`, `met`, `unknown` and `deciding`, one row a person.

    Bit k of `met` and of `unknown` is the k-th criterion in the order of the record; it is not met
    where both are 0. Whom a criterion does not concern satisfies it. `deciding` lists what bars
    who is not eligible, and what is open for the others. `person` is the column of that name or
    the number of the row.

    Raises:
        Refused: for more criteria than a mask has bits.
    """
    n_criteria = len(engine.criteria)
    if n_criteria > MOST_CRITERIA:
        raise Refused([problem("EQ-E028", most=MOST_CRITERIA, n_criteria=n_criteria)])
    rows, person = _with_person(rows)
    judged = verdicts(engine, judge(engine, rows, keep=[person]))
    return judged.select(
        pl.col(person).alias("person"),
        told_verdict().alias("verdict"),
        *masks(engine),
        told_deciding(engine.criteria).alias("deciding"),
    )


def with_verdict(engine: Engine, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Judged people with their `verdict`."""
    return verdicts(engine, judge(engine, rows)).with_columns(told_verdict().alias("verdict"))


def masks(engine: Engine) -> Iterator[pl.Expr]:
    """`met` and `unknown` of judged people."""
    names = [c.id for c in engine.criteria]
    yield _mask(names, pl.col).alias("met")
    yield _mask(names, lambda name: pl.col(name).is_null()).alias("unknown")


def _with_person(rows: pl.LazyFrame) -> tuple[pl.LazyFrame, str]:
    named = [n for n in rows.collect_schema().names() if n in IGNORED]
    if named:
        return rows, named[0]
    return rows.with_row_index("person", offset=1), "person"


def told_verdict() -> pl.Expr:
    """The verdict, from `SATISFIED` and `WAITS`."""
    return (
        pl.when(pl.col(SATISFIED))
        .then(pl.lit("eligible"))
        .when(~pl.col(SATISFIED))
        .then(pl.lit("not_eligible"))
        .when(pl.col(WAITS))
        .then(pl.lit("undecided"))
        .otherwise(pl.lit("potential"))
        .cast(VERDICTS)
    )


def _mask(names: Sequence[str], is_set: Callable[[str], pl.Expr]) -> pl.Expr:
    """A byte for each eight criteria first: a whole mask for each would cost eight times more."""
    total = pl.lit(0, dtype=pl.UInt64)
    for at in range(0, len(names), _BYTE):
        byte = pl.lit(0, dtype=pl.UInt8)
        for bit, name in enumerate(names[at : at + _BYTE]):
            one = pl.lit(1 << bit, dtype=pl.UInt8)
            byte |= pl.when(is_set(name)).then(one).otherwise(pl.lit(0, dtype=pl.UInt8))
        total |= byte.cast(pl.UInt64) * pl.lit(1 << at, dtype=pl.UInt64)
    return total


def told_deciding(criteria: Sequence[CompiledCriterion]) -> pl.Expr:
    """What bars, or what is open, from `SATISFIED` and one column a criterion."""
    bars, opens = [], []
    for criterion in criteria:
        status, name = pl.col(criterion.id), pl.lit(criterion.id)
        bars.append(pl.when(~status if criterion.is_inclusion else status).then(name))
        opens.append(pl.when(status.is_null()).then(name))
    listed = (pl.concat_str(names, separator=" ", ignore_nulls=True) for names in (bars, opens))
    barring, waiting = listed
    return pl.when(~pl.col(SATISFIED)).then(barring).otherwise(waiting)


_WRITERS: Mapping[str, Callable[[pl.LazyFrame, Path], object]] = {
    ".parquet": lambda rows, path: rows.sink_parquet(path, engine="streaming"),
    ".csv": lambda rows, path: rows.sink_csv(path, engine="streaming"),
    ".arrow": lambda rows, path: rows.sink_ipc(path, engine="streaming"),
}


def write_people(engine: Engine, rows: pl.LazyFrame, path: Path) -> None:
    """Write the verdicts on all people, as the ending of the path says, without holding them all.

    Raises:
        Refused: for another ending, or if the file cannot be written.
    """
    check_ending(path)
    write_rows(assess_people(engine, rows), path)


def check_ending(path: Path) -> None:
    """Refuse a file whose ending says nothing, before anything is computed.

    Raises:
        Refused: for such an ending.
    """
    if path.suffix.lower() not in _WRITERS:
        known = ", ".join(_WRITERS)
        where = Where(path.name)
        raise Refused([problem("EQ-E029", where, suffix=path.suffix or "–", known=known)])


def write_rows(rows: pl.LazyFrame, path: Path) -> None:
    """Write rows as the ending of the path says.

    Raises:
        Refused: if the file cannot be written.
    """
    try:
        _WRITERS[path.suffix.lower()](rows, path)
    except (OSError, pl.exceptions.PolarsError) as error:
        detail = str(error).strip().split("\n", 1)[0]
        raise Refused([problem("EQ-E030", Where(path.name), detail=detail)]) from error

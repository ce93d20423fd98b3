"""The other reading of an open decision: who would get another verdict."""

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from msgspec import Struct

from equipoise.eligibility.readings import Readings, assumed, other_readings
from equipoise.problems import Refused, Where, problem
from equipoise.screening.columns import known_headers
from equipoise.screening.people import with_verdict
from equipoise.screening.screen import prepare
from equipoise.study.study import Study
from equipoise.study.yaml_source import load_yaml


class Difference(Struct, frozen=True):
    """What one option of a decision changes: `moves` counts people as `undecided > eligible`."""

    decision: str
    option: str
    changed: int
    moves: Mapping[str, int]


def compare_readings(
    study: Study,
    rows: pl.LazyFrame,
    readings: Readings | None = None,
    *,
    reference_on: dt.date | None = None,
    units: Mapping[str, str] = {},
) -> tuple[Difference, ...]:
    """Every other reading that is known, against the assumed one.

    Raises:
        Refused: for a reading of no open decision, or one that is no eligibility.
    """
    given = readings or {}
    check_given(study, given)
    table = _Table(rows, reference_on, units)
    base = _verdicts(study, table, "before")
    found = []
    for decision, option, other in other_readings(study, given):
        after = _verdicts(other, _otherwise(other, table), "after")
        both = pl.concat([base, after], how="horizontal").filter(
            pl.col("before") != pl.col("after")
        )
        moved = both.group_by("before", "after").agg(pl.len()).collect()
        found.append(to_difference(decision, option, moved.iter_rows()))
    return tuple(found)


def check_given(study: Study, readings: Readings) -> None:
    """Refuse readings of what no criterion rests on.

    Raises:
        Refused: with each of them.
    """
    used = assumed(study)
    strays = [d for d in readings if d not in used]
    if strays:
        known = ", ".join(sorted(used))
        raise Refused([problem("EQ-E035", decision=d, known=known) for d in strays])


def to_difference(decision: str, option: str, moved: Iterable[tuple[str, str, int]]) -> Difference:
    """The difference from the people by their verdict before and after."""
    moves = {f"{b} > {a}": n for b, a, n in sorted(moved)}
    return Difference(decision, option, sum(moves.values()), moves)


class _Table(Struct, frozen=True):
    rows: pl.LazyFrame
    reference_on: dt.date | None
    units: Mapping[str, str]


def _otherwise(study: Study, table: _Table) -> _Table:
    """Without the columns that mean nothing under another reading."""
    headers = table.rows.collect_schema().names()
    kept = known_headers(study, headers)
    return msgspec.structs.replace(table, rows=table.rows.select(kept))


def _verdicts(study: Study, table: _Table, name: str) -> pl.LazyFrame:
    engine = prepare(
        study,
        table.rows,
        {},
        reference_on=table.reference_on,
        where=Where("people"),
        units=table.units,
    )
    return with_verdict(engine, table.rows).select(pl.col("verdict").cast(pl.String).alias(name))


def load_readings(path: Path) -> Readings:
    """Read other readings from YAML: for each decision, the value of each option.

    Raises:
        Refused: if it is no YAML, or not of this shape.
    """
    source, problems = load_yaml(path, name=path.name)
    if source is None or problems:
        raise Refused(problems)
    try:
        return msgspec.convert(source.value, dict[str, dict[str, Any]])
    except msgspec.ValidationError as error:
        raise Refused([problem("EQ-E037", Where(path.name), detail=str(error))]) from error

"""Screening a table of people, beside Polars reading every column of it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.figures import Figure, Sizes, cpu_seconds
from benchmarks.stage import Stage
from equipoise.screening import screen
from equipoise.study.study import Study
from equipoise.study.vocabulary import value_names

MISSING = 0.05


def measure(stage: Stage, sizes: Sizes) -> Iterator[Figure]:
    """People a second of one processor, criterion by criterion with the funnel."""
    path = stage.directory / "people.parquet"
    few = stage.directory / "few.parquet"
    people = draw_people(stage.study, sizes.people)
    people.write_parquet(path)
    people.head(20).write_parquet(few)
    screen(stage.study, few)

    def assess() -> None:
        assert screen(stage.study, path).people == sizes.people

    rates, limits = [], []
    for _ in range(sizes.runs):
        rates.append(sizes.people / cpu_seconds(assess))
        limits.append(sizes.people / cpu_seconds(lambda: _read(path), times=20))
    yield Figure(
        what=f"screening: {sizes.people:,} people, all criteria",
        unit="people/s CPU",
        ours=tuple(rates),
        against="Polars, max of every column",
        theirs=tuple(limits),
        is_rate=True,
    )


def draw_people(study: Study, n: int) -> pl.DataFrame:
    """Invented people with a value for nearly all that the criteria read, by a fixed seed."""
    random = np.random.default_rng(1)
    columns: dict[str, list[object]] = {}
    for name, kind in value_names(study).items():
        if kind.kind == "date":
            continue
        if kind.kind == "number":
            low, high = _range_of(study, name)
            drawn = random.uniform(low, high, n).round(1).tolist()
        elif kind.kind == "boolean":
            drawn = (random.random(n) < 0.1).tolist()
        elif kind.codes:
            drawn = random.choice(kind.codes, n).tolist()
        else:
            continue
        is_missing = random.random(n) < MISSING
        columns[name] = [None if gone else v for v, gone in zip(drawn, is_missing, strict=True)]
    return pl.DataFrame(columns)


def _range_of(study: Study, name: str) -> tuple[float, float]:
    """The middle of what is believed of a value, so that criteria are met and not met."""
    definition = study.eligibility.values.get(name)
    low, high = (definition.plausible if definition else None) or (0, 100)
    return float(low), float(low) + (float(high) - float(low)) / 2


def _read(path: Path) -> None:
    pl.scan_parquet(path).select(pl.all().max()).collect()

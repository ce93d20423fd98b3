"""The counts of a funnel as one pass over judged people."""

from collections.abc import Iterator, Mapping

import polars as pl

from equipoise.screening.engine import SATISFIED, WAITS, Engine, verdicts
from equipoise.screening.funnel import Funnel, make_funnel


def count(engine: Engine, judged: pl.LazyFrame) -> pl.LazyFrame:
    """One row with every count of the funnel."""
    rows = verdicts(engine, judged)
    so_far: pl.Expr | None = None
    steps: list[str] = []
    for criterion in engine.criteria:
        lets_in = pl.col(criterion.id) if criterion.is_inclusion else ~pl.col(criterion.id)
        so_far = lets_in if so_far is None else pl.col(f"to {steps[-1]}") & lets_in
        steps.append(criterion.id)
        rows = rows.with_columns(so_far.alias(f"to {criterion.id}"))
    return rows.select(*_counts(engine))


def _counts(engine: Engine) -> Iterator[pl.Expr]:
    yield pl.len().alias("people")
    yield pl.col(SATISFIED).sum().alias("eligible")
    yield pl.col(SATISFIED).null_count().alias("open")
    yield (pl.col(SATISFIED).is_null() & ~pl.col(WAITS)).sum().alias("potential")
    for criterion in engine.criteria:
        name = criterion.id
        yield pl.col(name).sum().alias(f"met {name}")
        yield pl.col(name).null_count().alias(f"unknown {name}")
        yield pl.col(f"to {name}").sum().alias(f"passed {name}")
        yield pl.col(f"to {name}").null_count().alias(f"open {name}")
    for name, _ in engine.plan.definitions:
        if name.endswith(" believed"):
            value = name.removesuffix(" believed")
            yield (~pl.col(name)).sum().alias(f"implausible {value}")
    for clean in engine.cleaned:
        if clean.is_wrong is not None:
            yield pl.col(f"wrong {clean.column.header}").sum()


def to_funnel(engine: Engine, counts: Mapping[str, int]) -> Funnel:
    """The funnel of counted people."""
    return make_funnel([(c.id, c.is_inclusion) for c in engine.criteria], counts)

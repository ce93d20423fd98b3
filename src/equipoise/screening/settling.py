"""What would settle the undecided: for each person the answers that are missing, counted."""

from collections.abc import Mapping, Sequence

import polars as pl
from msgspec import Struct

from equipoise.screening.compiler import Term
from equipoise.screening.compiler.sharing import share
from equipoise.screening.compiler.terms import FALSE, disjunction
from equipoise.screening.engine import SATISFIED, Engine, judge, verdicts


class Missing(Struct, frozen=True):
    """People for whom just these answers are missing: once known, whatever they say, the verdict
    is decided. `names` are values of the study, or ids of judgements."""

    names: tuple[str, ...]
    people: int


def settle(engine: Engine, rows: pl.LazyFrame) -> tuple[Missing, ...]:
    """The work list: the fewest answers first, and among as many those that settle most people."""
    opens = _opens(engine)
    outputs = share({f"open {name}": term for name, term in opens.items()}, prefix="asked")
    judged = verdicts(engine, judge(engine, rows, extra=outputs))
    flags = [f"open {name}" for name in opens]
    counted = (
        judged.filter(pl.col(SATISFIED).is_null())
        .group_by(flags)
        .agg(pl.len().alias("people"))
        .collect(engine="streaming")
    )
    found = [_missing(row, list(opens)) for row in counted.iter_rows(named=True)]
    return tuple(sorted(found, key=lambda m: (len(m.names), -m.people, m.names)))


def _missing(row: Mapping[str, object], names: Sequence[str]) -> Missing:
    missing = tuple(n for n in names if row[f"open {n}"])
    return Missing(missing, int(str(row["people"])))


def _opens(engine: Engine) -> dict[str, Term]:
    """For each name, where it is among the reasons of an open criterion."""
    opens: dict[str, Term] = {}
    for criterion in engine.criteria:
        for name, term in criterion.opens.items():
            opens[name] = disjunction((opens.get(name, FALSE), term))
    return {name: term for name, term in opens.items() if term != FALSE}

"""Why people are undecided, and what would settle them: reasons and missing answers, counted."""

from collections.abc import Mapping, Sequence

import msgspec
import polars as pl
from msgspec import Struct

from equipoise.screening.compiler import Term
from equipoise.screening.compiler.sharing import share
from equipoise.screening.compiler.terms import FALSE, disjunction
from equipoise.screening.engine import KINDS, SATISFIED, Engine, judge, verdicts
from equipoise.screening.funnel import CriterionCount, Funnel


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


def with_reasons(engine: Engine, rows: pl.LazyFrame, funnel: Funnel) -> Funnel:
    """The funnel with the reasons of each criterion, in a second pass over the same people.

    A person is counted once for each kind of reason that the criterion has for them, so kinds
    may add up to more than the unknown.
    """
    asked = {
        _name(c.id, kind): c.reasons.get(kind, FALSE) for c in engine.criteria for kind in KINDS
    }
    given = {name: term for name, term in asked.items() if term != FALSE}
    judged = judge(engine, rows, extra=share(given, prefix="because"))
    sums = judged.select(pl.col(name).sum() for name in given)
    counts = dict.fromkeys(asked, 0)
    if given:
        counts |= sums.collect(engine="streaming").row(0, named=True)

    def told(count: CriterionCount) -> CriterionCount:
        reasons = {kind: counts[_name(count.id, kind)] for kind in KINDS}
        return msgspec.structs.replace(count, reasons=reasons)

    return msgspec.structs.replace(funnel, criteria=tuple(told(c) for c in funnel.criteria))


def _name(criterion: str, kind: str) -> str:
    return f"{criterion} {kind}"

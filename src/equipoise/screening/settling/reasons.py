"""Why criteria are unknown: reasons by their kind, counted."""

from collections.abc import Mapping, Sequence

import msgspec
import polars as pl
from msgspec import Struct

from equipoise.screening.compiler import CompiledCriterion, Term
from equipoise.screening.compiler.sharing import share
from equipoise.screening.compiler.terms import FALSE
from equipoise.screening.engine import KINDS, Engine, judge
from equipoise.screening.funnel import CriterionCount, Funnel


class Because(Struct, frozen=True):
    """Terms to compute beside the criteria, and what each of `names` stands for: the people of a
    criterion and a kind of reason. What is nowhere so has no term."""

    terms: Mapping[str, Term]
    names: Mapping[str, tuple[str, str]]

    def told(self, funnel: Funnel, counts: Sequence[int]) -> Funnel:
        """The funnel with the reasons of each criterion, from the counts in order of `names`.

        A person is counted once for each kind of reason that the criterion has for them, so kinds
        may add up to more than the unknown.
        """
        found = dict(zip(self.names.values(), counts, strict=True))

        def tell(count: CriterionCount) -> CriterionCount:
            reasons = {kind: found.get((count.id, kind), 0) for kind in KINDS}
            return msgspec.structs.replace(count, reasons=reasons)

        return msgspec.structs.replace(funnel, criteria=tuple(tell(c) for c in funnel.criteria))


def because(criteria: Sequence[CompiledCriterion]) -> Because:
    """What has to be computed of criteria, compiled for some engine."""
    terms: dict[str, Term] = {}
    names: dict[str, tuple[str, str]] = {}
    for criterion in criteria:
        for kind in KINDS:
            term = criterion.reasons.get(kind, FALSE)
            if term != FALSE:
                name = f"reason {len(names)}"
                names[name], terms[name] = (criterion.id, kind), term
    return Because(share(terms, prefix="because"), names)


def with_reasons(engine: Engine, rows: pl.LazyFrame, funnel: Funnel) -> Funnel:
    """The funnel with the reasons of each criterion, in a second pass over the same people."""
    asked = because(engine.criteria)
    if not asked.names:
        return asked.told(funnel, ())
    judged = judge(engine, rows, extra=asked.terms)
    sums = judged.select(pl.col(name).sum() for name in asked.names)
    return asked.told(funnel, sums.collect(engine="streaming").row(0))

"""Every count of the funnel, from the comparisons of a criterion rather than from its column."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

import numpy as np
import polars as pl

from equipoise.screening.compiler import CompiledCriterion, Term, column
from equipoise.screening.compiler.terms import columns_in, disjunction, is_null
from equipoise.screening.counting.bitmaps import Bitmap, Flags, read_flags, whole
from equipoise.screening.counting.circuit import (
    EVERYBODY,
    NOBODY,
    Bits,
    plan_counts,
    run_counts,
)
from equipoise.screening.counting.logic import Logic, known_name, name_of

BELIEVED = " believed"
_OTHERS = {"known": "unknown", "settled": "open"}


class Counting:
    """What is counted of the people of a table.

    `leaves` are the columns that must be computed; `definitions` are those behind them, and
    `flags` columns whose trues are counted too.
    """

    def __init__(
        self,
        criteria: Sequence[CompiledCriterion],
        definitions: Mapping[str, Term],
        *,
        flags: Sequence[str],
    ) -> None:
        self._logic = Logic(definitions)
        self._wanted = dict(_funnel(self._logic, criteria))
        for name in definitions:
            if name.endswith(BELIEVED):
                answer = self._logic.answer(column(name))
                self._wanted[f"implausible {name.removesuffix(BELIEVED)}"] = answer.no
        self._wanted |= {f: self._logic.answer(column(f)).yes for f in flags}
        self._steps = plan_counts(self._logic.circuit, tuple(self._wanted.values()))
        self.leaves = sorted(self._logic.leaves, key=_place)
        take = self._logic.circuit.take
        self._places = [(take(f"values {name_of(t)}"), take(known_name(t))) for t in self.leaves]

    def count(self, frames: Iterable[pl.DataFrame]) -> Mapping[str, int]:
        """All counts of frames that start with the columns of `leaves`."""
        totals = dict.fromkeys(self._wanted, 0)
        for frame in frames:
            for length, flags in read_flags(frame):
                counts = run_counts(self._steps, self._given(length, flags))
                for name, bits in self._wanted.items():
                    totals[name] += counts[bits]
        return dict(_turned(totals))

    def _given(self, length: int, flags: Sequence[Flags]) -> Mapping[Bits, Bitmap]:
        everybody = whole(length)
        given = {EVERYBODY: everybody, NOBODY: np.zeros_like(everybody)}
        for (values, known), found in zip(self._places, flags, strict=False):
            given[values] = found.values
            given[known] = everybody if found.known is None else found.known
        return given


def _turned(totals: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """What is known was counted, which takes one operation less than what is not."""
    for name, n in totals.items():
        first, _, rest = name.partition(" ")
        turned = _OTHERS.get(first)
        yield (f"{turned} {rest}".strip(), totals["people"] - n) if turned else (name, n)


def _place(term: Term) -> str:
    """Comparisons of one column follow one another, while it is near the processor."""
    return min(columns_in(term), default="")


def _funnel(logic: Logic, criteria: Sequence[CompiledCriterion]) -> Iterator[tuple[str, Bits]]:
    made = logic.circuit
    steps = list(accumulate((logic.answer(c.satisfied) for c in criteria), logic.both))
    undecided = made.without(EVERYBODY, logic.either(steps[-1]))
    waits = disjunction(c.waits if c.has_judgement else is_null(c.status) for c in criteria)
    yield "people", EVERYBODY
    yield "eligible", steps[-1].yes
    yield "settled", logic.either(steps[-1])
    yield "potential", made.both(undecided, logic.answer(waits).no)
    for criterion, step in zip(criteria, steps, strict=True):
        status = logic.answer(criterion.status)
        yield f"met {criterion.id}", status.yes
        yield f"known {criterion.id}", logic.either(status)
        yield f"passed {criterion.id}", step.yes
        yield f"settled {criterion.id}", logic.either(step)

"""The open conditions of each person as columns, grouped by pattern, for whichever engine."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl
from msgspec import Struct

from equipoise.screening.compiler import CompiledCriterion, Term
from equipoise.screening.compiler.sharing import share
from equipoise.screening.compiler.terms import (
    FALSE,
    TRUE,
    conjunction,
    disjunction,
    inverse,
    is_null,
)
from equipoise.screening.engine import Engine, compile_for, judge
from equipoise.screening.settling.leaves import Leaf, Node, Split, split_study
from equipoise.screening.settling.ways import Missing, Pattern, list_missing

UNDECIDED = "is undecided"


class Asking(Struct, frozen=True):
    """Terms to compute beside the conditions of a split study: `flags` says what each stands
    for, a condition and a name that it waits for; `UNDECIDED` is true of whom they concern."""

    terms: Mapping[str, Term]
    flags: Mapping[str, tuple[str, str]]

    def pattern(self, row: Iterable[object]) -> Pattern:
        """What is open, from a row of flags in their order."""
        return frozenset(
            flag for flag, is_open in zip(self.flags.values(), row, strict=True) if is_open
        )


def settle(engine: Engine, rows: pl.LazyFrame) -> tuple[Missing, ...]:
    """The work list of the undecided: grouped by what is open, never person by person."""
    split, taken_apart = split_for(engine, rows)
    asked = asking(split, taken_apart.criteria)
    judged = judge(taken_apart, rows, extra=asked.terms)
    counted = (
        judged.filter(pl.col(UNDECIDED))
        .group_by(list(asked.flags))
        .agg(pl.len().alias("people"))
        .collect(engine="streaming")
    )
    return list_missing(split, ((asked.pattern(row[:-1]), row[-1]) for row in counted.iter_rows()))


def split_for(engine: Engine, rows: pl.LazyFrame) -> tuple[Split, Engine]:
    """The study of an engine taken apart, and compiled for the same columns."""
    split = split_study(engine.study)
    columns = [c.column for c in engine.cleaned]
    return split, compile_for(split.study, columns, rows.collect_schema(), engine.reference_on)


def asking(split: Split, criteria: Sequence[CompiledCriterion]) -> Asking:
    """What has to be computed of the conditions, compiled for some engine."""
    compiled = {c.id: c for c in criteria}
    flags: dict[str, tuple[str, str]] = {}
    terms: dict[str, Term] = {}
    satisfied = []
    for name, root in split.roots:
        status = _status(root, compiled)
        satisfied.append(status if name.startswith("I") else inverse(status))
        for leaf, waits_for, term in _flags(root, compiled, TRUE):
            if term != FALSE:
                flag = f"open {len(flags)}"
                flags[flag], terms[flag] = (leaf, waits_for), term
    terms[UNDECIDED] = is_null(conjunction(satisfied))
    return Asking(share(terms, prefix="asked"), flags)


def _status(node: Node, compiled: Mapping[str, CompiledCriterion]) -> Term:
    if isinstance(node, Leaf):
        return compiled[node.name].status
    parts = [_status(p, compiled) for p in node.parts]
    match node.op:
        case "all":
            return conjunction(parts)
        case "any":
            return disjunction(parts)
    return inverse(parts[0])


def _flags(
    node: Node, compiled: Mapping[str, CompiledCriterion], is_open: Term
) -> Iterator[tuple[str, str, Term]]:
    """Each name of a condition that is open under conditions that are all open."""
    is_open = conjunction((is_open, is_null(_status(node, compiled))))
    if isinstance(node, Leaf):
        for name, term in compiled[node.name].opens.items():
            yield node.name, name, conjunction((is_open, term))
        return
    for part in node.parts:
        yield from _flags(part, compiled, is_open)

"""Column expressions before any engine: three-valued, and the same for Polars and for SQL.

A term that stands for a condition is true, false or null, and combines as Kleene says. Nothing here
turns a null into false.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import TypeVar

from msgspec import Struct

Plain = bool | int | float | str | dt.date
Part = TypeVar("Part")


class Term(Struct, frozen=True, cache_hash=True):
    """An operation and what it is applied to; `renderers` of each engine list the operations."""

    op: str
    args: tuple[Term | Plain | None, ...] = ()

    __hash__ = Struct.__hash__

    def __eq__(self, other: object) -> bool:
        """Each pair of parts is compared once: written out as trees, terms are without limit."""
        if not isinstance(other, Term) or hash(self) != hash(other):
            return False
        seen: set[tuple[int, int]] = set()
        waiting: list[tuple[Term, Term]] = [(self, other)]
        while waiting:
            one, two = waiting.pop()
            if one is two or (id(one), id(two)) in seen:
                continue
            seen.add((id(one), id(two)))
            if one.op != two.op or len(one.args) != len(two.args):
                return False
            for pair in zip(one.args, two.args, strict=True):
                if isinstance(pair[0], Term) and isinstance(pair[1], Term):
                    waiting.append(pair)  # type: ignore[arg-type]
                elif pair[0] != pair[1]:
                    return False
        return True


NULL, TRUE, FALSE = Term("null"), Term("true"), Term("false")
_OPPOSITES = {"ge": "lt", "lt": "ge", "gt": "le", "le": "gt"}


def column(name: str) -> Term:
    """A column by its name."""
    return Term("column", (name,))


def constant(value: Plain) -> Term:
    """A number, text or day that is known."""
    if isinstance(value, bool):
        return TRUE if value else FALSE
    return Term("constant", (value,))


def conjunction(terms: Iterable[Term]) -> Term:
    """And: false decides."""
    return _join("and", terms, neutral=TRUE, decisive=FALSE)


def disjunction(terms: Iterable[Term]) -> Term:
    """Or: true decides."""
    return _join("or", terms, neutral=FALSE, decisive=TRUE)


def inverse(term: Term) -> Term:
    """Not: null stays null."""
    if term.op == "not":
        return _term(term.args[0])
    if term.op in _OPPOSITES:
        return Term(_OPPOSITES[term.op], term.args)
    return {TRUE: FALSE, FALSE: TRUE, NULL: NULL}.get(term) or Term("not", (term,))


def is_null(term: Term) -> Term:
    """Whether nothing can be told: always true or false."""
    if term in (TRUE, FALSE) or term.op in ("constant", "is_null", "is_true"):
        return FALSE
    if term == NULL:
        return TRUE
    return Term("is_null", (_term(term.args[0]) if term.op == "not" else term,))


def is_true(term: Term) -> Term:
    """Whether it is known and true: always true or false."""
    if term in (TRUE, FALSE) or term.op in ("is_null", "is_true"):
        return term
    return FALSE if term == NULL else Term("is_true", (term,))


def masked(term: Term, valid: Iterable[Term]) -> Term:
    """The term where everything in `valid` is true, else null."""
    condition = conjunction(valid)
    if NULL in (term, condition) or condition == FALSE:
        return NULL
    return term if condition == TRUE else Term("masked", (term, condition))


def decided(is_so: Term, is_not: Term) -> Term:
    """True where `is_so`, false where `is_not`, else null; the two exclude each other."""
    if is_not == inverse(is_so):
        return is_so
    return disjunction((is_so, conjunction((inverse(is_not), NULL))))


def at_least(least: int, terms: Iterable[Term]) -> Term:
    """True if `least` are true, false if too few can still be."""
    parts = tuple(terms)
    if least == len(parts):
        return conjunction(parts)
    if least == 1:
        return disjunction(parts)
    if least < 1:
        return TRUE
    n_true = total([Term("as_number", (is_true(p),)) for p in parts])
    n_open = total([Term("as_number", (is_null(p),)) for p in parts])
    is_enough = Term("ge", (n_true, constant(least)))
    is_too_few = Term("lt", (calculate("+", n_true, n_open), constant(least)))
    return decided(is_enough, is_too_few)


def balanced(join: Callable[[Part, Part], Part], parts: Sequence[Part]) -> Part:
    """All parts joined two by two, for what may be grouped at will: engines recurse."""
    if len(parts) == 1:
        return parts[0]
    middle = (len(parts) + 1) // 2
    return join(balanced(join, parts[:middle]), balanced(join, parts[middle:]))


def total(terms: Sequence[Term]) -> Term:
    """A sum of whole numbers."""
    return balanced(lambda a, b: Term("add", (a, b)), terms)


def calculate(sign: str, *terms: Term) -> Term:
    """A sum, difference, product or ratio from left to right; a division by zero gives null."""
    name = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}[sign]
    if sign == "+" and len(terms) > 1:
        return Term(name, terms)
    result = terms[0] if terms else constant(0)
    for term in terms[1:]:
        result = Term(name, (result, term))
    return result


def scaled(term: Term, factor: float) -> Term:
    """A number times a known one; factors in a row become one."""
    if factor == 1:
        return term
    if term.op == "multiply" and isinstance(term.args[1], Term) and term.args[1].op == "constant":
        inner = term.args[1].args[0]
        if isinstance(inner, int | float):
            return Term("multiply", (term.args[0], constant(inner * factor)))
    return Term("multiply", (term, constant(factor)))


def extremes(candidates: Iterable[Term]) -> tuple[Term, Term]:
    """The least and the greatest of several; null if one is null."""
    low, *others = dict.fromkeys(candidates)
    high = low
    for term in others:
        low, high = Term("least", (low, term)), Term("greatest", (high, term))
    return low, high


def bounds_product(bounds: Iterable[tuple[Term, Term]]) -> Iterator[tuple[Term, ...]]:
    """Every combination of the bounds; exact values have one."""
    return product(*(tuple(dict.fromkeys(pair)) for pair in bounds))


def columns_in(term: Term) -> frozenset[str]:
    """The names of all columns that a term reads."""
    return frozenset(str(part.args[0]) for part in parts_of(term) if part.op == "column")


def words_in(term: Term) -> Iterator[tuple[str, str]]:
    """Every text that a term compares with, after the name of the column."""
    for part in parts_of(term):
        if part.op in ("eq", "one_of") and (first := _term(part.args[0])).op == "column":
            for other in map(_term, part.args[1:]):
                if other.op == "constant" and isinstance(other.args[0], str):
                    yield str(first.args[0]), other.args[0]


def parts_of(term: Term) -> Iterator[Term]:
    """A term and every part of it, each once."""
    seen: set[int] = set()
    waiting = [term]
    while waiting:
        part = waiting.pop()
        if id(part) not in seen:
            seen.add(id(part))
            yield part
            waiting.extend(a for a in part.args if isinstance(a, Term))


def _term(part: Term | Plain | None) -> Term:
    if not isinstance(part, Term):
        raise TypeError(part)
    return part


def _join(op: str, terms: Iterable[Term], *, neutral: Term, decisive: Term) -> Term:
    parts: dict[Term, None] = {}
    for term in terms:
        inner = term.args if term.op == op else (term,)
        parts |= dict.fromkeys(_term(t) for t in inner if t != neutral)
    if decisive in parts:
        return decisive
    if len(parts) < 2:
        return next(iter(parts), neutral)
    return Term(op, tuple(parts))

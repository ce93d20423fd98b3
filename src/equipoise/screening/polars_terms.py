"""Terms as Polars expressions: one function for each operation."""

import datetime as dt
from collections.abc import Callable, Mapping
from functools import reduce

import polars as pl

from equipoise.screening.compiler import Plain, Term
from equipoise.screening.compiler.terms import balanced

Parts = tuple[pl.Expr, ...]


def to_polars(term: Term) -> pl.Expr:
    """The expression of a term."""
    if term.op == "column":
        return pl.col(str(term.args[0]))
    if term.op == "constant":
        return _literal(term.args[0])
    operator = _OPERATORS[term.op]
    return operator(tuple(to_polars(a) for a in term.args if isinstance(a, Term)))


def _literal(value: Term | Plain | None) -> pl.Expr:
    if isinstance(value, Term):
        raise TypeError(value)
    if isinstance(value, float):
        return pl.lit(value, dtype=pl.Float64)
    return pl.lit(value, dtype=pl.Date) if isinstance(value, dt.date) else pl.lit(value)


def _floats(parts: Parts) -> Parts:
    """Small whole numbers would run over."""
    return tuple(p.cast(pl.Float64) for p in parts)


def _choose(parts: Parts) -> pl.Expr:
    chain = pl.when(parts[0]).then(parts[1])
    for at in range(2, len(parts), 2):
        chain = chain.when(parts[at]).then(parts[at + 1])  # type: ignore[assignment]
    return chain.otherwise(None)


def _all(parts: Parts) -> pl.Expr:
    return balanced(lambda a, b: a & b, parts)


def _any(parts: Parts) -> pl.Expr:
    return balanced(lambda a, b: a | b, parts)


def _either(is_first: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> Callable[[Parts], pl.Expr]:
    def build(parts: Parts) -> pl.Expr:
        a, b = _floats(parts)
        return pl.when(is_first(a, b)).then(a).when(is_first(b, a)).then(b).otherwise(None)

    return build


def _add_months(parts: Parts) -> pl.Expr:
    """The same day of the month, or its last."""
    return parts[0].dt.offset_by(pl.format("{}mo", parts[1]))


def _day_number(parts: Parts) -> pl.Expr:
    return parts[0].cast(pl.Int32)


def _anniversary(parts: Parts) -> pl.Expr:
    """Days since 1970 of the same day in another year; 29 February becomes 1 March.

    The day count of the proleptic Gregorian calendar, from a year that begins in March.
    """
    day, years = parts
    month = day.dt.month().cast(pl.Int32)
    year = day.dt.year() + years.cast(pl.Int32) - (month <= 2).cast(pl.Int32)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day.dt.day().cast(pl.Int32) - 1
    return 365 * year + year // 4 - year // 100 + year // 400 + of_year - 719_468


_OPERATORS: Mapping[str, Callable[[Parts], pl.Expr]] = {
    "null": lambda _: pl.lit(None, dtype=pl.Boolean),
    "true": lambda _: pl.lit(True),
    "false": lambda _: pl.lit(False),
    "and": _all,
    "or": _any,
    "not": lambda p: ~p[0],
    "is_null": lambda p: p[0].is_null(),
    "is_true": lambda p: p[0].fill_null(False),
    "masked": lambda p: pl.when(p[1]).then(p[0]).otherwise(None),
    "choose": _choose,
    "one_of": lambda p: _any(tuple(p[0] == code for code in p[1:])),
    "eq": lambda p: p[0] == p[1],
    "same": lambda p: p[0].cast(pl.String) == p[1].cast(pl.String),
    "lt": lambda p: p[0] < p[1],
    "le": lambda p: p[0] <= p[1],
    "gt": lambda p: p[0] > p[1],
    "ge": lambda p: p[0] >= p[1],
    "as_number": lambda p: p[0].cast(pl.Int32),
    "as_float": lambda p: p[0].cast(pl.Float64),
    "add": lambda p: reduce(lambda a, b: a + b, _floats(p)),
    "subtract": lambda p: reduce(lambda a, b: a - b, _floats(p)),
    "multiply": lambda p: reduce(lambda a, b: a * b, _floats(p)),
    "divide": lambda p: reduce(lambda a, b: a / b, _floats(p)),
    "abs": lambda p: p[0].cast(pl.Float64).abs(),
    "floor": lambda p: p[0].cast(pl.Float64).floor(),
    "power": lambda p: p[0].cast(pl.Float64).pow(p[1]),
    "least": _either(lambda a, b: a <= b),
    "greatest": _either(lambda a, b: a >= b),
    "year": lambda p: p[0].dt.year(),
    "day_of_year": lambda p: p[0].dt.month().cast(pl.Int32) * 100 + p[0].dt.day(),
    "day_number": _day_number,
    "days_between": lambda p: p[1].cast(pl.Int32) - p[0].cast(pl.Int32),
    "add_days": lambda p: (p[0].cast(pl.Int32) + p[1].cast(pl.Int32)).cast(pl.Date),
    "add_months": _add_months,
    "anniversary": _anniversary,
}

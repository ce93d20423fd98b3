"""Terms as SQL: one generator, any dialect that sqlglot writes; DuckDB, PostgreSQL and Spark are
asked for.

Three-valued logic is SQL's own. What would turn unknown into no is never written: no `NOT IN`, no
`CASE ... ELSE`, no `COALESCE(flag, false)`, no `<>`.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import reduce

from sqlglot import exp

from equipoise.screening.compiler import Plain, Term
from equipoise.screening.compiler.terms import balanced

Parts = Sequence[exp.Expression]
DOUBLE, INT, BOOLEAN, DATE = "DOUBLE", "INT", "BOOLEAN", "DATE"


def to_sql(term: Term) -> exp.Expression:
    """The SQL of a term over the columns of the plan."""
    if term.op == "column":
        return exp.column(str(term.args[0]), quoted=True)
    if term.op == "constant":
        return literal(term.args[0])
    return _OPERATORS[term.op]([to_sql(a) for a in term.args if isinstance(a, Term)])


def cast(part: exp.Expression, to: str) -> exp.Expression:
    """Without a copy of what is cast."""
    return exp.cast(part, to, copy=False)


def literal(value: Term | Plain | None) -> exp.Expression:
    """A known value. A number is written so that no engine reads it as a decimal."""
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, int):
        return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))
    if isinstance(value, float):
        size = exp.Literal.number(f"{abs(value):.17e}")
        return exp.Neg(this=size) if value < 0 else size
    if isinstance(value, dt.date):
        return cast(exp.Literal.string(value.isoformat()), DATE)
    return exp.Literal.string(str(value))


def _paren(part: exp.Expression) -> exp.Expression:
    is_plain = isinstance(part, exp.Column | exp.Literal | exp.Paren | exp.Func | exp.Cast)
    # AND, OR and POWER are functions to sqlglot, and yet they bind like the operators they are.
    is_plain = is_plain and not isinstance(part, exp.Binary)
    return part if is_plain else exp.Paren(this=part)


def _binary(kind: type[exp.Expression]) -> Callable[[Parts], exp.Expression]:
    def build(parts: Parts) -> exp.Expression:
        return reduce(lambda a, b: kind(this=_paren(a), expression=_paren(b)), parts)

    return build


def _double(part: exp.Expression) -> exp.Expression:
    return part if isinstance(part, exp.Literal) else cast(part, DOUBLE)


def _grouped(kind: type[exp.Expression]) -> Callable[[Parts], exp.Expression]:
    return lambda parts: balanced(
        lambda a, b: kind(this=_paren(a), expression=_paren(b)), list(parts)
    )


def _calculated(kind: type[exp.Expression]) -> Callable[[Parts], exp.Expression]:
    """On floating point numbers: small whole numbers would run over."""
    build = _binary(kind)
    return lambda parts: build([_double(p) for p in parts])


def _divided(parts: Parts) -> exp.Expression:
    """A division by zero gives null, and never stops a query."""
    a, b = (_double(p) for p in parts)
    return exp.Div(this=_paren(a), expression=exp.func("NULLIF", b, literal(0.0)), typed=False)


def _chosen(parts: Parts) -> exp.Expression:
    """A result that is never known takes the type of the others."""
    results = [exp.null() if _is_never(v) else v for v in parts[1::2]]
    if all(map(_is_never, parts[1::2])):
        results = list(parts[1::2])
    pairs = zip(parts[::2], results, strict=True)
    return exp.Case(ifs=[exp.If(this=c, true=v) for c, v in pairs])


def _is_never(part: exp.Expression) -> bool:
    return isinstance(part, exp.Cast) and isinstance(part.this, exp.Null)


def _extreme(kind: type[exp.Expression]) -> Callable[[Parts], exp.Expression]:
    """Null if one is null, which LEAST and GREATEST of PostgreSQL and DuckDB are not."""

    def build(parts: Parts) -> exp.Expression:
        a, b = parts
        first = exp.If(this=kind(this=_paren(a), expression=_paren(b)), true=_double(a))
        last = exp.If(this=kind(this=_paren(b), expression=_paren(a)), true=_double(b))
        return exp.Case(ifs=[first, last])

    return build


def _power(parts: Parts) -> exp.Expression:
    """Of positive numbers alone, which the caller asks for; a query must not stop at others."""
    base, exponent = (_double(p) for p in parts)
    is_positive = exp.GT(this=_paren(base), expression=literal(0))
    guarded = exp.Case(ifs=[exp.If(this=is_positive, true=base)])
    return exp.Pow(this=guarded, expression=exponent)


def _extract(part: str) -> Callable[[Parts], exp.Expression]:
    return lambda parts: cast(exp.Extract(this=exp.var(part), expression=cast(parts[0], DATE)), INT)


_YEAR, _MONTH, _DAY = _extract("YEAR"), _extract("MONTH"), _extract("DAY")


def _month_day(parts: Parts) -> exp.Expression:
    return _add(_times(_MONTH(parts), 100), _DAY(parts))


def _day_number(parts: Parts) -> exp.Expression:
    return _civil(_YEAR(parts), parts)


def days_between(parts: Parts) -> exp.Expression:
    """Days from the first day to the second."""
    start, end = (cast(p, DATE) for p in parts)
    return cast(exp.DateDiff(this=end, expression=start, unit=exp.var("DAY")), INT)


def _anniversary(parts: Parts) -> exp.Expression:
    """Days since 1970 of the same day in another year; 29 February becomes 1 March."""
    return _civil(_add(_YEAR(parts[:1]), cast(parts[1], INT)), parts[:1])


def _civil(year: exp.Expression, day: Parts) -> exp.Expression:
    """The day count of the proleptic Gregorian calendar, from a year that begins in March."""
    month = _MONTH(day)
    is_early = exp.LTE(this=month, expression=literal(2))
    shifted = _less(year, cast(is_early, INT))
    months = exp.Mod(this=exp.Paren(this=_add(month, 9)), expression=literal(12))
    of_year = _add(_whole(_add(_times(exp.Paren(this=months), 153), 2), 5), _less(_DAY(day), 1))
    leaps = _less(_add(_whole(shifted, 4), _whole(shifted, 400)), _whole(shifted, 100))
    return _less(_add(_add(_times(shifted, 365), leaps), of_year), 719_468)


def _whole(part: exp.Expression, by: int) -> exp.Expression:
    """A whole division, for numbers that are not negative."""
    ratio = exp.Div(this=cast(part, DOUBLE), expression=literal(float(by)), typed=False)
    return cast(exp.Floor(this=ratio), INT)


def _add(a: exp.Expression, b: exp.Expression | int) -> exp.Expression:
    return _integer(exp.Add, a, b)


def _less(a: exp.Expression, b: exp.Expression | int) -> exp.Expression:
    return _integer(exp.Sub, a, b)


def _times(a: exp.Expression, b: int) -> exp.Expression:
    return _integer(exp.Mul, a, b)


def _integer(
    kind: type[exp.Expression], a: exp.Expression, b: exp.Expression | int
) -> exp.Expression:
    right = literal(b) if isinstance(b, int) else _paren(b)
    return exp.Paren(this=kind(this=_paren(a), expression=right))


def _added_days(parts: Parts) -> exp.Expression:
    n_days = cast(parts[1], INT)
    return cast(exp.DateAdd(this=parts[0], expression=n_days, unit=exp.var("DAY")), DATE)


def _added_months(parts: Parts) -> exp.Expression:
    """The same day of the month, or its last, as every engine has it."""
    size = parts[1].this if isinstance(parts[1], exp.Neg) else parts[1]
    kind = exp.Sub if isinstance(parts[1], exp.Neg) else exp.Add
    months = exp.Interval(this=exp.Literal.string(size.name), unit=exp.var("MONTH"))
    return cast(kind(this=cast(parts[0], DATE), expression=months), DATE)


def _is(value: exp.Expression) -> Callable[[Parts], exp.Expression]:
    return lambda parts: exp.Paren(this=exp.Is(this=_paren(parts[0]), expression=value))


_OPERATORS: Mapping[str, Callable[[Parts], exp.Expression]] = {
    "null": lambda _: cast(exp.null(), BOOLEAN),
    "true": lambda _: exp.true(),
    "false": lambda _: exp.false(),
    "and": _grouped(exp.And),
    "or": _grouped(exp.Or),
    "not": lambda p: exp.Not(this=_paren(p[0])),
    "is_null": _is(exp.null()),
    "is_true": _is(exp.true()),
    "is_not_false": lambda p: exp.Not(this=_is(exp.false())(p)),
    "masked": lambda p: exp.Case(ifs=[exp.If(this=p[1], true=p[0])]),
    "choose": _chosen,
    "one_of": lambda p: exp.In(this=_paren(p[0]), expressions=list(p[1:])),
    "eq": _binary(exp.EQ),
    "same": _binary(exp.EQ),
    "lt": _binary(exp.LT),
    "le": _binary(exp.LTE),
    "gt": _binary(exp.GT),
    "ge": _binary(exp.GTE),
    "as_number": lambda p: cast(_paren(p[0]), INT),
    "as_float": lambda p: cast(p[0], DOUBLE),
    "add": _calculated(exp.Add),
    "subtract": _calculated(exp.Sub),
    "multiply": _calculated(exp.Mul),
    "divide": _divided,
    "abs": lambda p: exp.Abs(this=_double(p[0])),
    "floor": lambda p: exp.Floor(this=_double(p[0])),
    "power": _power,
    "least": _extreme(exp.LTE),
    "greatest": _extreme(exp.GTE),
    "year": _YEAR,
    "day_of_year": _month_day,
    "day_number": _day_number,
    "days_between": days_between,
    "add_days": _added_days,
    "add_months": _added_months,
    "anniversary": _anniversary,
}

"""What a database keeps as text is read as in a file: without spaces around, empty is missing, and
a text that is none of its kind is told of. No cast meets a text that it could stop at."""

from collections.abc import Sequence

from sqlglot import exp

from equipoise.screening.compiler import LARGEST
from equipoise.screening.warehouse.terms import cast, literal

_SPACES = "".join(map(chr, (*range(9, 14), 32, 160)))
_NUMBER = (
    "^[+-]?([0-9]{1,100}[.]?[0-9]{0,100}|[.][0-9]{1,100})([eE][+-]?([0-9]{1,2}|[01][0-9]{2}))?$"
)
"""Numbers of files that no engine overflows at; those left out are past every measurement."""

_YEAR = "([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_LEAP = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"  # not 0000
_MONTH = f"^{_YEAR}-(0[1-9]|1[0-2])$"
_DAY = (
    f"^({_YEAR}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)"
    f"|(0[13578]|1[02])-31)|{_LEAP}-02-29)$"
)


def trimmed(cell: exp.Expression, codes: Sequence[str] = ()) -> exp.Expression:
    """A text as a file is read. Codes as they should be are not touched, which would cost."""
    text = exp.cast(cell, "TEXT")
    stripped = exp.Trim(this=text.copy(), expression=literal(_SPACES))
    plain = exp.Nullif(this=stripped, expression=literal(""))
    if not codes:
        return plain
    is_known = exp.In(this=text, expressions=[literal(c) for c in codes])
    cases = [exp.If(this=is_known, true=text.copy()), exp.If(this=is_there(text), true=plain)]
    return exp.Case(ifs=cases)


def is_there(part: exp.Expression) -> exp.Expression:
    """Whether something is not null."""
    return exp.Not(this=exp.Paren(this=exp.Is(this=part.copy(), expression=exp.null())))


def lost(text: exp.Expression, read: exp.Expression) -> exp.Expression:
    """Where a text was there and gave nothing."""
    is_null = exp.Paren(this=exp.Is(this=read.copy(), expression=exp.null()))
    return exp.And(this=is_there(text), expression=is_null)


def number_of(text: exp.Expression) -> exp.Expression:
    """The number that a text is; null for another, and for one past every measurement."""
    number = _where(_NUMBER, text, cast(text.copy(), "DOUBLE"))
    size = exp.Abs(this=number.copy())
    is_possible = exp.LTE(this=size, expression=literal(LARGEST))
    return exp.Case(ifs=[exp.If(this=is_possible, true=number)])


def days_of(text: exp.Expression, *, is_exact: bool) -> tuple[exp.Expression, exp.Expression]:
    """The first and the last day of a text like 2026-03-27, or of a month unless `is_exact`."""
    day = exp.If(this=_matches(_DAY, text), true=cast(text.copy(), "DATE"))
    if is_exact:
        exact = exp.Case(ifs=[day])
        return exact, exact.copy()
    first = cast(exp.DPipe(this=text.copy(), expression=literal("-01")), "DATE")
    month = exp.Interval(this=exp.Literal.string("1"), unit=exp.var("MONTH"))
    one = exp.Interval(this=exp.Literal.string("1"), unit=exp.var("DAY"))
    next_one = cast(exp.Add(this=first.copy(), expression=month), "DATE")
    last = cast(exp.Sub(this=next_one, expression=one), "DATE")
    is_month = _matches(_MONTH, text)
    ends = (exp.If(this=is_month.copy(), true=end) for end in (first, last))
    low, high = (exp.Case(ifs=[day.copy(), end]) for end in ends)
    return low, high


def day_or_stop(text: exp.Expression) -> exp.Expression:
    """The day that a text is; another text stops the query, as it stops the reading of a file."""
    day = exp.If(this=_matches(_DAY, text), true=cast(text.copy(), "DATE"))
    other = exp.DPipe(this=literal("no day: "), expression=text.copy())
    return exp.Case(ifs=[day, exp.If(this=is_there(text), true=cast(other, "DATE"))])


def _where(pattern: str, text: exp.Expression, value: exp.Expression) -> exp.Expression:
    return exp.Case(ifs=[exp.If(this=_matches(pattern, text), true=value)])


def _matches(pattern: str, text: exp.Expression) -> exp.Expression:
    return exp.RegexpLike(this=text.copy(), expression=literal(pattern))

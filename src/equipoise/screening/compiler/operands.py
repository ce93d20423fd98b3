"""What a part of an expression is over a whole column: bounds, unit, when it is believed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from equipoise.language import Interval, Known, Value, convert
from equipoise.language.units import find_factor, round_off
from equipoise.language.values import ReasonKind, bounds_of
from equipoise.screening.compiler.terms import (
    FALSE,
    NULL,
    TRUE,
    Plain,
    Term,
    conjunction,
    constant,
    decided,
    disjunction,
    inverse,
    is_null,
    is_true,
    masked,
    scaled,
)
from equipoise.screening.compiler.thresholds import Grain, find_threshold

Kind = Literal["number", "boolean", "text", "date", "never"]
Opens = Mapping[str, Term]
"""For each name, where it is a reason that nothing can be told."""
Reasons = Mapping[ReasonKind, Term]
"""For each kind of reason, where the bedside gives it; false wherever something can be told."""
NONE: Reasons = {}

SLACK = 5e-13
"""Two numbers that both vary are equal if they differ relatively by less: half of the last of
twelve digits. Numbers stated to twelve digits or fewer compare as in the language itself."""


class CannotCompileError(Exception):
    """A part that has no column form; whoever reads rows one by one can still evaluate it."""


class Operand(Struct, frozen=True, kw_only=True):
    """A part of an expression.

    `low` and `high` are the same term unless a day is known only to the month. A number in a
    column of another unit keeps its raw numbers and a `factor`. What is not `valid` is unknown;
    `opens` says on which names that hangs, `reasons` of which kinds it is. `known` is set for a
    constant.
    """

    kind: Kind
    low: Term = NULL
    high: Term = NULL
    unit: str = ""
    factor: float = 1.0
    valid: tuple[Term, ...] = ()
    opens: Opens = {}
    reasons: Reasons = {}
    grain: Grain = "f64"
    is_positive: bool = False
    known: Known | None = None

    @property
    def is_exact(self) -> bool:
        """Whether both bounds are always the same."""
        return self.low == self.high

    @property
    def bounds(self) -> tuple[Term, Term]:
        """Both bounds, in the operand's unit."""
        return scaled(self.low, self.factor), scaled(self.high, self.factor)

    @property
    def condition(self) -> Term:
        """True, false or null; what is no condition is null."""
        return masked(self.low, self.valid) if self.kind == "boolean" else NULL

    @property
    def is_known(self) -> Term:
        """Whether there is a value: always true or false."""
        nulls = (inverse(is_null(self.low)), inverse(is_null(self.high)))
        return conjunction((*nulls, *(is_true(v) for v in self.valid)))


def never(*parts: Operand, because: ReasonKind = "undefined") -> Operand:
    """What cannot be told for anybody: because of its parts, or else for the reason given."""
    own = {because: conjunction(p.is_known for p in parts)}
    return Operand(kind="never", opens=union(parts), reasons=told(parts, own))


def from_value(value: Value) -> Operand:
    """A constant."""
    if not isinstance(value, Known):
        names = {r.name: TRUE for r in value.reasons if r.name}
        return Operand(kind="never", opens=names, reasons={r.kind: TRUE for r in value.reasons})
    low, high = (_plain(b) for b in bounds_of(value.value))
    return Operand(
        kind=_kind(low),
        low=constant(low),
        high=constant(high),
        unit=value.unit,
        grain="int" if isinstance(low, int) else "f64",
        is_positive=isinstance(low, int | float) and low > 0,
        known=value,
    )


def from_condition(term: Term, parts: Iterable[Operand], own: Reasons = NONE) -> Operand:
    """A condition; its reasons are its own and those of its parts, where it is null itself."""
    is_open, parts = is_null(term), tuple(parts)
    opens = {n: conjunction((is_open, t)) for n, t in union(parts).items() if is_open != FALSE}
    reasons = limited(told(parts, own), is_open)
    return Operand(kind="boolean", low=term, high=term, opens=opens, reasons=reasons)


def as_condition(operand: Operand) -> Operand:
    """What is no condition cannot be told as one."""
    return operand if operand.kind in ("boolean", "never") else never(operand)


def from_bounds(
    kind: Kind,
    bounds: tuple[Term, Term],
    parts: Sequence[Operand],
    *,
    unit: str = "",
    valid: tuple[Term, ...] = (),
    is_positive: bool = False,
    because: ReasonKind = "undefined",
) -> Operand:
    """What is computed from `parts`: believed where they are and where `valid` holds.

    Where they are known and it is not, that is `because` of what is computed.
    """
    is_told = (*(inverse(is_null(b)) for b in bounds), *(is_true(v) for v in valid))
    own = conjunction((*(p.is_known for p in parts), inverse(conjunction(is_told))))
    inherited = tuple(dict.fromkeys(v for p in parts for v in p.valid))
    return Operand(
        kind=kind,
        low=bounds[0],
        high=bounds[1],
        unit=unit,
        valid=inherited + valid,
        opens=union(parts),
        reasons=told(parts, {because: own}),
        is_positive=is_positive,
    )


def told(parts: Iterable[Operand], own: Reasons = NONE) -> Reasons:
    """The reasons of all parts together, and those that the whole has itself."""
    return merged((own, *(p.reasons for p in parts)))


def merged(several: Iterable[Reasons]) -> Reasons:
    """Each kind of reason where any of several gives it."""
    found: dict[ReasonKind, list[Term]] = {}
    for reasons in several:
        for kind, term in reasons.items():
            found.setdefault(kind, []).append(term)
    return limited({kind: disjunction(terms) for kind, terms in found.items()}, TRUE)


def limited(reasons: Reasons, where: Term) -> Reasons:
    """Reasons that are given only there; without those that never are."""
    terms = ((kind, conjunction((where, term))) for kind, term in reasons.items())
    return {kind: term for kind, term in terms if term != FALSE}


def union(parts: Iterable[Operand]) -> dict[str, Term]:
    """The reasons of all parts together."""
    found: dict[str, Term] = {}
    for part in parts:
        for name, term in part.opens.items():
            found[name] = disjunction((found[name], term)) if name in found else term
    return found


def in_unit(operand: Operand, unit: str) -> Operand | None:
    """The number in another unit; None if the units do not convert."""
    factor = find_factor(operand.unit, unit)
    if factor is None:
        return None
    if factor == 1:
        return msgspec.structs.replace(operand, unit=unit)
    if operand.known is not None:
        low, high = (
            convert(_number(b), operand.unit, unit) for b in bounds_of(operand.known.value)
        )
        if low is None or high is None:
            return None
        return from_value(Known(low if low == high else Interval(low, high), unit))
    return msgspec.structs.replace(operand, unit=unit, factor=operand.factor * factor, grain="f64")


def believed(operand: Operand, name: str, bounds: tuple[float, float] | None) -> Operand:
    """The operand, unknown where all of it lies outside of what is believed."""
    if bounds is None or operand.kind == "never":
        return operand
    if operand.kind != "number":
        return msgspec.structs.replace(never(operand), opens={name: TRUE})
    least, most = bounds
    inside = (
        beyond(operand.high, lambda x: _scale(x, operand.factor) >= least, operand.grain),
        inverse(beyond(operand.low, lambda x: _scale(x, operand.factor) > most, operand.grain)),
    )
    is_outside = inverse(is_true(conjunction(inside)))
    own = disjunction((operand.opens.get(name, FALSE), conjunction((operand.is_known, is_outside))))
    # What is no number is past every bound, and is missing.
    has_none = inverse(disjunction(operand.reasons.values()))
    implausible = conjunction((operand.is_known, has_none, is_outside))
    return msgspec.structs.replace(
        operand,
        valid=(*operand.valid, *inside),
        opens={**operand.opens, name: own},
        reasons=told((operand,), {"implausible": implausible}),
        is_positive=operand.is_positive or least > 0,
    )


def beyond(term: Term, is_beyond: Callable[[float], bool], grain: Grain) -> Term:
    """Where a number has passed the limit at which `is_beyond` turns true for ever."""
    return Term("ge", (term, constant(find_threshold(is_beyond, grain=grain))))


def compare(sign: str, left: Operand, right: Operand) -> Operand:
    """`=`, `!=`, `<`, `<=`, `>` or `>=`, null where it does not hold for all between the bounds."""
    if sign in (">", ">="):
        return compare(sign.replace(">", "<"), right, left)
    kind = left.kind
    if kind == "never" or kind != right.kind:
        return never(left, right)
    if kind in ("boolean", "text"):
        return _compare_words(sign, left, right)
    found = _compare_bounds(sign, left, right)
    own = NONE
    if not (left.is_exact and right.is_exact):
        own = {"ambiguous": conjunction((left.is_known, right.is_known))}
    return from_condition(masked(found, (*left.valid, *right.valid)), (left, right), own)


def _compare_words(sign: str, left: Operand, right: Operand) -> Operand:
    if sign not in "!=":
        return never(left, right)
    first, last = sorted((left, right), key=lambda o: o.known is not None)
    is_free = first.kind == "text" and last.known is None
    term = Term("same" if is_free else "eq", (first.low, last.low))
    if last.known is not None and isinstance(last.known.value, bool):
        term = first.low if last.known.value else inverse(first.low)
    signed = term if sign == "=" else inverse(term)
    return from_condition(masked(signed, (*left.valid, *right.valid)), (left, right))


def _compare_bounds(sign: str, left: Operand, right: Operand) -> Term:
    if sign == "<":
        return decided(
            _below(left, right, "high", "low", is_strict=True),
            inverse(_below(left, right, "low", "high", is_strict=True)),
        )
    if sign == "<=":
        return decided(
            _below(left, right, "high", "low", is_strict=False),
            inverse(_below(left, right, "low", "high", is_strict=False)),
        )
    return _same(left, right) if sign == "=" else inverse(_same(left, right))


def _same(left: Operand, right: Operand) -> Term:
    is_apart = disjunction(
        (
            _below(left, right, "high", "low", is_strict=True),
            inverse(_below(left, right, "low", "high", is_strict=False)),
        )
    )
    if left.is_exact and right.is_exact:
        return inverse(is_apart)
    exact = [Term("eq", (o.low, o.high)) for o in (left, right) if not o.is_exact]
    return decided(conjunction((*exact, inverse(is_apart))), is_apart)


def _below(left: Operand, right: Operand, a: str, b: str, *, is_strict: bool) -> Term:
    """Whether bound `a` of the left is below bound `b` of the right, or at it."""
    low, high = _term(left, a), _term(right, b)
    if left.kind == "date":
        return Term("lt" if is_strict else "le", (low, high))
    if right.known is not None:
        limit = _read(_bound(right, b), 1.0, right.unit, left.unit)
        return inverse(
            beyond(
                low,
                lambda x: (y := _read(x, left.factor)) > limit or (is_strict and y == limit),
                left.grain,
            )
        )
    if left.known is not None:
        limit = _read(_bound(left, a), 1.0)
        return beyond(
            high,
            lambda x: (
                (y := _read(x, right.factor, right.unit, left.unit)) > limit
                or (not is_strict and y == limit)
            ),
            right.grain,
        )
    return _below_varying(left, right, low, high, is_strict=is_strict)


def _below_varying(
    left: Operand, right: Operand, low: Term, high: Term, *, is_strict: bool
) -> Term:
    op = "lt" if is_strict else "le"
    factor = right.factor * (find_factor(right.unit, left.unit) or 1.0)
    if left.grain == right.grain == "int" and factor == left.factor == 1:
        return Term(op, (low, high))
    slack = -SLACK if is_strict else SLACK
    if right.is_positive:
        low, by = _without_factor(scaled(low, left.factor))
        return Term(op, (low, scaled(high, factor * (1 + slack) / by)))
    low = scaled(low, left.factor)
    high = scaled(high, factor)
    moved = Term("add", (high, scaled(Term("abs", (high,)), slack)))
    return Term(op, (low, moved))


def _without_factor(term: Term) -> tuple[Term, float]:
    """A number without the known positive factor that it was multiplied by, and the factor."""
    if term.op == "multiply":
        inner, factor = term.args
        if isinstance(inner, Term) and isinstance(factor, Term) and factor.op == "constant":
            by = factor.args[0]
            if isinstance(by, int | float) and by > 0:
                return inner, by
    return term, 1.0


def _term(operand: Operand, bound: str) -> Term:
    return operand.low if bound == "low" else operand.high


def _bound(operand: Operand, bound: str) -> float:
    low, high = bounds_of(operand.known.value if operand.known else None)
    return _number(low if bound == "low" else high)


def _read(number: float, factor: float, source: str = "", target: str = "") -> float:
    """As the language reads a number before it compares: scaled, converted, rounded."""
    value = _scale(number, factor)
    if source != target:
        value = _scale(value, find_factor(source, target) or 1.0)
    return round_off(value) if isinstance(value, float) else value


def _scale(number: float, factor: float) -> float:
    return number if factor == 1 else round_off(number * factor)


def _kind(value: Plain) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "date"


def _plain(value: object) -> Plain:
    if not isinstance(value, Plain):
        raise TypeError(value)
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(value)
    return value

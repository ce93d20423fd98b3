"""The functions of eligibility rules over columns, each as its Python original computes it.

Sources of the formulas stand with the originals in `equipoise.clinical`; the agreement tests hold
both to the same numbers.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from equipoise.clinical import DOMAINS
from equipoise.language.functions import NUDGE
from equipoise.language.values import Known
from equipoise.screening.compiler.operands import (
    CannotCompileError,
    Kind,
    Operand,
    from_bounds,
    in_unit,
    never,
)
from equipoise.screening.compiler.terms import (
    Term,
    bounds_product,
    calculate,
    constant,
    extremes,
    scaled,
    total,
)

Builder = Callable[[Sequence[Operand]], Operand]
Formula = Callable[..., Term]

SINCE = frozenset({"age", "years_since", "days_since"})
"""Functions that count to the reference date, which they get as their last argument."""

MOST_IMPRECISE = 4
"""Arguments of one call that may be imprecise; each doubles the terms."""

MOST_DIGITS = 15
"""Digits that `round` keeps or takes away in a column: a binary fraction has no more."""

MOST_ARGUMENTS = 100
"""Arguments of `sum` and its like: engines calculate in the order written, one within the next."""


def _function(
    formula: Formula,
    takes: Sequence[tuple[Kind, str]],
    unit: str,
    *,
    valid: Callable[..., Sequence[Term]] = lambda *_: (),
    is_positive: bool = False,
) -> Builder:
    """A function of a fixed number of arguments, each in its unit; it rises or falls in each."""

    def build(given: Sequence[Operand]) -> Operand:
        if len(given) != len(takes):
            return never(*given)
        arguments = []
        for operand, (kind, wanted) in zip(given, takes, strict=True):
            if operand.kind != kind:
                return never(*given)
            fitted = _fit(operand, kind, wanted)
            if fitted is None:
                return never(*given, because="unit_unknown")
            arguments.append(fitted)
        corners = _corners(arguments)
        limits = tuple(dict.fromkeys(v for c in corners for v in valid(*c)))
        bounds = extremes(formula(*c) for c in corners)
        return from_bounds(
            "number", bounds, arguments, unit=unit, valid=limits, is_positive=is_positive
        )

    return build


def _corners(arguments: Sequence[Operand]) -> list[tuple[Term, ...]]:
    if sum(not a.is_exact for a in arguments) > MOST_IMPRECISE:
        raise CannotCompileError(f"more than {MOST_IMPRECISE} imprecise arguments")
    return list(bounds_product(a.bounds for a in arguments))


def _fit(operand: Operand, kind: Kind, unit: str) -> Operand | None:
    return in_unit(operand, unit) if kind == "number" else operand


def _of_numbers(formula: Callable[[Sequence[Term]], Term]) -> Builder:
    """A function of any number of numbers in the unit of the first."""

    def build(given: Sequence[Operand]) -> Operand:
        if not given or given[0].kind != "number":
            return never(*given)
        if len(given) > MOST_ARGUMENTS:
            raise CannotCompileError(f"more than {MOST_ARGUMENTS} arguments")
        arguments = []
        for operand in given:
            if operand.kind != "number":
                return never(*given)
            fitted = in_unit(operand, given[0].unit)
            if fitted is None:
                return never(*given, because="unit_unknown")
            arguments.append(fitted)
        bounds = extremes(formula(c) for c in _corners(arguments))
        is_positive = all(a.is_positive for a in arguments)
        return from_bounds("number", bounds, arguments, unit=given[0].unit, is_positive=is_positive)

    return build


def _exactly(operands: Sequence[Operand]) -> tuple[Term, ...]:
    """What must hold for a function that neither rises nor falls: no bounds, only values."""
    return tuple(Term("eq", o.bounds) for o in operands if not o.is_exact)


def _absolute(given: Sequence[Operand]) -> Operand:
    if len(given) != 1 or given[0].kind != "number":
        return never(*given)
    term = Term("abs", (given[0].bounds[0],))
    valid = _exactly(given)
    return from_bounds(
        "number", (term, term), given, unit=given[0].unit, valid=valid, because="ambiguous"
    )


def _rounded(given: Sequence[Operand]) -> Operand:
    """0.5 goes away from zero; the digits must be stated, not looked up."""
    if not 1 <= len(given) <= 2 or any(o.kind != "number" for o in given):
        return never(*given)
    digits = given[1].known if len(given) == 2 else Known(0)
    if digits is None or not isinstance(digits.value, int | float):
        raise CannotCompileError("round")
    if len(given) == 2 and given[1].unit:
        return never(*given, because="unit_unknown")
    if not -MOST_DIGITS <= digits.value <= MOST_DIGITS:
        raise CannotCompileError("round")
    scale = 10.0 ** int(digits.value)
    low, high = given[0].bounds
    rounded = _round_half_up(low, scale)
    bounds = (rounded, rounded if low is high else _round_half_up(high, scale))
    return from_bounds("number", bounds, given, unit=given[0].unit)


def _round_half_up(number: Term, scale: float) -> Term:
    size = calculate("+", scaled(Term("abs", (number,)), scale * NUDGE), constant(0.5))
    whole = calculate("/", Term("floor", (size,)), constant(scale))
    is_negative = Term("lt", (number, constant(0)))
    return choose((is_negative, scaled(whole, -1.0)), (_opposite(is_negative), whole))


def _opposite(term: Term) -> Term:
    return Term("ge", term.args)


def _counted(given: Sequence[Operand]) -> Operand:
    if not given or any(o.kind != "boolean" for o in given):
        return never(*given)
    term = total([Term("as_number", (o.condition,)) for o in given])
    return from_bounds("number", (term, term), given)


def _pointed(given: Sequence[Operand]) -> Operand:
    if [o.kind for o in given] != ["boolean", "number"]:
        return never(*given)
    points = in_unit(given[1], "")
    if points is None:
        return never(*given, because="unit_unknown")
    term = calculate("*", Term("as_number", (given[0].condition,)), points.bounds[0])
    valid = _exactly(given[1:])
    return from_bounds("number", (term, term), given, valid=valid, because="ambiguous")


def choose(*cases: tuple[Term, Term]) -> Term:
    """The value of the first case that is true; null where none is."""
    return Term("choose", tuple(part for case in cases for part in case))


def _is(text: Term, code: str) -> Term:
    return Term("eq", (text, constant(code)))


def completed_years(born: Term, on: Term) -> Term:
    """Full years between two days, one less before the day of the year."""
    years = calculate("-", Term("year", (on,)), Term("year", (born,)))
    is_before = Term("lt", (Term("day_of_year", (on,)), Term("day_of_year", (born,))))
    return calculate("-", years, Term("as_number", (is_before,)))


def years_between(start: Term, end: Term) -> Term:
    """Years with the fraction of the running one; negative if `end` is the earlier day."""
    is_forward = Term("le", (start, end))
    backward = scaled(_years_forward(end, start), -1.0)
    return choose((is_forward, _years_forward(start, end)), (Term("gt", (start, end)), backward))


def _years_forward(start: Term, end: Term) -> Term:
    whole = completed_years(start, end)
    last = Term("anniversary", (start, whole))
    following = Term("anniversary", (start, calculate("+", whole, constant(1))))
    passed = calculate("-", Term("day_number", (end,)), last)
    fraction = calculate("/", Term("as_float", (passed,)), calculate("-", following, last))
    return calculate("+", fraction, whole)


def _bmi(weight: Term, height: Term) -> Term:
    meters = calculate("/", height, constant(100))
    return calculate("/", weight, calculate("*", meters, meters))


def _within(name: str) -> Callable[..., Sequence[Term]]:
    """What the original takes: outside of it there is no number."""

    def valid(*arguments: Term) -> Sequence[Term]:
        limits = [(x, d) for x, d in zip(arguments, DOMAINS[name], strict=True) if d is not None]
        return tuple(
            term
            for argument, (low, high) in limits
            for term in (
                Term("ge", (argument, constant(low))),
                Term("le", (argument, constant(high))),
            )
        )

    return valid


def _power(base: Term, exponent: float) -> Term:
    return Term("power", (base, constant(exponent)))


def _surface(weight: Term, height: Term) -> Term:
    return calculate("*", scaled(_power(weight, 0.425), 0.007184), _power(height, 0.725))


def _unindexed(gfr: Term, weight: Term, height: Term) -> Term:
    return calculate("/", calculate("*", gfr, _surface(weight, height)), constant(1.73))


def _egfr(creatinine: Term, age: Term, sex: Term) -> Term:
    def formula(kappa: float, alpha: float, factor: float) -> Term:
        ratio = calculate("/", calculate("/", creatinine, constant(88.4)), constant(kappa))
        low, high = Term("least", (ratio, constant(1.0))), Term("greatest", (ratio, constant(1.0)))
        size = calculate("*", _power(low, alpha), _power(high, -1.2))
        aged = Term("power", (constant(0.9938), age))
        return scaled(calculate("*", scaled(size, 142.0), aged), factor)

    return choose(
        (_is(sex, "female"), formula(0.7, -0.241, 1.012)),
        (_is(sex, "male"), formula(0.9, -0.302, 1.0)),
    )


def _corrected(dlco: Term, hb: Term, sex: Term) -> Term:
    def formula(constant_: float) -> Term:
        top = calculate("*", dlco, calculate("+", constant(constant_), hb))
        return calculate("/", top, scaled(hb, 1.7))

    return choose((_is(sex, "female"), formula(9.38)), (_is(sex, "male"), formula(10.22)))


def _pressure(velocity: Term, atrial: Term) -> Term:
    return calculate("+", scaled(calculate("*", velocity, velocity), 4.0), atrial)


def _sum(terms: Sequence[Term]) -> Term:
    return calculate("+", *terms)


def _extreme(op: str) -> Callable[[Sequence[Term]], Term]:
    def formula(terms: Sequence[Term]) -> Term:
        result = terms[0]
        for _, term in pairwise(terms):
            result = Term(op, (result, term))
        return result

    return formula


_WEIGHT_HEIGHT: Sequence[tuple[Kind, str]] = (("number", "kg"), ("number", "cm"))
_INDEXED: tuple[Kind, str] = ("number", "mL/min/1.73m2")

BUILDERS: Mapping[str, Builder] = {
    "sum": _of_numbers(_sum),
    "min": _of_numbers(_extreme("least")),
    "max": _of_numbers(_extreme("greatest")),
    "mean": _of_numbers(lambda terms: calculate("/", _sum(terms), constant(float(len(terms))))),
    "abs": _absolute,
    "round": _rounded,
    "count": _counted,
    "points": _pointed,
    "age": _function(completed_years, (("date", ""), ("date", "")), "years"),
    "years_since": _function(years_between, (("date", ""), ("date", "")), "years"),
    "years_between": _function(years_between, (("date", ""), ("date", "")), "years"),
    "days_since": _function(
        lambda day, on: Term("days_between", (day, on)), (("date", ""), ("date", "")), "days"
    ),
    "bmi": _function(_bmi, _WEIGHT_HEIGHT, "kg/m2", valid=_within("bmi"), is_positive=True),
    "body_surface": _function(
        _surface, _WEIGHT_HEIGHT, "m2", valid=_within("body_surface"), is_positive=True
    ),
    "unindexed_gfr": _function(
        _unindexed, (_INDEXED, *_WEIGHT_HEIGHT), "mL/min", valid=_within("unindexed_gfr")
    ),
    "egfr": _function(
        _egfr,
        (("number", "umol/L"), ("number", "years"), ("text", "")),
        "mL/min/1.73m2",
        valid=_within("egfr"),
    ),
    "dlco_corrected": _function(
        _corrected,
        (("number", "%"), ("number", "g/dL"), ("text", "")),
        "%",
        valid=_within("dlco_corrected"),
    ),
    "spap": _function(
        _pressure,
        (("number", "m/s"), ("number", "mmHg")),
        "mmHg",
        valid=_within("spap"),
    ),
}
"""What an expression may call over columns; a function that is not here cannot be compiled."""

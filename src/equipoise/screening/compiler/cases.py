"""`case` over columns: the first condition that is true decides, and a doubt is none where it makes
no difference."""

from collections.abc import Sequence

import msgspec

from equipoise.screening.compiler.functions import choose
from equipoise.screening.compiler.operands import (
    CannotCompileError,
    Operand,
    Reasons,
    as_condition,
    compare,
    in_unit,
    limited,
    merged,
    never,
)
from equipoise.screening.compiler.terms import (
    FALSE,
    NULL,
    TRUE,
    Term,
    conjunction,
    disjunction,
    inverse,
    is_null,
    is_true,
    masked,
)


def choose_result(
    conditions: Sequence[Operand], results: Sequence[Operand], otherwise: Operand
) -> Operand:
    """The operand of a whole `case`, from its last branch to its first.

    Raises:
        CannotCompileError: for branches of several kinds, or known only between bounds.
    """
    conditions = [as_condition(c) for c in conditions]
    found = otherwise
    for condition, result in zip(reversed(conditions), reversed(results), strict=True):
        found = _either(condition, result, found)
    return msgspec.structs.replace(
        found, reasons=_reasons(inverse(found.is_known), conditions, (*results, otherwise))
    )


def _reasons(is_open: Term, conditions: Sequence[Operand], results: Sequence[Operand]) -> Reasons:
    """Of every condition in doubt before the first that is true, and of each result that may be
    meant, whether or not it is the one that differs."""
    found: list[Reasons] = []
    is_reached = is_open
    for condition, result in zip(conditions, results, strict=False):
        is_so = condition.condition
        found.append(limited(condition.reasons, conjunction((is_reached, is_null(is_so)))))
        may_be = disjunction((is_null(is_so), is_true(is_so)))
        found.append(limited(result.reasons, conjunction((is_reached, may_be))))
        is_reached = conjunction((is_reached, inverse(is_true(is_so))))
    found.append(limited(results[-1].reasons, is_reached))
    return merged(found)


def _either(condition: Operand, first: Operand, rest: Operand) -> Operand:
    is_so = condition.condition
    if is_so in (TRUE, FALSE):
        return first if is_so == TRUE else rest
    model = rest if first.kind == "never" else first
    fitted = [_fit(o, model) for o in (first, rest)]
    values = [masked(o.bounds[0], o.valid) for o in fitted]
    is_same = NULL if "never" in (first.kind, rest.kind) else compare("=", *fitted).condition
    if is_so == is_same == NULL:
        return never(condition, first, rest)
    is_either = conjunction((is_null(is_so), is_true(is_same)))
    term = choose((is_so, values[0]), (inverse(is_so), values[1]), (is_either, values[0]))
    may_be = disjunction((is_so, is_null(is_so))), disjunction((inverse(is_so), is_null(is_so)))
    return Operand(
        kind=model.kind,
        low=term,
        high=term,
        unit=model.unit,
        is_positive=first.is_positive and rest.is_positive,
        opens=_opens(is_null(term), [(condition, TRUE), (first, may_be[0]), (rest, may_be[1])]),
    )


def _fit(operand: Operand, model: Operand) -> Operand:
    if operand.kind == "never":
        return operand
    fitted = in_unit(operand, model.unit) if operand.kind == "number" else operand
    if operand.kind != model.kind or not operand.is_exact or fitted is None:
        raise CannotCompileError("case")
    return fitted


def _opens(is_open: Term, parts: Sequence[tuple[Operand, Term]]) -> dict[str, Term]:
    """The reasons of the conditions in doubt and of the branches that may be meant."""
    found: dict[str, Term] = {}
    for part, may_be in parts:
        for name, term in part.opens.items():
            told = conjunction((is_open, may_be, term))
            found[name] = disjunction((found.get(name, FALSE), told))
    return found

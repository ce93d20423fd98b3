"""Random expressions and random rows of values, sensible or not, for tests of agreement."""

import datetime as dt
from typing import get_args

from hypothesis import strategies as st

from equipoise.language import (
    STANDARD_FUNCTIONS,
    History,
    Interval,
    Known,
    Value,
    unknown,
    visit_functions,
)
from equipoise.language.tree import (
    Arithmetic,
    Call,
    Case,
    Combination,
    Comparison,
    Literal,
    Membership,
    Name,
    Negative,
    Node,
    Not,
    Presence,
    Within,
)
from equipoise.language.values import ReasonKind, read_month

SPAN = (0, 0)
NAMES = ("a", "b", "crp", "hb", "sex", "on", "form.item", "female")
UNITS = ("", "", "mg/L", "mg/dL", "mmol/L", "g/dL", "days", "months", "years", "%", "kg")
CODES = ("female", "male", "R 1")
DAYS = st.dates(dt.date(2024, 1, 1), dt.date(2027, 1, 1))
MONTHS = st.sampled_from(["2024-02", "2026-03", "2026-12"]).map(read_month)
NUMBERS = st.integers(0, 40) | st.sampled_from([0.1, 0.5, 1.005, 2.5, 7.2, 38.1, 12.7, 165, 70])
VISIT_WORDS = tuple(w for w in visit_functions(lambda _: History()) if w.endswith(" of"))
CALLED = (*STANDARD_FUNCTIONS, "since", "bmi", "egfr", "nothing")
"""Those of the language, two calculators, one that counts to a day, and one that nobody knows."""
ORDERS = ("<", "<=", ">", ">=", "=", "!=")

_quantities = st.builds(Literal, NUMBERS, st.sampled_from(UNITS), st.just(SPAN))
_days = st.builds(Literal, DAYS | MONTHS, st.just(""), st.just(SPAN))
_texts = st.builds(Literal, st.sampled_from(CODES), st.just(""), st.just(SPAN))
_truths = st.builds(Literal, st.booleans(), st.just(""), st.just(SPAN))
_names = st.builds(Name, st.sampled_from(NAMES), st.just(SPAN))
_leaves = _quantities | _days | _texts | _truths | _names | _names | _names


def _parts(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    span = st.just(SPAN)
    few = st.lists(nodes, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        _names_of_visits,
        st.builds(Arithmetic, st.sampled_from("+-*/"), nodes, nodes, span),
        st.builds(Negative, nodes, span),
        st.builds(_comparison, st.lists(nodes, min_size=2, max_size=3), st.data()),
        st.builds(
            Membership,
            nodes,
            st.lists(_quantities | _days | _texts, min_size=1, max_size=3).map(tuple),
            st.booleans(),
            span,
        ),
        st.builds(Presence, nodes, st.booleans(), span),
        st.builds(Not, nodes, span),
        st.builds(
            _combination,
            st.sampled_from(["all", "any", "none", "at_least"]),
            few,
            st.integers(0, 4),
        ),
        st.builds(Within, nodes, nodes, st.sampled_from(["before", "after", "of"]), nodes, span),
        st.builds(_case, few, st.data(), nodes),
        st.builds(
            Call,
            st.sampled_from(CALLED),
            few,
            span,
        ),
    )


_names_of_visits = st.builds(Call, st.sampled_from(VISIT_WORDS), st.tuples(_names), st.just(SPAN))


def _comparison(operands: list[Node], data: st.DataObject) -> Node:
    n = len(operands) - 1
    signs = data.draw(st.lists(st.sampled_from(ORDERS), min_size=n, max_size=n))
    return Comparison(tuple(operands), tuple(signs), SPAN)


def _combination(join: str, operands: tuple[Node, ...], least: int) -> Node:
    count = {"all": len(operands), "any": 1, "none": 1}.get(join, least)
    return Combination(join, operands, count, SPAN)  # type: ignore[arg-type]


def _case(conditions: tuple[Node, ...], data: st.DataObject, otherwise: Node) -> Node:
    results = data.draw(st.tuples(*(_leaves for _ in conditions)))
    return Case(conditions, results, otherwise, SPAN)


nodes: st.SearchStrategy[Node] = st.recursive(_leaves, _parts, max_leaves=12)
"""Trees of every part of the language."""

_reasons = st.sampled_from(get_args(ReasonKind))
_odd = st.sampled_from([-0.0, -3.5, 0.1 + 0.2, 2**53 + 1, 1e308, -1e308, 10**400])
_known = (
    st.builds(Known, NUMBERS | _odd, st.sampled_from(UNITS))
    | st.builds(Known, DAYS | MONTHS)
    | st.builds(Known, st.sampled_from(CODES))
    | st.builds(Known, st.booleans())
    | st.builds(Known, st.just(Interval(17, 18)), st.sampled_from(["", "years", "mg/L"]))
    | st.just(Known(6.8, "mmol/L", (), 16114.5))
)
values: st.SearchStrategy[Value] = (
    _known
    | _known
    | st.builds(unknown, _reasons, st.sampled_from(NAMES))
    | st.builds(unknown, _reasons, st.just("a"), st.just("b"))
)
rows: st.SearchStrategy[dict[str, Value]] = st.dictionaries(st.sampled_from(NAMES), values)
"""What a person's values may be; a name that is left out is none of the study's."""

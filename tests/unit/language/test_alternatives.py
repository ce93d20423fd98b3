"""What settles an unknown and what would turn an answer, against trying out everything."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, combinations, product

from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.language import Known, Unknown, Value, ValueType, parse, unknown
from equipoise.language.alternatives import (
    Alternative,
    find_changes,
    find_settlement,
)
from equipoise.language.evaluation import Setting, evaluate_node
from equipoise.language.functions import STANDARD_FUNCTIONS
from equipoise.language.tree import Node, to_source

# One candidate at, and between, each of the limits of the random rules (5 and 10) and of what a
# person may have where two values are compared (5, 7, 10).
CANDIDATES: Mapping[str, tuple[Known, ...]] = {
    "x": tuple(Known(v, "mg/L") for v in (4, 5, 6, 7, 8, 10, 12)),
    "y": tuple(Known(v, "mg/L") for v in (4, 5, 6, 7, 8, 10, 12)),
    "b": (Known(True), Known(False)),
    "c": (Known("mild"), Known("severe"), Known("none")),
    "d": tuple(Known(dt.date(2026, 3, day)) for day in (9, 10, 11, 12)),
}
TYPES = {
    "x": ValueType("number", "mg/L", plausible=(0, 100)),
    "y": ValueType("number", "mg/L"),
    "b": ValueType("boolean"),
    "c": ValueType("choice", codes=("mild", "severe", "none")),
    "d": ValueType("date"),
}
ATOMS = [
    "x > 5 mg/L",
    "x <= 0.5 mg/dL",
    "x = 10 mg/L",
    "x != 5 mg/L",
    "5 mg/L < x < 10 mg/L",
    "5 mg/L <= x <= 10 mg/L",
    "x + 2 mg/L > 7 mg/L",
    "2 * x >= 20 mg/L",
    "10 mg/L - x < 5 mg/L",
    "-x < -5 mg/L",
    "x / 2 > 5 mg/L",
    "x in {5 mg/L, 10 mg/L}",
    "x is known",
    "y < 10 mg/L",
    "5 mg/L >= y",
    "x < y",
    "b",
    "b = false",
    "c = mild",
    "c in {mild, severe}",
    "c not in {mild}",
    "d > 2026-03-10",
    "d within 1 day before 2026-03-11",
]
LEAVES = st.sampled_from(ATOMS)


def joined(parts: list[str], join: str) -> str:
    least = min(2, len(parts))
    words = join.format(least)
    return f"{words} of ({', '.join(parts)})"


RULES = st.recursive(
    LEAVES,
    lambda rules: st.one_of(
        st.builds(
            joined,
            st.lists(rules, min_size=2, max_size=3),
            st.sampled_from(["all", "any", "none", "at least {}"]),
        ),
        rules.map("not ({})".format),
    ),
    max_leaves=5,
)
PEOPLE = st.fixed_dictionaries(
    {
        name: st.none() | st.sampled_from([v for v in candidates if v.value not in (4, 6, 8, 12)])
        for name, candidates in CANDIDATES.items()
    }
)
Person = Mapping[str, Known | None]


def lookup_of(person: Person) -> dict[str, Value]:
    return {n: v if v is not None else unknown("missing", n) for n, v in person.items()}


def answer(node: Node, person: Person) -> bool | None:
    value = evaluate_node(node, Setting(lookup_of(person).get, STANDARD_FUNCTIONS))
    return None if isinstance(value, Unknown) else value.value is True


def selections(names: Iterable[str]) -> Iterator[frozenset[str]]:
    """Every set of names, small ones first."""
    ordered = sorted(names)
    sizes = range(len(ordered) + 1)
    return map(frozenset, chain.from_iterable(combinations(ordered, n) for n in sizes))


def cases(person: Person, names: Iterable[str]) -> Iterator[dict[str, Known | None]]:
    """A person with every candidate of these names."""
    ordered = sorted(names)
    for values in product(*(CANDIDATES[n] for n in ordered)):
        yield {**person, **dict(zip(ordered, values, strict=True))}


def smallest(sets: Iterable[frozenset[str]]) -> set[frozenset[str]]:
    kept: list[frozenset[str]] = []
    for one in sets:
        if not any(other <= one for other in kept):
            kept.append(one)
    return set(kept)


def names_in_rule(rule: str) -> set[str]:
    from equipoise.language import names_in

    return set(names_in(parse(rule))) & set(CANDIDATES)


def sets_of(alternatives: Iterable[Alternative]) -> set[frozenset[str]]:
    return {frozenset(a.names) for a in alternatives}


@given(RULES, PEOPLE)
@settings(max_examples=250)
def test_what_settles_an_unknown_is_what_trying_out_everything_finds(
    rule: str, person: Person
) -> None:
    """Whatever they are, if they turn out so, and which way: the same sets, and no other."""
    node = parse(rule).root
    open_names = {n for n in names_in_rule(rule) if person[n] is None}
    if answer(node, person) is not None:
        return
    found = find_settlement(node, lookup_of(person).get, types=TYPES)
    if not found.is_exact:
        assert "x < y" in rule
        return

    every = list(selections(open_names))
    outcomes = {s: {answer(node, case) for case in cases(person, s)} for s in every}
    assert set(map(frozenset, found.sure)) == smallest(s for s in every if None not in outcomes[s])
    for target, alternatives in ((True, found.true), (False, found.false)):
        wanted = smallest(s for s in every if target in outcomes[s])
        assert sets_of(alternatives) == wanted
        for names in wanted:
            here = [a for a in alternatives if frozenset(a.names) == names]
            for case in cases(person, names):
                holds = any(all(answer(c, case) for c in a.conditions) for a in here)
                assert holds == (answer(node, case) is target), (to_source(node), case)


@given(RULES, PEOPLE)
@settings(max_examples=250)
def test_what_would_turn_an_answer_is_what_trying_out_everything_finds(
    rule: str, person: Person
) -> None:
    """The smallest sets of values that, with another value each, give the other answer."""
    node = parse(rule).root
    now = answer(node, person)
    if now is None:
        return
    found = find_changes(node, lookup_of(person).get, target=not now, types=TYPES)
    if not found.is_exact:
        assert "x < y" in rule
        return

    every = list(selections(names_in_rule(rule)))
    wanted = smallest(
        s for s in every if any(answer(node, case) is (not now) for case in cases(person, s))
    )
    assert {frozenset(c.names) for c in found.changes} == wanted
    for change in found.changes:
        for case in cases(person, change.names):
            if all(answer(s.condition, case) for s in change.shifts):
                assert answer(node, case) is (not now)

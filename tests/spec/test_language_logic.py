"""What is known, what is not, and what follows: the logic of every rule."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.language import (
    Known,
    Unknown,
    Value,
    all_of,
    any_of,
    at_least,
    evaluate,
    negate,
    none_of,
    parse,
    unknown,
)

T, F, U = Known(True), Known(False), unknown("missing", "x")
THREE = (T, F, U)
WRITTEN = {"T": T, "F": F, "U": U}
VALUES = st.sampled_from(THREE)


def plain(value: Value) -> bool | None:
    return None if isinstance(value, Unknown) else value.value is True


TABLE = {
    # a, b: and, or, none of
    "TT": "TTF",
    "TF": "FTF",
    "TU": "UTF",
    "FT": "FTF",
    "FF": "FFT",
    "FU": "FUU",
    "UT": "UTF",
    "UF": "FUU",
    "UU": "UUU",
}


@pytest.mark.parametrize("pair", TABLE)
def test_false_decides_and_true_decides_or(pair: str) -> None:
    """Nothing unknown can change an `and` that is false or an `or` that is true."""
    values = {"a": WRITTEN[pair[0]], "b": WRITTEN[pair[1]]}
    both, either, neither = TABLE[pair]

    for source, expected in (
        ("a and b", both),
        ("all of (a, b)", both),
        ("a or b", either),
        ("any of (a, b)", either),
        ("none of (a, b)", neither),
        ("not (a or b)", neither),
        ("at least 2 of (a, b)", both),
        ("at least 1 of (a, b)", either),
        ("at least 0 of (a, b)", "T"),
        ("at least 3 of (a, b)", "F"),
    ):
        assert plain(evaluate(parse(source), values.get)) is plain(WRITTEN[expected]), source


@pytest.mark.parametrize(("value", "opposite"), [(T, F), (F, T), (U, U)])
def test_not_keeps_what_is_unknown(value: Value, opposite: Value) -> None:
    """The opposite of "cannot tell" is "cannot tell", not yes."""
    assert negate(value) == opposite


@pytest.mark.parametrize("least", range(5))
@pytest.mark.parametrize("values", list(product(THREE, repeat=3)))
def test_at_least_agrees_with_every_way_the_unknown_may_turn_out(
    least: int, values: tuple[Value, ...]
) -> None:
    """It is known exactly if all completions of the unknown values give one answer."""
    choices = [(True, False) if isinstance(v, Unknown) else (v.value,) for v in values]
    outcomes = {sum(map(bool, c)) >= least for c in product(*choices)}
    expected = outcomes.pop() if len(outcomes) == 1 else None

    assert plain(at_least(least, values)) is expected


@given(VALUES, VALUES, VALUES)
def test_the_laws_of_kleene(a: Value, b: Value, c: Value) -> None:
    """Order and grouping do not matter, De Morgan and distribution hold, twice not is nothing."""
    assert plain(all_of([a, b])) is plain(all_of([b, a]))
    assert plain(any_of([a, all_of([b, c])])) is plain(all_of([any_of([a, b]), any_of([a, c])]))
    assert plain(all_of([a, all_of([b, c])])) is plain(all_of([a, b, c]))
    assert plain(negate(all_of([a, b]))) is plain(any_of([negate(a), negate(b)]))
    assert plain(none_of([a, b])) is plain(all_of([negate(a), negate(b)]))
    assert negate(negate(a)) == a


@given(st.lists(VALUES, max_size=6), st.integers(0, 6), st.booleans(), st.integers(0, 5))
def test_learning_a_value_never_overturns_an_answer(
    values: list[Value], least: int, learned: bool, at: int
) -> None:
    """Filling in something unknown may decide, but never change what was decided."""
    before = plain(at_least(least, values))
    filled = [Known(learned) if i == at and v == U else v for i, v in enumerate(values)]

    assert before is None or plain(at_least(least, filled)) is before


def test_every_reason_is_kept_once() -> None:
    """An unknown answer names all that it hangs on, in order, each once."""
    values = {"a": unknown("missing", "a"), "b": unknown("stale", "b"), "c": F}

    found = evaluate(parse("b or a or b or c"), values.get)

    assert [(r.kind, r.name) for r in found.reasons] == [  # type: ignore[union-attr]
        ("stale", "b"),
        ("missing", "a"),
    ]


@pytest.mark.parametrize(("value", "is_known"), [(T, True), (F, True), (U, False)])
def test_whether_something_is_known_is_always_known(value: Value, is_known: bool) -> None:
    """`is known` and `is unknown` answer yes or no, never "cannot tell"."""
    values = {"x": value}

    assert evaluate(parse("x is known"), values.get) == Known(is_known)
    assert evaluate(parse("x is unknown"), values.get) == Known(not is_known)
    assert evaluate(parse("x is known or true"), values.get) == T

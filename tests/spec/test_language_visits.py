"""Values over the visits: `latest of`, `worst of`, `mean of`, `change from baseline of`

In a form's `derive` and `warn_if` a value may be looked at over all visits so far, this one
included. A visit at which it is not known is passed over; where none is left, the answer is
missing. `max of x` is the greatest over the visits; `max(x, y)` is the greater of two values.
"""

import datetime as dt

import pytest

from equipoise.language import (
    STANDARD_FUNCTIONS,
    History,
    Interval,
    Known,
    Source,
    Unknown,
    evaluate,
    parse,
    visit_functions,
)


def seen(value: object, unit: str = "", *, at: int = 1, mass: float = 0.0) -> Known:
    return Known(value, unit, (Source("lab", dt.date(2026, at, 1)),), mass)  # type: ignore[arg-type]


HISTORIES = {
    "crp": History(
        (seen(9, "mg/L"), seen(1.5, "mg/dL", at=2)),
        seen(6, "mg/L", at=3),
        seen(9, "mg/L"),
        "highest",
    ),
    "fvc": History((seen(80, "%"), seen(70, "%", at=2)), None, seen(82, "%"), "lowest"),
    "hb": History((seen(11, "g/dL", mass=16114.5),), seen(7, "mmol/L", at=2, mass=16114.5)),
    "rater": History((seen("R1"),), seen("R2", at=2)),
    "only_now": History((), seen(3)),
    "never": History(),
    "band": History((seen(Interval(1, 2)),), seen(3)),
    "flag": History((), seen(True)),
    "mixed": History((seen(1, "kg"),), seen(3, "mg/L")),
    "based": History((), None, seen(3)),
}
FUNCTIONS = {**STANDARD_FUNCTIONS, **visit_functions(HISTORIES.__getitem__)}


def answer(source: str) -> object:
    found = evaluate(parse(source), {}.get, functions=FUNCTIONS)
    if isinstance(found, Unknown):
        return ", ".join(f"{r.kind} {r.name}".strip() for r in found.reasons)
    return (found.value, found.unit) if found.unit else found.value


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("first of crp", (9, "mg/L")),
        ("previous of crp", (1.5, "mg/dL")),
        ("latest of crp", (6, "mg/L")),
        ("max of crp", (1.5, "mg/dL")),
        ("min of crp", (6, "mg/L")),
        ("worst of crp", (1.5, "mg/dL")),
        ("worst of fvc", (70, "%")),
        ("mean of crp", (10, "mg/L")),
        ("count of crp", 3),
        ("change from baseline of crp", (-3, "mg/L")),
        ("change from baseline of fvc", (-12, "%")),
        ("latest of fvc", (70, "%")),
        ("previous of fvc", (70, "%")),
        ("first of rater", "R1"),
        ("latest of rater", "R2"),
        ("first(rater)", "R1"),
        ("previous(rater)", "R1"),
        ("latest(rater)", "R2"),
        ("first of only_now", 3),
        ("count of never", 0),
    ],
)
def test_each_word_picks_or_computes_over_the_visits(source: str, expected: object) -> None:
    """Values in several units are converted before they are compared."""
    assert answer(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("previous of only_now", "missing only_now"),
        ("first of never", "missing never"),
        ("latest of never", "missing never"),
        ("mean of never", "missing never"),
        ("max of never", "missing never"),
        ("worst of hb", "ambiguous hb"),
        ("change from baseline of hb", "missing baseline of hb"),
        ("change from baseline of based", "missing based"),
        ("change from baseline of mixed", "missing baseline of mixed"),
        ("mean of band", "undefined band"),
        ("mean of rater", "undefined rater"),
        ("max of flag", "undefined flag"),
        ("min of mixed", "unit_unknown mixed"),
    ],
)
def test_what_the_history_lacks_is_unknown(source: str, expected: str) -> None:
    """No value, no baseline, no direction of what is worse, no common unit: each says so."""
    assert answer(source) == expected


def test_a_change_needs_one_quantity() -> None:
    """A baseline in a unit that does not convert gives no change."""
    functions = visit_functions(lambda _: History((), seen(3, "mg/L"), seen(1, "kg")))

    found = evaluate(parse("change from baseline of x"), {}.get, functions=functions)

    assert isinstance(found, Unknown)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("change from baseline of crp <= -2 mg/L", True),
        ("mean of crp > 0.9 mg/dL and max of crp < 20 mg/L", True),
        ("latest of crp - first of crp = -3 mg/L", True),
        ("min of hb < 11.2 g/dL", True),
        ("mean of hb < 7 mmol/L", True),
        ("sum(count of crp, count of fvc)", 5),
        ("max(max of crp, 20 mg/L)", (2, "mg/dL")),
    ],
)
def test_they_stand_where_any_value_stands(source: str, expected: object) -> None:
    """In comparisons, in sums, as arguments; `max(a, b)` of several values is another thing."""
    assert answer(source) == expected


def test_what_is_computed_says_which_visits_it_came_from() -> None:
    """The mean of three visits has three sources, the worst has its own."""
    mean = evaluate(parse("mean of crp"), {}.get, functions=FUNCTIONS)
    worst = evaluate(parse("worst of crp"), {}.get, functions=FUNCTIONS)

    assert isinstance(mean, Known)
    assert isinstance(worst, Known)
    assert [s.on.month for s in mean.sources if s.on] == [1, 2, 3]
    assert [s.on.month for s in worst.sources if s.on] == [2]

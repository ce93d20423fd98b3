"""Values that depend: `case when ... then ... otherwise ...`

The first condition that is true decides which value is meant; without one it is what stands after
`otherwise`. All branches give the same kind of value in the same quantity.
"""

from itertools import product

import pytest

from equipoise.language import Interval, Known, Unknown, Value, evaluate, parse, unknown
from tests.spec.tables import read, rows_of, tell

T, F, U = Known(True), Known(False), unknown("missing", "u")
THREE = {"T": T, "F": F, "U": U}
VALUES: dict[str, Value] = {
    "yes": T,
    "no": F,
    "gap": unknown("missing", "gap"),
    "old": unknown("stale", "old"),
    "crp": Known(7.2, "mg/L"),
    "band": Known(Interval(1, 2)),
    "sex": Known("female"),
}


def answer(source: str) -> object:
    found = evaluate(parse(source), VALUES.get)
    if isinstance(found, Unknown):
        return ", ".join(f"{r.kind} {r.name}".strip() for r in found.reasons)
    return found.value


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("case when yes then 1 otherwise 2", 1),
        ("case when no then 1 otherwise 2", 2),
        ("case when no then 1 when yes then 2 otherwise 3", 2),
        ("case when no then 1 when no then 2 otherwise 3", 3),
        ('case when sex = female then "F" otherwise "M"', "F"),
        ("case when crp > 5 mg/L then crp otherwise 0 mg/L", 7.2),
        ("(case when yes then 30 otherwise 40) > 35", False),
        ("case when yes then case when no then 1 otherwise 2 when yes then 3 otherwise 4", 2),
        ("case when yes then 1 otherwise 2 + 5", 1),
    ],
)
def test_the_first_condition_that_is_true_decides(source: str, expected: object) -> None:
    """Conditions are looked at in order; without a true one it is what stands at the end."""
    assert answer(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("case when gap then 1 otherwise 2", "missing gap"),
        ("case when gap then 1 otherwise 1", 1),
        ("case when gap then 1 mg/L otherwise 0.1 mg/dL", 1),
        ("case when gap then 1 mg/L otherwise 1 kg", "missing gap"),
        ("case when gap then 1 otherwise true", "missing gap"),
        ("case when gap then band otherwise band", Interval(1, 2)),
        ("case when gap then band otherwise 1", "missing gap"),
        ("case when gap then 1 otherwise band", "missing gap"),
        ("case when gap then crp > 5 mg/L otherwise yes", True),
        ("case when gap then 1 when yes then 1 otherwise 2", 1),
        ("case when gap then 1 when no then 2 otherwise 1", 1),
        ("case when no then gap otherwise 2", 2),
        ("case when yes then old otherwise 2", "stale old"),
        ("case when gap then old otherwise 2", "missing gap, stale old"),
        ("case when crp then 1 otherwise 2", "undefined"),
    ],
)
def test_an_unknown_condition_leaves_what_all_branches_agree_on(
    source: str, expected: object
) -> None:
    """Every branch that may still be meant must give one value, else all reasons are told."""
    assert answer(source) == expected


@pytest.mark.parametrize("conditions", list(product("TFU", repeat=2)))
@pytest.mark.parametrize("results", list(product((1, 2), repeat=3)))
def test_it_is_known_exactly_if_every_way_the_unknown_may_turn_out_gives_one_value(
    conditions: tuple[str, str], results: tuple[int, int, int]
) -> None:
    """The whole truth table of two conditions."""
    values = {"a": THREE[conditions[0]], "b": THREE[conditions[1]]}
    x, y, z = results
    ways = [(True, False) if c == "U" else (c == "T",) for c in conditions]
    outcomes = {x if a else y if b else z for a, b in product(*ways)}

    found = evaluate(parse(f"case when a then {x} when b then {y} otherwise {z}"), values.get)

    assert found == (Known(outcomes.pop()) if len(outcomes) == 1 else U)


REASONS = """
| a | b | `case when a then 1 when b then 2 otherwise 3` | `case when a then 1 when b then 1 otherwise 1` |
|---|---|---|---|
| true | missing b | 1 | 1 |
| false | true | 2 | 1 |
| false | false | 3 | 1 |
| false | missing b | missing b | 1 |
| missing a | true | missing a | 1 |
| missing a | stale b | missing a, stale b | 1 |
| missing a | missing a | missing a | 1 |
"""


@pytest.mark.parametrize("row", rows_of(REASONS), ids=lambda row: f"{row['a']}, {row['b']}")
def test_the_reasons_are_those_of_the_conditions_in_doubt(row: dict[str, str]) -> None:
    """First of the conditions, then of the branches that may be meant; a branch that cannot be
    meant is not asked for."""
    values = {"a": read(row["a"]), "b": read(row["b"])}
    for head in list(row)[2:]:
        assert tell(evaluate(parse(head), values.get)) == row[head], head


def test_the_words_of_a_case_are_names_elsewhere() -> None:
    """A value may be called case, when, then or otherwise."""
    values = {"case": Known(1), "when": Known(2), "then": Known(3), "otherwise": Known(4)}
    source = "case = 1 and when = 2 and then = 3 and otherwise = 4"

    assert evaluate(parse(source), values.get) == T

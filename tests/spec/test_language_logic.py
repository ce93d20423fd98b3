"""Logic: yes, no, and unknown

A condition is true, false or unknown, and what is unknown says why. False decides `and`, true
decides `or`, even beside something unknown; nothing ever turns what is unknown into a no.
"""

import sqlite3
from itertools import product

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.language import (
    Known,
    Reason,
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
from equipoise.language.words import REASONS as REASON_WORDS
from tests.spec.tables import KINDS, rows_of

T, F, U = Known(True), Known(False), unknown("missing", "x")
THREE = (T, F, U)
WRITTEN = {"true": T, "false": F, "unknown": U}
VALUES = st.sampled_from(THREE)


def plain(value: Value) -> bool | None:
    return None if isinstance(value, Unknown) else value.value is True


KLEENE = """
| a | b | `a and b` | `a or b` | `none of (a, b)` |
|---|---|---|---|---|
| true | true | true | true | false |
| true | false | false | true | false |
| true | unknown | unknown | true | false |
| false | true | false | true | false |
| false | false | false | false | true |
| false | unknown | false | unknown | unknown |
| unknown | true | unknown | true | false |
| unknown | false | false | unknown | unknown |
| unknown | unknown | unknown | unknown | unknown |
"""

SAME = """
| written | is the same as |
|---|---|
| `all of (a, b)` | `a and b` |
| `any of (a, b)` | `a or b` |
| `none of (a, b)` | `not (a or b)` |
| `at least 2 of (a, b)` | `a and b` |
| `at least 1 of (a, b)` | `a or b` |
| `at least 0 of (a, b)` | `true` |
| `at least 3 of (a, b)` | `false` |
| `a or b and a` | `a or (b and a)` |
| `not a and b` | `(not a) and b` |
"""

REASONS = """
| reason | a value is unknown because |
|---|---|
| `missing` | nobody entered it |
| `stale` | it is older than the rule's window allows |
| `conflicting` | two entries of one day say different things |
| `unit_unknown` | its unit does not convert into the one that is needed |
| `implausible` | it lies outside the bounds within which the study believes it |
| `ambiguous` | it is known only roughly, and the answer hangs on the rest |
| `awaiting_judgement` | a person has to say, and has not |
| `not_in_source` | the written trial leaves it open |
| `undefined` | it makes no sense: a division by zero, a word for a number |
"""

EVERY = [Known(True), Known(False), *(unknown(kind, "x") for kind in KINDS)]
EVERY += [Unknown((*unknown("missing", "p").reasons, *unknown("stale", "q").reasons))]


def letter(value: Value) -> str:
    return "unknown" if isinstance(value, Unknown) else str(value.value).lower()


def reasons(*values: Value) -> tuple[Reason, ...]:
    """From left to right, each once."""
    found: list[Reason] = []
    for value in values:
        if isinstance(value, Unknown):
            found += [r for r in value.reasons if r not in found]
    return tuple(found)


@pytest.mark.parametrize("head", ["a and b", "a or b", "none of (a, b)"])
def test_false_decides_and_true_decides_or(head: str) -> None:
    """Nothing unknown can change an `and` that is false or an `or` that is true (Kleene 1952, the
    strong connectives)."""
    for row in rows_of(KLEENE):
        values = {"a": WRITTEN[row["a"]], "b": WRITTEN[row["b"]]}

        assert letter(evaluate(parse(head), values.get)) == row[head], row


@pytest.mark.parametrize("row", rows_of(SAME), ids=lambda row: row["written"])
def test_the_other_ways_to_join_are_made_of_these(row: dict[str, str]) -> None:
    """`and` binds before `or`, `not` before both; brackets settle the rest."""
    for a, b in product(THREE, repeat=2):
        values = {"a": a, "b": b}.get

        assert evaluate(parse(row["written"]), values) == evaluate(
            parse(row["is the same as"]), values
        )


@pytest.mark.parametrize("table", ["sqlite", "duckdb"])
def test_databases_have_the_same_tables(table: str) -> None:
    """SQL:2016 calls it unknown and writes NULL; SQLite and DuckDB answer as the table above."""
    run = sqlite3.connect(":memory:").execute if table == "sqlite" else duckdb.connect().execute
    written = {"true": "(1=1)", "false": "(1=0)", "unknown": "(1=NULL)"}
    back = {None: "unknown", 0: "false", 1: "true"}
    heads = {
        "a and b": "{a} AND {b}",
        "a or b": "{a} OR {b}",
        "none of (a, b)": "NOT ({a} OR {b})",
    }

    for row in rows_of(KLEENE):
        for head, sql in heads.items():
            asked = sql.format(a=written[row["a"]], b=written[row["b"]])
            assert back[run(f"SELECT {asked}").fetchone()[0]] == row[head], asked


def test_a_person_is_told_every_reason() -> None:
    """There are nine, and each has its words in English and French."""
    assert [row["reason"] for row in rows_of(REASONS)] == list(KINDS)
    assert all(REASON_WORDS[kind].en and REASON_WORDS[kind].fr for kind in KINDS)


JOINED = {
    "a and b": ("a and b", False),
    "all of (a, b)": ("a and b", False),
    "a or b": ("a or b", False),
    "any of (a, b)": ("a or b", False),
    "none of (a, b)": ("none of (a, b)", False),
    "at least 1 of (a, b)": ("a or b", False),
    "at least 2 of (a, b)": ("a and b", False),
    "b and a": ("a and b", True),
    "b or a": ("a or b", True),
}


@pytest.mark.parametrize("source", JOINED)
def test_an_unknown_answer_has_the_reasons_of_its_unknown_parts(source: str) -> None:
    """From left to right as written, each once; those of a part that decides are not asked for.
    So for each of the nine reasons, for two at once, and for the same on both sides."""
    head, is_turned = JOINED[source]
    table = {(row["a"], row["b"]): row[head] for row in rows_of(KLEENE)}
    expression = parse(source)
    for a, b in product(EVERY, repeat=2):
        values = {"a": a, "b": b}
        found = evaluate(expression, values.get)
        expected = table[letter(a), letter(b)]
        parts = (b, a) if is_turned else (a, b)

        assert letter(found) == expected
        if isinstance(found, Unknown):
            assert found.reasons == reasons(*parts)


@pytest.mark.parametrize("least", range(5))
def test_at_least_keeps_the_reasons_of_all_that_is_unknown(least: int) -> None:
    """Three parts of every kind: the number of true ones, and of those that can still be."""
    expression = parse(f"at least {least} of (a, b, c)")
    for parts in product(EVERY, repeat=3):
        n_true = sum(letter(p) == "true" for p in parts)
        n_open = sum(letter(p) == "unknown" for p in parts)
        found = evaluate(expression, dict(zip("abc", parts, strict=True)).get)

        if n_true >= least:
            assert found == T
        elif n_true + n_open < least:
            assert found == F
        else:
            assert found == Unknown(reasons(*parts))


@pytest.mark.parametrize("value", EVERY)
def test_not_keeps_what_is_unknown(value: Value) -> None:
    """The opposite of "cannot tell" is "cannot tell" for the same reasons, not yes."""
    opposite = {"true": F, "false": T}.get(letter(value), value)

    assert negate(value) == opposite
    assert evaluate(parse("not a"), {"a": value}.get) == opposite
    assert evaluate(parse("not not a"), {"a": value}.get) == value


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


@pytest.mark.parametrize("value", EVERY)
def test_whether_something_is_known_is_always_known(value: Value) -> None:
    """`x is known` and `x is unknown` answer yes or no, whatever the reason, never "cannot tell"."""
    values, is_known = {"x": value}, letter(value) != "unknown"

    assert evaluate(parse("x is known"), values.get) == Known(is_known)
    assert evaluate(parse("x is unknown"), values.get) == Known(not is_known)
    assert evaluate(parse("x is known or true"), values.get) == T

"""What settles and what turns, where units, bounds, texts or sheer number make it hard."""

import datetime as dt

import pytest

from equipoise.language import Interval, Known, Value, ValueType, parse, say_node, unknown
from equipoise.language.alternatives import (
    Changes,
    Settlement,
    find_changes,
    find_settlement,
    say_change,
    settling,
)
from equipoise.language.functions import STANDARD_FUNCTIONS, Function

MISSING = unknown("missing", "x")
HEMOGLOBIN = 16114.5


def settled(rule: str, types: dict[str, ValueType] | None = None, **values: Value) -> Settlement:
    return find_settlement(parse(rule).root, {"x": MISSING, **values}.get, types=types)


def turned(rule: str, *, target: bool = True, **values: Value) -> Changes:
    return find_changes(parse(rule).root, values.get, target=target)


def said(found: Settlement) -> tuple[list[str], list[str]]:
    """What makes it true and what false, plainly."""
    return tuple(  # type: ignore[return-value]
        [" & ".join(say_node(c).replace("\u00a0", " ") for c in way.conditions) for way in ways]
        for ways in (found.true, found.false)
    )


def changes(found: Changes) -> list[str]:
    return [say_change(c).replace("\u00a0", " ") for c in found.changes]


@pytest.mark.parametrize(
    ("rule", "true", "false"),
    [
        ("x < 11 g/dL", "x: below 11 g/dL", "x: at least 11 g/dL"),
        (
            "x < 11 g/dL or x > 150 g/L",
            "x: below 11 g/dL or above 15 g/dL",
            "x: from 11 to 15 g/dL",
        ),
        ("x != 3", "x: below 3 or above 3", "x: 3"),
        ("x = 2026-03-10", "x: 10 Mar 2026", "x: before 10 Mar 2026 or after 10 Mar 2026"),
        ("x < 2026-03", "x: before 1 Mar 2026", "x: no earlier than 31 Mar 2026"),
        ('x = "a b"', "x: “a b”", "x: other than “a b”"),
        ("x in {a, b}", "x: “a” or “b”", "x: neither “a” nor “b”"),
        ("x is known or y", "x: value known", ""),
        ("x", "x: yes", "x: no"),
        ("x > 0001-01-01", "x: after 1 Jan 1", "x: no later than 1 Jan 1"),
    ],
)
def test_a_value_without_type_is_bounded_by_the_rule_alone(
    rule: str, true: str, false: str
) -> None:
    """Numbers in the first unit that is named, days, texts, yes and no."""
    found = settled(rule, y=unknown("not_in_source", "y"))

    assert [" | ".join(x) for x in said(found)] == [true, false]
    assert found.is_exact


def test_bounds_that_are_believed_bound_the_ways() -> None:
    """No score is below 0: what the type rules out is not offered."""
    types = {"x": ValueType("number", "points", plausible=(0, 51))}

    assert said(settled("x >= 0 points", types)) == (["x: value known"], [])
    assert said(settled("x > 51 points", types)) == ([], ["x: value known"])
    assert said(settled("x < 15 points", types)) == (
        ["x: below 15 points"],
        ["x: at least 15 points"],
    )
    assert said(settled("x = 51 points", types)) == (
        ["x: at least 51 points"],
        ["x: below 51 points"],
    )
    one = {"x": ValueType("number", plausible=(3, 3))}
    assert said(settled("x > 2", one)) == (["x: value known"], [])


def test_days_that_are_next_to_each_other_leave_none_between() -> None:
    """After the 10th and before the 11th is no day."""
    assert said(settled("x > 2026-03-10 and x < 2026-03-11")) == ([], ["x: value known"])


def test_an_analyte_converts() -> None:
    """A limit in g/dL for a value in mmol/L."""
    types = {"x": ValueType("number", "mmol/L", molar_mass=HEMOGLOBIN)}

    assert said(settled("x < 11 g/dL", types))[0] == ["x: below 6.826 mmol/L"]
    assert changes(turned("x < 11 g/dL", x=Known(7.0, "mmol/L", (), HEMOGLOBIN))) == [
        "x: below 6.826 mmol/L (now 7 mmol/L, difference 0.1738 mmol/L)"
    ]


def test_a_limit_that_does_not_convert_settles_nothing() -> None:
    """Liters and grams: the checker says so, and nothing breaks."""
    types = {"x": ValueType("number", "kg")}
    found = settled("x < 11 L or x > 3 kg", types)

    assert said(found) == (["x: above 3 kg"], [])
    assert settled("x < true", types).true == ()


@pytest.mark.parametrize(
    "rule", ["x + y > 3", "2 / x > 3", "min(x, 3) > 2", "x * x > 4", "x < 2 * x"]
)
def test_a_condition_that_no_cells_describe_is_taken_as_one(rule: str) -> None:
    """Once all of its values are known it is so or not."""
    found = settled(rule, y=unknown("missing", "y"))
    names = ("x", "y") if "y" in rule else ("x",)

    assert found.sure == (names,)
    assert [a.names for a in (*found.true, *found.false)] == [names, names]
    assert found.is_exact


def test_two_conditions_that_calculate_with_one_value_are_not_exact() -> None:
    """What is said is possible, but nobody claims that it is all."""
    assert not settled("x + y > 3 or x > 5", y=unknown("missing", "y")).is_exact
    assert not settled("count(x is known, x > 3) > 1").is_exact


def test_a_limit_that_is_itself_imprecise_leaves_a_band() -> None:
    """Whoever is between 17 and 18 years old: between them, x may be on either side."""
    found = settled("x < y", y=Known(Interval(17, 18), "years"))

    assert said(found)[0][0] == "x < y" or found.sure


def test_an_equation_is_solved_as_far_as_it_can_be() -> None:
    """Where a calculation with what is known fails, the condition is one whole."""
    for rule in ("x + 2 kg > 3 L", "2 kg * x > 3 L", "x + y > 3", "x > y"):
        found = settled(rule, y=unknown("not_in_source", "y"))
        assert not found.sure or found.names == ("x",)


def test_knowing_more_may_settle_less() -> None:
    """A rule that asks whether something is missing is settled while it is."""
    found = settled("x is unknown and y or z", y=unknown("missing", "y"), z=unknown("missing", "z"))

    assert found.sure == (("x", "z"), ("y", "z"))
    assert said(found)[0] == ["y: yes", "z: yes"]


def test_more_than_anybody_would_read_is_not_listed() -> None:
    """Twelve of twenty-four: what it hangs on is told, and that this is not all."""
    names = [f"v{n}" for n in range(24)]
    rule = parse(f"at least 12 of ({', '.join(names)})").root
    values: dict[str, Value] = {n: unknown("missing", n) for n in names}
    found = find_settlement(rule, values.get)

    assert (found.sure, found.true, found.false, found.is_exact) == ((), (), (), False)
    assert found.names == tuple(names)
    every = {n: Known(False) for n in names}
    assert find_changes(rule, every.get, target=True) == Changes((), False)


def test_ways_that_multiply_are_not_listed_either() -> None:
    """Ten pairs make a thousand ways to be true, and ten to be false."""
    pairs = [f"(v{n} or w{n})" for n in range(10)]
    rule = parse(" and ".join(pairs)).root
    found = find_settlement(rule, lambda n: unknown("missing", n))

    assert found.true == ()
    assert len(found.false) == 10
    assert not found.is_exact


def test_many_values_of_which_many_can_be_left_out_are_not_all_tried() -> None:
    """Ten values of which several sets would do: the honest answer is that it is not known."""
    known = [f"(v{n} is unknown or w{n})" for n in range(10)]
    found = find_settlement(
        parse(f"any of ({', '.join(known)}, none of (w0, w1))").root,
        lambda n: unknown("missing", n),
    )

    assert found.sure == () or found.is_exact


@pytest.mark.parametrize(
    ("rule", "least", "joined"),
    [("at least 0 of (x)", [""], ()), ("at least 3 of (x, y)", [], ())],
)
def test_what_is_decided_needs_nothing(rule: str, least: list[str], joined: tuple[()]) -> None:
    """None of one is always so, three of two never."""
    found = settled(rule, y=MISSING)

    assert said(found)[0] == least
    assert found.sure == ((),)


@pytest.mark.parametrize(
    ("rule", "values", "wanted"),
    [
        ("x < 11", {"x": Known(11.4)}, ["x: below 11 (now 11.4, difference 0.4)"]),
        ("x > 11", {"x": Known(11)}, ["x: above 11 (now 11, difference 0)"]),
        ("x = a", {"x": Known("b")}, ["x: “a” (now b)"]),
        ("x in {a, c}", {"x": Known("b")}, ["x: “a” or “c” (now b)"]),
        ("x", {"x": Known(False)}, ["x: yes (now no)"]),
        (
            "x > 3 and y",
            {"x": Known(2), "y": unknown("missing", "y")},
            ["x: above 3 (now 2, difference 1); y: yes (now unknown)"],
        ),
        (
            "x > 3 or y",
            {"x": Known(2), "y": Known(False)},
            ["x: above 3 (now 2, difference 1)", "y: yes (now no)"],
        ),
        (
            "x >= 2026-03-10",
            {"x": Known(dt.date(2026, 3, 8))},
            ["x: no earlier than 10 Mar 2026 (now 8 Mar 2026, difference 2 days)"],
        ),
        (
            "x > 5 years",
            {"x": Known(Interval(3.7, 3.8), "years")},
            ["x: above 5 years (now 3.7 – 3.8 years, difference 1.2 years)"],
        ),
        (
            "x > 3.75 years and y",
            {"x": Known(Interval(3.7, 3.8), "years"), "y": Known(False)},
            ["x: above 3.75 years (now 3.7 – 3.8 years, difference 0 years); y: yes (now no)"],
        ),
        ("x > y", {"x": Known(2), "y": Known(5)}, ["x: above “y” (now 2, difference 3)"]),
        ("x is known", {"x": MISSING}, ["x: value known (now unknown)"]),
        ("x is unknown", {"x": Known(2)}, []),
        ("x > 3", {"x": Known("text")}, []),
        ("x = a", {"x": Known(3)}, []),
        ("flagged(x, y)", {"x": Known(2), "y": Known(3)}, ["flagged (x; y): yes (now no)"]),
    ],
)
def test_what_would_have_to_be_different(
    rule: str, values: dict[str, Value], wanted: list[str]
) -> None:
    """The limit, the value now and the distance; nobody is asked to forget what is known."""
    flagged = Function(lambda *_: False, (ValueType("any"), ValueType("any")), ValueType("boolean"))
    functions = {**STANDARD_FUNCTIONS, "flagged": flagged}
    found = find_changes(parse(rule).root, values.get, target=True, functions=functions)

    assert changes(found) == wanted


def test_a_change_names_its_values() -> None:
    """Each once, however many limits it has to pass."""
    (change,) = turned("x > 3 and y < 2", x=Known(1), y=Known(4)).changes

    assert change.names == ("x", "y")


@pytest.mark.parametrize(
    ("rule", "true"),
    [
        ("x within 1 day before 2026-03-11", "x: from 10 Mar 2026 to 11 Mar 2026"),
        ("-x < -5", "x: above 5"),
        ("case when x then true otherwise false", "if x: yes, then yes; otherwise no"),
    ],
)
def test_windows_signs_and_cases_are_ways_too(rule: str, true: str) -> None:
    """A window is two limits, a minus turns one around, a case is one condition."""
    assert said(settled(rule))[0] == [true]


def test_limits_that_say_the_same_many_times_are_bounded() -> None:
    """Two of thirty limits on one value: too many selections, and honestly told."""
    found = settled(f"at least 2 of ({', '.join(f'x > {n}' for n in range(30))})")

    assert found.true == ()
    assert not found.is_exact


def test_two_long_lists_are_bounded() -> None:
    """Sixty by sixty ways."""
    lists = [f"any of ({', '.join(f'{v}{n}' for n in range(60))})" for v in "ab"]
    found = find_settlement(parse(" and ".join(lists)).root, lambda n: unknown("missing", n))

    assert found.true == ()
    assert len(found.false) == 2


def test_a_proof_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ways are told; which sets settle in any case is not claimed."""
    monkeypatch.setattr(settling, "MOST_STEPS", 50)
    n = 7
    pairs = ", ".join(f"a{at} and b{at}" for at in range(n))
    every = ", ".join(f"a{at}" for at in range(n))
    found = find_settlement(
        parse(f"any of (all of ({every}), {pairs})").root, lambda name: unknown("missing", name)
    )

    assert found.sure == ()
    assert len(found.true) == n + 1
    assert not found.is_exact


def test_a_value_of_another_kind_than_its_type_has_no_place() -> None:
    """A text where a number belongs would have to become a number."""
    types = {"x": ValueType("number", plausible=(0, 9))}
    found = find_changes(parse("x > 3").root, {"x": Known("a")}.get, target=True, types=types)

    assert changes(found) == ["x: above 3 (now a)"]
    codes = {"x": ValueType("choice", codes=("a", "b"))}
    found = find_changes(parse("x = a").root, {"x": Known("z")}.get, target=True, types=codes)
    assert changes(found) == ["x: “a” (now z)"]

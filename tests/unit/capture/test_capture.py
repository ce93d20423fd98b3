"""What a form accepts, asks, derives and warns of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from equipoise.capture import (
    Others,
    Value,
    check_entry,
    derive_item,
    derive_items,
    find_warnings,
    is_asked,
    to_known,
    to_text,
    to_value,
)
from equipoise.language import Known
from equipoise.problems import Text, Where
from equipoise.study.forms import Derivation, EditCheck, Form, Item, ItemType
from equipoise.study.roles import Role

HERE = Where(record="01-001 / M0 / exam")


def item(kind: ItemType, **more: object) -> Item:
    return Item(label=Text(kind, kind), type=kind, **more)  # type: ignore[arg-type]


FORM = Form(
    form="exam",
    title=Text("Examination", "Examen"),
    by=(Role.INVESTIGATOR,),
    items={
        "weight": item("number", unit="kg", range=(25, 250), decimals=1),
        "count": item("integer", range=(0, 10), usual=(1, 4), required=False),
        "area": item("scale", range=(0, 3), may_be_not_done=True),
        "side": item("scale", range=(0, 3), may_be_not_done=True),
        "smoker": item("boolean"),
        "packs": item("number", when="smoker", required=True),
        "kind": item(
            "choice", choices={"mild": Text("Mild"), "severe": Text("Severe")}, required=False
        ),
        "seen_on": item("date", required=False),
        "since": item("month", required=False),
        "note": item("text", required=False),
        "screen_only": item("number", when="encounter = screening"),
    },
    derive={
        "total": Derivation(label=Text("Total"), value="area + side"),
        "double": Derivation(label=Text("Double"), value="total * 2", unit="score"),
        "month_of": Derivation(label=Text("Since"), value="since"),
        "day_of": Derivation(label=Text("Day"), value="seen_on"),
    },
    checks=(
        EditCheck(id="lost", warn_if="abs(weight - previous(weight)) > 8 kg", say=Text("Lost")),
        EditCheck(id="gained", warn_if="weight > first(weight)", say=Text("Gained")),
        EditCheck(id="sum", warn_if="total > 5", say=Text("High")),
        EditCheck(id="severe", warn_if="kind = severe", say=Text("Severe")),
        EditCheck(id="woman", warn_if="other.sex = female", say=Text("Woman")),
    ),
)
GOOD: dict[str, Value] = {"weight": 70.0, "area": 1, "side": 2, "smoker": False}


def codes(
    values: dict[str, Value], not_done: dict[str, str] | None = None, **others: object
) -> list[str]:
    found = check_entry(
        FORM,
        values=values,
        not_done=not_done or {},
        others=Others(**others),
        where=HERE,  # type: ignore[arg-type]
    )
    return [f"{p.code} {p.where.record.rpartition('.')[2]}" for p in found]


def test_a_complete_form_is_accepted() -> None:
    """What is required and asked is there; the rest may be empty."""
    assert codes(GOOD) == []
    assert (
        codes(
            {
                **GOOD,
                "count": 3,
                "kind": "mild",
                "seen_on": "2026-02-28",
                "since": "2020-11",
                "note": "-",
            }
        )
        == []
    )


@pytest.mark.requirement("C61", "F29")
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"weight": None}, "EQ-F001 weight"),
        ({"weight": ""}, "EQ-F001 weight"),
        ({"weight": "seventy"}, "EQ-F002 weight"),
        ({"weight": True}, "EQ-F002 weight"),
        ({"weight": float("nan")}, "EQ-F002 weight"),
        ({"weight": 24.9}, "EQ-F003 weight"),
        ({"weight": 250.1}, "EQ-F003 weight"),
        ({"count": 1.5}, "EQ-F002 count"),
        ({"area": 4}, "EQ-F003 area"),
        ({"area": True}, "EQ-F002 area"),
        ({"smoker": "yes"}, "EQ-F002 smoker"),
        ({"kind": "awful"}, "EQ-F004 kind"),
        ({"kind": 3}, "EQ-F002 kind"),
        ({"seen_on": "2026-02-30"}, "EQ-F002 seen_on"),
        ({"seen_on": "20260228"}, "EQ-F002 seen_on"),
        ({"since": "2020-13"}, "EQ-F002 since"),
        ({"note": "x" * 4001}, "EQ-F002 note"),
        ({"note": "nul\0"}, "EQ-F002 note"),
        ({"packs": 1.0}, "EQ-F006 packs"),
        ({"smoker": True}, "EQ-F001 packs"),
        ({"unheard": 1}, "EQ-F005 unheard"),
        ({"product": "cells"}, "EQ-F005 product"),
    ],
)
def test_each_fault_is_named_at_its_item(change: dict[str, Value], expected: str) -> None:
    """Type, range, choice, skipped, missing and unknown items each have their problem."""
    assert codes({**GOOD, **change}) == [expected]


def test_edges_of_a_range_belong_to_it() -> None:
    """25 and 250 kg are possible."""
    assert codes({**GOOD, "weight": 25}) == []
    assert codes({**GOOD, "weight": 250}) == []


def test_not_done_needs_leave_and_a_reason() -> None:
    """Only where the form allows it, with a reason, and without a value."""
    without = {k: v for k, v in GOOD.items() if k != "area"}

    assert codes(without, {"area": "Bandage"}) == []
    assert codes(without, {"area": " x "}) == ["EQ-F008 area"]
    assert codes(GOOD, {"area": "Bandage"}) == ["EQ-F009 area"]
    assert codes({**GOOD, "weight": None}, {"weight": "Broken"}) == ["EQ-F007 weight"]


def test_all_faults_are_told_at_once() -> None:
    """Three wrong items give three problems."""
    assert len(codes({"weight": 1.0, "area": 9, "side": 1, "smoker": "perhaps"})) == 3


def test_what_depends_on_an_unknown_answer_is_neither_asked_nor_forbidden() -> None:
    """Until it is known whether somebody smokes, the packs are optional."""
    unknown = {k: v for k, v in GOOD.items() if k != "smoker"}

    assert is_asked(FORM, "packs", values=unknown, others=Others()) is None
    assert is_asked(FORM, "packs", values={"smoker": True}, others=Others()) is True
    assert is_asked(FORM, "packs", values={"smoker": False}, others=Others()) is False
    assert is_asked(FORM, "weight", values={}, others=Others()) is True
    assert codes({**unknown, "packs": 1.0}) == ["EQ-F001 smoker"]


def test_a_rule_can_look_at_the_encounter() -> None:
    """An item asked at screening alone."""
    assert codes(GOOD, encounter="screening") == ["EQ-F001 screen_only"]


def test_derived_values_are_unknown_as_long_as_an_input_is() -> None:
    """A total is the sum of all areas or nothing; a derived value may use an earlier one."""
    full = derive_items(FORM, values={**GOOD, "seen_on": "2026-03-01"}, others=Others())
    partial = derive_items(FORM, values={"area": 1, "since": "2020-01"}, others=Others())

    assert (full["total"], full["double"], full["day_of"]) == (3, 6, "2026-03-01")
    assert (partial["total"], partial["double"], partial["month_of"]) == (None, None, None)


def test_edit_checks_speak_only_when_true() -> None:
    """False and unknown checks are silent; earlier values and other forms count."""
    past = {
        "exam.weight": (Known(60.0, "kg"), Known(80.0, "kg")),
        "other.sex": (Known("female"),),
    }
    others = Others("M3", lambda name: past.get(name, ()))

    def speaking(values: dict[str, Value], known: Others = others) -> list[str]:
        return [w.id for w in find_warnings(FORM, values=values, others=known)]

    assert speaking(GOOD) == ["lost", "gained", "woman"]
    assert speaking({**GOOD, "weight": 75.0, "area": 3, "side": 3}) == ["gained", "sum", "woman"]
    assert speaking({**GOOD, "kind": "severe"}, Others()) == ["severe"]
    assert speaking({}, Others()) == []


@pytest.mark.parametrize(
    ("count", "n_said"), [(0, 1), (1, 0), (4, 0), (5, 1), (True, 0), (None, 0)]
)
def test_an_unusual_value_is_accepted_and_remarked(count: Value, n_said: int) -> None:
    """The usual range warns where the possible range would refuse; its edges are usual."""
    said = find_warnings(FORM, values={**GOOD, "count": count}, others=Others())

    assert [w.id for w in said] == ["usual-count"] * n_said
    assert all("inhabituel" in w.say.fr for w in said)


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("weight", "70,5", 70.5),
        ("weight", " 70.5 ", 70.5),
        ("weight", "1 000", 1000.0),
        ("weight", "heavy", "heavy"),
        ("weight", "", None),
        ("count", "3", 3),
        ("count", "3,5", "3,5"),
        ("area", "2", 2),
        ("smoker", "true", True),
        ("smoker", "false", False),
        ("smoker", "perhaps", "perhaps"),
        ("kind", "mild", "mild"),
        ("seen_on", "2026-03-01", "2026-03-01"),
    ],
)
def test_reads_what_a_person_types(name: str, typed: str, value: Value) -> None:
    """A decimal comma is a point; what cannot be read stays, to be named."""
    assert to_value(FORM.items[name], typed) == value


@given(st.floats(25, 250).map(lambda x: round(x, 1)), st.booleans(), st.integers(0, 3))
def test_what_is_shown_is_read_back(weight: float, smoker: bool, area: int) -> None:
    """Text of a field and value are two forms of the same thing."""
    for name, value in (("weight", weight), ("smoker", smoker), ("area", area), ("note", None)):
        assert to_value(FORM.items[name], to_text(FORM.items[name], value)) == value


def test_what_does_not_fit_its_item_is_nothing_to_the_rules() -> None:
    """An impossible date or month is refused elsewhere and never reaches a rule."""
    assert to_known(FORM.items["seen_on"], "2026-02-30") is None
    assert to_known(FORM.items["since"], "2020-13") is None
    assert to_known(FORM.items["weight"], "") is None


@pytest.mark.requirement("C41")
def test_a_derived_number_is_stored_in_the_unit_of_its_definition() -> None:
    """Milligrams are not read as grams by whoever takes the number; litres fit no mass."""
    form = replace(
        FORM,
        derive={
            "mass": Derivation(label=Text("Mass"), value="weight * 2", unit="g"),
            "wrong": Derivation(label=Text("Wrong"), value="weight * 2", unit="L"),
        },
    )

    derived = derive_items(form, values={"weight": 70.5}, others=Others())

    assert derived == {"mass": 141_000, "wrong": None}


def test_a_derived_value_may_look_back_over_the_visits() -> None:
    """The change of a total that the form derives itself; the worst so far; another form."""
    form = replace(
        FORM,
        derive={
            "total": Derivation(label=Text("T"), value="area + side"),
            "change": Derivation(label=Text("C"), value="change from baseline of total"),
            "peak": Derivation(label=Text("P"), value="worst of total"),
            "elsewhere": Derivation(label=Text("E"), value="max of other.score"),
        },
    )
    known = {
        "exam.total": (Known(2), Known(5)),
        "other.score": (Known(7), Known(3)),
    }
    others = Others(
        find=lambda name: known.get(name, ()),
        baseline=lambda name: Known(2) if name == "exam.total" else None,
        worst={"exam.total": "highest"},
    )
    values: dict[str, Value] = {"area": 1, "side": 3}

    assert derive_items(form, values=values, others=others) == {
        "total": 4,
        "change": 2,
        "peak": 5,
        "elsewhere": 7,
    }
    assert derive_item(form, "change", values=values, others=others) == 2
    assert derive_item(form, "change", values=values, others=Others()) is None

"""Values of virtual people: what a draw promises is what comes out."""

import datetime as dt
import itertools
from statistics import NormalDist, fmean, median, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.capture import Others, check_entry
from equipoise.problems import Text, Where
from equipoise.rehearsal.body import LASTS_DAYS, RISE_DAYS, Body, derive_effect, spread_total
from equipoise.rehearsal.drawing import (
    Standing,
    default_draw,
    draw_standing,
    draw_value,
    pick,
    to_item_value,
)
from equipoise.rehearsal.filling import Occasion, ask, fill_form
from equipoise.rehearsal.randomness import Randomness
from equipoise.study.forms import Form, Item
from equipoise.study.roles import Role
from equipoise.study.scenario import Draw, Scenario

ON = dt.date(2026, 3, 2)
GRID = [(k + 0.5) / 2000 for k in range(2000)]
LABEL = Text("Item")


def values(draw: Draw, *, shift: float = 0.0) -> list[float]:
    return [float(draw_value(draw, Standing(q, shift))) for q in GRID]


def item(kind: str, **more: object) -> Item:
    return Item(label=LABEL, type=kind, **more)  # type: ignore[arg-type]


def one_form(**items: Item) -> Form:
    return Form(form="f", title=LABEL, by=(Role.INVESTIGATOR,), at=("V",), items=items)


def body(name: str = "A-001", **scenario: object) -> Body:
    return Body(Randomness(1).of(name), scenario=Scenario(**scenario), began_on=ON)  # type: ignore[arg-type]


def test_a_normal_draw_has_its_mean_and_standard_deviation() -> None:
    """Read over all quantiles, `normal: [25, 7]` has mean 25 and standard deviation 7."""
    drawn = values(Draw(normal=(25, 7)))

    assert fmean(drawn) == pytest.approx(25, abs=0.01)
    assert stdev(drawn) == pytest.approx(7, rel=0.01)


def test_truncation_leaves_no_heap_at_the_bounds() -> None:
    """`low` and `high` cut a distribution off; they do not pile values up at the edge."""
    drawn = values(Draw(normal=(58, 16), low=30, high=70))

    assert min(drawn) >= 30 and max(drawn) <= 70
    assert sum(v == 30 for v in drawn) == 0
    expected = NormalDist(58, 16)
    share = (expected.cdf(50) - expected.cdf(30)) / (expected.cdf(70) - expected.cdf(30))
    assert sum(v < 50 for v in drawn) / len(drawn) == pytest.approx(share, abs=0.002)


def test_a_lognormal_draw_has_its_median_and_may_be_truncated() -> None:
    """`lognormal: [5, 0.9]` has median 5; its bounds hold, also where low is zero."""
    drawn = values(Draw(lognormal=(5, 0.9)))

    assert median(drawn) == pytest.approx(5, rel=0.01)
    assert max(values(Draw(lognormal=(5, 0.9), low=0, high=20))) <= 20


def test_a_draw_without_spread_is_its_center() -> None:
    """A standard deviation of zero gives the mean each time."""
    assert set(values(Draw(normal=(36, 0)))) == {36}


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 0), (0.3, 600), (1.0, 2000)])
def test_a_chance_is_the_share_of_true(chance: float, expected: int) -> None:
    """Never at 0, always at 1, and in between as often as it says."""
    drawn = [draw_value(Draw(chance=chance), Standing(q)) for q in GRID]

    assert sum(d is True for d in drawn) == expected


def test_a_shift_raises_a_chance() -> None:
    """Drift adds to a chance, up to certainty."""
    assert draw_value(Draw(chance=0.1), Standing(0.5, 0.6)) is True
    assert draw_value(Draw(chance=0.1), Standing(0.5, -0.6)) is False


def test_choices_come_as_often_as_their_weights() -> None:
    """Weights 3 and 1 give three quarters and one quarter; a weight of 0 never comes."""
    drawn = [pick({"a": 3, "never": 0, "b": 1}, q) for q in (*GRID, 1.0)]

    assert drawn.count("a") == 1500
    assert drawn.count("never") == 0
    assert pick({"a": 0, "b": 0}, 0.9) == "b"


def test_the_share_of_the_person_is_the_correlation_between_visits() -> None:
    """`person: 0.8` means that four fifths of the variance stay over visits."""
    stays = draw_standing(2.0, -1.0, share=1.0)
    fresh = draw_standing(2.0, -1.0, share=0.0)

    assert stays.quantile == pytest.approx(NormalDist().cdf(2.0))
    assert fresh.quantile == pytest.approx(NormalDist().cdf(-1.0))


def test_dates_lie_in_the_past_and_months_have_no_day() -> None:
    """`days_ago` counts back from the encounter; nothing lies in the future."""
    draw = Draw(days_ago=(10, 10))

    assert to_item_value(item("date"), draw_value(draw, Standing(0.5)), on=ON) == "2026-02-20"
    assert to_item_value(item("month"), 40.0, on=ON) == "2026-01"
    assert to_item_value(item("date"), -5.0, on=ON) == ON.isoformat()


def test_numbers_keep_to_the_range_and_the_decimals_of_the_item() -> None:
    """Integers and scales are whole; a number has its decimals; the range refuses nothing drawn."""
    assert to_item_value(item("number", decimals=2), 1.2345, on=ON) == 1.23
    assert to_item_value(item("number", range=(0, 1)), 7.0, on=ON) == 1
    assert repr(to_item_value(item("number", decimals=0), 165.2, on=ON)) == "165"
    assert to_item_value(item("integer", range=(0, 10)), 3.6, on=ON) == 4
    assert to_item_value(item("scale", range=(1, 5)), "2", on=ON) == 2
    assert to_item_value(item("boolean"), "true", on=ON) is True
    assert to_item_value(item("text"), "R1", on=ON) == "R1"


ITEMS = {
    "number": item("number", unit="kg"),
    "usual": item("number", range=(0, 500), usual=(10, 20), decimals=1),
    "whole": item("integer", range=(-5, 5)),
    "scale": item("scale", range=(1, 5)),
    "scale_free": item("scale"),
    "yes": item("boolean"),
    "color": item("choice", choices={"red": LABEL, "blue": LABEL}),
    "seen_on": item("date"),
    "since": item("month"),
    "birth_month": item("month"),
    "words": item("text"),
    "remark": item("text", required=False),
}


@given(seed=st.integers(0, 10_000))
def test_a_form_that_no_scenario_speaks_of_is_filled_in_acceptably(seed: int) -> None:
    """Types, ranges, usual values and choices are enough: the form accepts what is drawn."""
    form = one_form(**ITEMS)
    person = Body(Randomness(seed), scenario=Scenario(), began_on=ON)
    occasion = Occasion(name="V", on=ON, others=Others("V"))
    filled = fill_form(
        form,
        occasion,
        body=person,
        scenario=Scenario(missing_item=0, correction=0),
        randomness=Randomness(seed),
    )

    found = check_entry(
        form, values=filled.values, not_done=filled.not_done, others=Others("V"), where=Where()
    )
    assert found == ()
    assert 10 <= float(str(filled.values["usual"])) <= 20
    assert "remark" not in filled.values
    assert str(filled.values["birth_month"]) < "2007"


def test_a_missing_item_has_a_reason_where_the_form_wants_one() -> None:
    """At a chance of 1 all that may be missing is; a required item never is."""
    form = one_form(
        a=item("number", may_be_not_done=True), b=item("number", required=False), c=item("number")
    )
    filled = fill_form(
        form,
        Occasion(name="V", on=ON, others=Others("V")),
        body=body(),
        scenario=Scenario(missing_item=1, correction=0),
        randomness=Randomness(3),
    )

    assert set(filled.values) == {"c"}
    assert set(filled.not_done) == {"a"} and len(filled.not_done["a"]) > 10


def test_what_must_be_right_is_neither_missing_nor_mistyped() -> None:
    """The weight that a dose is computed from is always there, and as measured."""
    form = one_form(weight=item("number", may_be_not_done=True), pulse=item("integer"))
    filled = fill_form(
        form,
        Occasion(name="V", on=ON, others=Others("V"), certain=("f.weight",)),
        body=body(),
        scenario=Scenario(missing_item=1, correction=1),
        randomness=Randomness(3),
    )

    assert set(filled.values) == {"weight", "pulse"}
    assert set(filled.slips) == {"pulse"}
    assert filled.values["pulse"] != filled.slips["pulse"]


def test_skip_logic_hides_what_depends_on_a_hidden_item() -> None:
    """An item that is not asked is not answered, nor what depends on it, whatever the order."""
    form = one_form(
        brand=item("text", when="packs > 0"),
        packs=item("integer", when="smokes"),
        smokes=item("boolean"),
    )

    answers = {"brand": "x", "packs": 3, "smokes": False}
    assert ask(form, answers, others=Others("V")) == {"smokes": False}
    assert set(ask(form, {**answers, "smokes": True}, others=Others("V"))) == set(form.items)


def test_a_mistyped_number_never_changes_what_the_form_asks_for() -> None:
    """A slip on which other items depend would be no slip but another form."""
    form = one_form(packs=item("integer", range=(0, 1)), brand=item("text", when="packs = 1"))
    for seed in range(20):
        filled = fill_form(
            form,
            Occasion(name="V", on=ON, others=Others("V")),
            body=Body(Randomness(seed), scenario=Scenario(), began_on=ON),
            scenario=Scenario(correction=1, missing_item=0),
            randomness=Randomness(seed),
        )
        assert "packs" not in filled.slips


def test_a_body_keeps_its_standing_and_answers_the_same_twice() -> None:
    """With `person: 1` a value stays; the same occasion gives the same answer."""
    form = one_form(height=item("number"), mood=item("number"))
    person = body(items={"f.height": Draw(normal=(165, 8), person=1.0)})

    heights = {person.answer(form, "height", on=ON, occasion=o) for o in ("V1", "V2", "V3")}
    moods = {person.answer(form, "mood", on=ON, occasion=o) for o in ("V1", "V2", "V3")}
    assert len(heights) == 1
    assert len(moods) == 3
    again = body(items={"f.height": Draw(normal=(165, 8), person=1.0)})
    assert again.answer(form, "height", on=ON, occasion="V1") in heights


def test_values_drift_and_an_infusion_changes_them() -> None:
    """`monthly` is the change in 30 days; `effect` is reached three months after an infusion."""
    form = one_form(skin=item("number", decimals=3))
    draw = Draw(normal=(25, 7), person=1.0, monthly=-0.5, effect={"cells": -5})
    person = body(items={"f.skin": draw})

    def skin(days: int) -> float:
        later = ON + dt.timedelta(days=days)
        return float(str(person.answer(form, "skin", on=later, occasion="V")))

    before = skin(0)
    assert skin(60) == pytest.approx(before - 1.0, abs=0.002)
    person.infuse("medium", on=ON)
    assert skin(60) == pytest.approx(before - 1.0, abs=0.002)
    person.infuse("cells", on=ON)
    assert skin(RISE_DAYS) == pytest.approx(before - 0.5 * RISE_DAYS / 30 - 5, abs=0.002)


def test_an_effect_rises_to_its_peak_and_is_lost_in_part() -> None:
    """Nothing on the day itself, all of it after three months, at least half of it for ever."""
    assert derive_effect(0) == 0
    assert derive_effect(RISE_DAYS) == pytest.approx(1)
    assert 0 < derive_effect(30) < 1
    assert derive_effect(RISE_DAYS + LASTS_DAYS) == pytest.approx(0.5 + 0.5 / 2.718, abs=0.001)
    assert derive_effect(100_000) == pytest.approx(0.5)


@given(total=st.integers(0, 60), weights=st.lists(st.floats(0.01, 10), min_size=1, max_size=17))
def test_a_total_is_spread_over_areas_within_their_limits(total: int, weights: list[float]) -> None:
    """Whole points, each within 0 to 3, that sum to the total as far as the areas can hold it."""
    limits = {str(k): (0, 3) for k in range(len(weights))}
    points = spread_total(total, limits, weights=weights)

    assert sum(points.values()) == min(total, 3 * len(weights))
    assert all(0 <= p <= 3 for p in points.values())


def test_one_more_point_changes_one_area() -> None:
    """The pattern of a person's skin stays: a total that grows by one adds a point somewhere."""
    limits = dict.fromkeys("abcdef", (0, 3))
    weights = [5, 1, 2, 0.5, 3, 1]
    spreads = [spread_total(n, limits, weights=weights) for n in range(19)]

    for few, more in itertools.pairwise(spreads):
        assert sum(few[a] != more[a] for a in limits) == 1


def test_a_map_has_the_total_of_the_scenario() -> None:
    """The areas of a map are drawn together, so that their sum is what the scenario assumes."""
    areas = {f"a{k}": item("scale", range=(0, 3), area=f"a{k}") for k in range(17)}
    form = one_form(rater=item("text"), **areas)
    person = body(maps={"f": Draw(normal=(25, 0))})

    drawn = person.map_answers(form, on=ON, occasion="V")
    assert set(drawn) == set(areas)
    assert sum(drawn.values()) == 25
    assert body().map_answers(form, on=ON, occasion="V") == {}


def test_the_two_sides_of_an_area_are_alike() -> None:
    """Skin disease is symmetric: over many people a hand is nearer to the other than to a foot."""
    names = {"hand_right": "hand", "hand_left": "hand", "foot_right": "foot"}
    form = one_form(**{n: item("scale", range=(0, 20), area=a) for n, a in names.items()})
    apart = {"hand_left": 0, "foot_right": 0}
    for k in range(60):
        drawn = body(f"A-{k}", maps={"f": Draw(normal=(30, 0))}).map_answers(
            form, on=ON, occasion="V"
        )
        for other in apart:
            apart[other] += abs(drawn["hand_right"] - drawn[other])

    assert apart["hand_left"] < apart["foot_right"] / 1.5


def test_purposes_have_their_own_randomness() -> None:
    """Another seed, another person or another purpose gives other numbers; the same, the same."""
    root = Randomness(1)
    draws = {
        float(place.generator().random())
        for place in (root, Randomness(2), root.of("A"), root.of("A", "B"), root.of("AB"))
    }

    assert len(draws) == 5
    assert root.of("A").generator().random() == root.of("A").generator().random()


def test_every_type_has_a_default_but_text() -> None:
    """Text is the one type that nothing can be drawn for."""
    kinds = {name: default_draw(made, name=name) for name, made in ITEMS.items()}

    assert {name for name, draw in kinds.items() if draw is None} == {"words", "remark"}

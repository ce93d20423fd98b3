"""The baseline table and the course of an endpoint."""

from xml.etree import ElementTree

import pytest
from little_trial import SKIN, label, person, skin, study, trial
from msgspec.structs import replace

from equipoise.analysis import (
    draw_dummy_arms,
    estimate_course,
    plot_course,
    tabulate_baseline,
)
from equipoise.study.forms import Derivation, Form
from equipoise.study.study import Study

STUDY = study()
ENDPOINT = STUDY.analysis.endpoints[0]
ARMS = {"R001": "twice", "R002": "once", "R003": "never", "R004": "never"}
PEOPLE = (
    person(
        1,
        skin(1, "screening", -14, 20.0, sex="f", smokes=True),
        skin(1, "V0", 0, 22.0),
        skin(1, "V1", 30, 18.0),
        skin(1, "V2", 91, 12.0),
        skin(1, "V3", 182, 6.0),
    ),
    person(2, skin(2, "screening", -14, 30.0, sex="m", note="x"), skin(2, "V1", 30, 28.0)),
    person(3, skin(3, "V0", 0, None, sex="f", smokes=False), skin(3, "V1", 30, 11.0)),
    person(4, skin(4, "V1", 30, 15.0)),
)


def row(table, name):  # type: ignore[no-untyped-def]
    return next(r for r in table.rows if r.name == name)


def test_baseline_is_the_last_value_before_or_at_the_first_infusion() -> None:
    """The value of the day of infusion counts before the one of screening, and none after it."""
    table = tabulate_baseline(STUDY, trial(*PEOPLE))
    totals = row(table, "skin.total")

    assert totals.summaries[0].n == 2
    assert totals.summaries[0].mean == pytest.approx((32 + 40) / 2)
    assert totals.n_missing == (2,)
    assert (totals.label.en, totals.unit) == ("Skin: total", "points")


def test_without_infusion_the_value_at_randomization_counts() -> None:
    """Who was never infused still stands in the baseline table."""
    early = person(5, skin(5, "screening", -14, 25.0), skin(5, "V0", 0, 1.0), infused=())

    (summary,) = row(tabulate_baseline(STUDY, trial(early)), "skin.total").summaries

    assert summary.mean == 35.0


def test_answers_are_counted_and_so_are_the_missing_ones() -> None:
    """Choices in their order, yes and no, and how many did not answer."""
    table = tabulate_baseline(STUDY, trial(*PEOPLE))

    assert [(c.label.en, c.counts) for c in row(table, "skin.sex").categories] == [
        ("Female", (2,)),
        ("Male", (1,)),
    ]
    assert row(table, "skin.sex").n_missing == (1,)
    assert [c.counts for c in row(table, "skin.smokes").categories] == [(1,), (1,)]


def test_words_are_counted_and_never_printed() -> None:
    """A free text may name somebody: the table says how many there are."""
    noted = row(tabulate_baseline(STUDY, trial(*PEOPLE)), "skin.note")

    assert (noted.categories, noted.summaries, noted.n_missing) == ((), (), (3,))


def test_columns_are_the_groups_and_add_up() -> None:
    """By arm each number is of that arm's participants."""
    table = tabulate_baseline(STUDY, trial(*PEOPLE), arms=ARMS)
    totals = row(table, "skin.total")

    assert table.basis == "unblinded"
    assert table.sizes == (1, 1, 2)
    assert [s.n for s in totals.summaries] == [1, 1, 0]
    assert totals.n_missing == (0, 0, 2)


def test_the_course_gives_mean_spread_and_change_at_each_encounter() -> None:
    """Changes are of those with a baseline and a value after it."""
    course = estimate_course(STUDY, trial(*PEOPLE), ENDPOINT)
    (group,) = course.groups
    at = {p.encounter: p for p in group.points}

    assert course.encounters == ("screening", "V0", "V1", "V2", "V3")
    assert (at["V1"].n, at["V1"].mean) == (4, pytest.approx((28 + 38 + 21 + 25) / 4))
    assert (at["V1"].n_change, at["V1"].mean_change) == (2, pytest.approx(-3.0))
    assert at["V1"].sd_change == pytest.approx(2**0.5)
    assert (at["V0"].n_change, at["V0"].mean_change) == (0, None)
    assert (at["V3"].sd, at["V3"].sd_change) == (None, None)
    assert group.baseline.n == 2


def test_a_sum_with_a_missing_part_is_no_value() -> None:
    """The third participant's total at V0 is unknown, not small."""
    course = estimate_course(STUDY, trial(PEOPLE[2]), ENDPOINT)

    assert course.groups[0].lines == ((None, None, 21.0, None, None),)


@pytest.mark.requirement("C71")
def test_arms_that_are_still_alike_are_flagged_and_pooled() -> None:
    """Up to V2 the two cell arms are one treatment: a pooled group stands beside them."""
    course = estimate_course(STUDY, trial(*PEOPLE), ENDPOINT, arms=ARMS)
    pooled = course.groups[-1]

    assert [s.arms for s in course.shared] == [("twice", "once")]
    assert (pooled.until, pooled.n) == ("V2", 2)
    assert [p.encounter for p in pooled.points] == ["V1", "V2"]
    assert pooled.points[0].mean == pytest.approx((28 + 38) / 2)


def test_blinded_courses_flag_nothing() -> None:
    """Which arms are alike is shown only where arms are."""
    assert estimate_course(STUDY, trial(*PEOPLE), ENDPOINT).shared == ()


def test_the_figure_shows_every_n_and_differs_in_more_than_color() -> None:
    """Each group has its own dashes and marker; counts stand under the encounters."""
    svg = plot_course(estimate_course(STUDY, trial(*PEOPLE), ENDPOINT, arms=ARMS), language="fr")
    root = ElementTree.fromstring(svg)
    paths = [e.attrib for e in root.iter() if e.tag.endswith("path")]
    shapes = {e.tag.rpartition("}")[2] for e in root.iter()}

    assert len({p.get("stroke-dasharray") for p in paths}) == 3
    assert {"circle", "polygon"} <= shapes
    assert "style=" not in svg
    assert "Skin score (fr)" in svg
    assert "V3: 16,0 (n = 1)" in svg


def test_a_course_without_values_can_be_drawn() -> None:
    """Before the first value there is an empty frame, not an error."""
    course = estimate_course(STUDY, trial(), ENDPOINT)

    assert course.is_empty
    assert ElementTree.fromstring(plot_course(course, language="en")) is not None


def derived(value: str) -> Study:
    """The study with another derived value at baseline."""
    derive = {**SKIN.derive, "more": Derivation(label=label("More"), value=value)}
    form: Form = replace(SKIN, derive=derive)
    analysis = replace(STUDY.analysis, baseline=("skin.more", "skin.unlisted"))
    return replace(STUDY, forms={**STUDY.forms, "skin": form}, analysis=analysis)


def test_a_derived_yes_or_no_is_counted_as_one() -> None:
    """A derivation may give a truth value: it is counted, not averaged."""
    table = tabulate_baseline(derived("left > 21"), trial(*PEOPLE))
    more = row(table, "skin.more")

    assert [(c.label.en, c.counts) for c in more.categories] == [("Yes", (2,)), ("No", (0,))]


def test_a_derived_word_is_counted_by_what_was_seen() -> None:
    """Its possible answers are not declared: those that occur are shown."""
    more = row(tabulate_baseline(derived("sex"), trial(*PEOPLE)), "skin.more")

    assert [(c.label.en, c.counts) for c in more.categories] == [("f", (2,)), ("m", (1,))]


def test_an_item_that_the_form_makes_for_an_area_goes_by_its_name() -> None:
    """Areas of a map have no words of their own."""
    table = tabulate_baseline(derived("left"), trial(*PEOPLE))

    assert row(table, "skin.unlisted").label.en == "skin.unlisted"
    assert row(table, "skin.unlisted").n_missing == (4,)


def test_who_was_neither_infused_nor_dated_has_no_baseline() -> None:
    """Without a day to count from there is no baseline value, and nobody is dropped."""
    undated = person(6, skin(6, "V0", 0, 20.0), infused=(), randomized_on=None)

    assert row(tabulate_baseline(STUDY, trial(undated)), "skin.total").n_missing == (1,)


def test_many_groups_have_a_key_in_several_rows_and_a_marker_each() -> None:
    """Six groups are told apart; one of them has nobody with a value."""
    state = trial(*PEOPLE)
    labels = [f"a rather long label {i}" for i in range(6)]
    dummy = draw_dummy_arms(state, labels=labels, seed=1)

    svg = plot_course(estimate_course(STUDY, state, ENDPOINT, arms=dummy), language="en")

    heights = {
        e.get("y")
        for e in ElementTree.fromstring(svg).iter()
        if e.tag.endswith("text") and (e.text or "").startswith("Dummy arm")
    }
    assert len(heights) > 1
    assert all(f"Dummy arm {name}" in svg for name in labels)
    assert 'stroke-width="2.5" fill="none"' in svg

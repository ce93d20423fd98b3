"""Who is counted with whom."""

from collections import Counter

import pytest
from little_trial import person, study, trial
from msgspec.structs import replace

from equipoise.analysis import draw_dummy_arms, find_shared_arms
from equipoise.analysis.groups import form_groups, plan_comparisons, plan_sizes
from equipoise.problems import Refused

EIGHTEEN = [person(i) for i in range(1, 19)]


def test_without_arms_everybody_is_one_group() -> None:
    """The blinded see the randomized together."""
    basis, groups = form_groups(study(), trial(*EIGHTEEN))

    assert basis == "pooled"
    assert [len(g.members) for g in groups] == [18]


def test_real_arms_come_in_the_order_of_the_study() -> None:
    """Also an arm that nobody is in yet stands in the tables."""
    basis, groups = form_groups(study(), trial(person(1)), {"R001": "never"})

    assert basis == "unblinded"
    assert [(g.key, len(g.members)) for g in groups] == [("twice", 0), ("once", 0), ("never", 1)]


@pytest.mark.requirement("C65")
def test_dummy_arms_are_balanced_repeatable_and_change_with_the_seed() -> None:
    """Six of each label; they depend on the numbers and the seed alone, never on the vault."""
    state = trial(*EIGHTEEN)
    dealt = draw_dummy_arms(state, labels=("A", "B", "C"), seed=1)

    assert Counter(dealt.label_of.values()) == {"A": 6, "B": 6, "C": 6}
    assert dealt == draw_dummy_arms(state, labels=("A", "B", "C"), seed=1)
    assert dealt != draw_dummy_arms(state, labels=("A", "B", "C"), seed=2)
    basis, groups = form_groups(study(), state, dealt)
    assert basis == "dummy"
    assert [g.label.en for g in groups] == ["Dummy arm A", "Dummy arm B", "Dummy arm C"]


def test_an_analysis_leaves_nobody_out() -> None:
    """A randomized participant without an arm, or with an arm of another study, is refused."""
    state = trial(person(1), person(2))

    with pytest.raises(Refused) as refused:
        form_groups(study(), state, {"R001": "elsewhere"})

    assert [p.code for p in refused.value.problems] == ["EQ-A002", "EQ-A003"]
    assert "R002" in refused.value.problems[0].message


def test_arms_that_give_the_same_until_an_infusion_are_found() -> None:
    """Both cell arms are alike until V2; the placebo arm differs from the first infusion on."""
    (shared,) = find_shared_arms(study())

    assert shared.arms == ("twice", "once")
    assert (shared.until, shared.encounters) == ("V2", ("V1", "V2"))


def test_arms_that_differ_from_the_first_infusion_share_nothing() -> None:
    """Without the one-infusion arm there is nothing to flag."""
    made = study()
    arms = {k: v for k, v in made.identity.arms.items() if k != "once"}

    assert find_shared_arms(replace(made, identity=replace(made.identity, arms=arms))) == ()


def test_planned_sizes_and_comparisons_come_from_the_study() -> None:
    """18 by 1:1:1 are six each; besides the pairs, the arms alike at first are pooled."""
    assert plan_sizes(study()) == {"twice": 6, "once": 6, "never": 6}
    assert plan_comparisons(study()) == (
        (("twice",), ("once",)),
        (("twice",), ("never",)),
        (("once",), ("never",)),
        (("twice", "once"), ("never",)),
    )

"""Minimization against a reading of its definition, its floor and its ratio."""

import random
from collections import Counter
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.randomization import (
    Draw,
    Specification,
    arm_of,
    check_specification,
    draw_next,
)
from equipoise.randomization.minimization import imbalances_after, weights_of

TOLD = Specification(
    study="S1",
    arms=("A", "B", "C"),
    ratio=(1, 1, 1),
    n_planned=60,
    scheme="minimization",
    probability="0.8",
    floor="0.1",
    strata=tuple(f"{s}/{g}" for s, g in product("12", ("mild", "severe"))),
)


def history_of(places, strata):
    return [Draw(stratum=s, place=p) for s, p in zip(strata, places, strict=True)]


def test_a_small_example_by_hand():
    """A: one of site 1 and mild, B: one of site 1 and severe. A mild one of site 2 comes.

    Site 2 has nobody: any arm gives a range of 1. Mild has (1, 0, 0): A would make it 2, B or C
    leave (1, 1, 0), 1. So A has 3, and B and C share the probability of the best.
    """
    before = history_of([0, 1], ["1/mild", "1/severe"])
    assert imbalances_after(3, "2/mild", history=before) == (3, 2, 2)
    weights = weights_of((3, 2, 2), Fraction("0.8"))
    assert [Fraction(w, sum(weights)) for w in weights] == [
        Fraction(1, 5), Fraction(2, 5), Fraction(2, 5),
    ]  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from(TOLD.strata)), max_size=20),
    st.sampled_from(TOLD.strata),
)
def test_imbalances_are_those_of_the_definition(past, stratum):
    """For each arm: put the newcomer there, count each level, add the ranges (Pocock, Simon)."""
    found = imbalances_after(
        3, stratum, history=history_of(*zip(*past, strict=True)) if past else []
    )
    for place in range(3):
        everyone = [*past, (place, stratum)]
        total = 0
        for factor in (0, 1):
            level = stratum.split("/")[factor]
            counts = Counter(p for p, s in everyone if s.split("/")[factor] == level)
            total += max(counts[k] for k in range(3)) - min(counts[k] for k in range(3))
        assert found[place] == total


@pytest.mark.requirement("F16")
@given(st.lists(st.integers(0, 9), min_size=2, max_size=6), st.fractions("0.51", "0.99"))
def test_no_arm_is_ever_certain_or_impossible(imbalances, probability):
    """The best have the probability together, the others the rest in equal parts."""
    weights = weights_of(tuple(imbalances), probability)
    shares = [Fraction(w, sum(weights)) for w in weights]
    assert all(0 < s < 1 for s in shares)
    best = [s for s, i in zip(shares, imbalances, strict=True) if i == min(imbalances)]
    assert sum(best) == (probability if len(best) < len(shares) else 1)
    assert len({s for s, i in zip(shares, imbalances, strict=True) if i > min(imbalances)}) <= 1


@pytest.mark.requirement("F17", "C69")
def test_a_draw_is_the_same_again_and_leans_on_all_before():
    """The record holds what the draw rested on; the same history and seed give it again."""
    rng, history = random.Random(3), []
    for _ in range(60):
        stratum = rng.choice(TOLD.strata)
        draw = draw_next(TOLD, stratum, seed=b"k", history=history)
        assert draw == draw_next(TOLD, stratum, seed=b"k", history=list(history))
        assert draw.imbalances == imbalances_after(3, stratum, history=history)
        assert draw.weights == weights_of(draw.imbalances, Fraction("0.8"))
        assert 0 <= draw.drawn < sum(draw.weights)
        history.append(draw)
    counts = Counter(d.place for d in history)
    assert max(counts.values()) - min(counts.values()) <= 3
    for factor, level in ((0, "1"), (1, "mild")):
        margin = Counter(d.place for d in history if d.stratum.split("/")[factor] == level)
        assert max(margin.values()) - min(margin.values()) <= 4


@pytest.mark.requirement("F10")
def test_an_unequal_ratio_is_kept():
    """Two to one: the first arm has two of three places; at each step its share is two thirds.

    4,000 trials of eight; the standard error of a share is 0.0075, four of them are allowed.
    """
    from msgspec.structs import replace

    told = replace(TOLD, arms=("A", "B"), ratio=(2, 1), probability="0.8")
    assert [arm_of(told, place) for place in range(3)] == ["A", "A", "B"]
    shares = Counter()
    for k in range(4000):
        rng, history = random.Random(k), []
        for n in range(8):
            seed = k.to_bytes(4, "big")
            draw = draw_next(told, rng.choice(told.strata), seed=seed, history=history)
            shares[n] += arm_of(told, draw.place) == "A"
            history.append(draw)
    assert all(abs(shares[n] / 4000 - 2 / 3) < 0.03 for n in range(8))


def test_without_factors_it_balances_the_whole_trial():
    """One stratum without a name is one level that all share."""
    from msgspec.structs import replace

    told = replace(TOLD, strata=("",))
    history = []
    for _ in range(30):
        history.append(draw_next(told, "", seed=b"k", history=history))
    counts = Counter(d.place for d in history)
    assert max(counts.values()) - min(counts.values()) <= 3


@pytest.mark.requirement("F16")
@pytest.mark.parametrize("n_places", [2, 3, 4, 5])
def test_what_is_accepted_never_favours_the_worse_and_keeps_its_floor(n_places):
    """Every pattern of ties, every hundredth: a best place is at least as likely as any other."""
    from msgspec.structs import replace

    accepted = []
    for percent in range(1, 99):
        probability, floor = Fraction(percent, 100), Fraction(100 - percent, 100) / (n_places - 1)
        told = replace(
            TOLD,
            arms=tuple("ABCDE"[:n_places]),
            ratio=(1,) * n_places,
            probability=f"{float(probability):.2f}",
            floor=f"{float(floor - Fraction(1, 10_000)):.5f}",
        )
        if check_specification(told):
            continue
        accepted.append(percent)
        for imbalances in product(range(2), repeat=n_places):
            weights = weights_of(imbalances, probability)
            shares = [Fraction(w, sum(weights)) for w in weights]
            best = [s for s, i in zip(shares, imbalances, strict=True) if i == min(imbalances)]
            assert min(best) >= max(shares)
            assert min(shares) >= Fraction(told.floor)
    assert accepted == [p for p in range(1, 99) if p * n_places > 100 * (n_places - 1)]

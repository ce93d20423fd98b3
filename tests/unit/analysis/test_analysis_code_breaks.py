"""What code-breaks tell of everybody else: against every sequence, written out."""

import sys
from collections import defaultdict
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from little_trial import study as little_study
from msgspec.structs import replace

from equipoise.analysis.allocation import (
    Setting,
    check_bound,
    compare_designs,
    render_comparison,
)
from equipoise.analysis.allocation.breaking import HIDDEN, MOST, Lattice, estimate_disclosed
from equipoise.analysis.allocation.walking import draw_sequences
from equipoise.problems import LANGUAGES
from equipoise.randomization.schemes import (
    big_stick,
    block_urn,
    blocks_of,
    complete,
)
from equipoise.study.protocol import CodeBreakBound, RandomizationPlan

sys.path.append(str(Path(__file__).parents[1] / "randomization"))
from exact_walks import arm_chances

WALKS = {
    "blocks of 3": (blocks_of((1, 1, 1), (3,)), (1, 1, 1), 6),
    "blocks of 2 and 4, drawn": (blocks_of((1, 1), (2, 4), order="random"), (1, 1), 6),
    "two to one": (blocks_of((2, 1), (3,)), (2, 1), 5),
    "one block": (blocks_of((1, 1, 1), (6,)), (1, 1, 1), 6),
    "urn": (block_urn((1, 1, 1), 2), (1, 1, 1), 5),
    "big stick, two places an arm": (big_stick((2, 1), 2), (2, 1), 5),
    "complete": (complete((2, 1)), (2, 1), 4),
}
designs = pytest.mark.parametrize(("walk", "ratio", "n"), WALKS.values(), ids=WALKS)


def all_sequences(walk, n_arms, n):
    """Every sequence of arms with its exact chance."""
    found = defaultdict(Fraction)
    open_ = [((), walk.start, Fraction(1))]
    while open_:
        arms, state, chance = open_.pop()
        if len(arms) == n:
            found[arms] += chance
            continue
        openings = walk.openings(state)
        for opened in openings:
            weights = walk.weights(opened)
            assert sum(arm_chances(walk, opened, n_arms)) == 1
            for place, weight in enumerate(weights):
                if weight:
                    then = chance * Fraction(weight, sum(weights) * len(openings))
                    open_.append(((*arms, walk.arms[place]), walk.advance(opened, place), then))
    return found


def arms_given(sequences, known, place, n_arms):
    """The exact chance of each arm at a place, given arms at other places."""
    fitting = {s: c for s, c in sequences.items() if all(s[t] == a for t, a in known.items())}
    total = sum(fitting.values())
    return [sum(c for s, c in fitting.items() if s[place] == a) / total for a in range(n_arms)]


def truth(sequences, n_arms, n, k):
    """The exact shares of the others guessed and certain, over all who may be broken."""
    guessed = certain = Fraction(0)
    sets = [*combinations(range(n), k)]
    for broken in sets:
        others = [t for t in range(n) if t not in broken]
        for answers in {tuple(s[t] for t in broken) for s in sequences}:
            known = dict(zip(broken, answers, strict=True))
            chance = sum(
                c for s, c in sequences.items() if all(s[t] == a for t, a in known.items())
            )
            for t in others:
                most = max(arms_given(sequences, known, t, n_arms))
                guessed += chance * most / len(others)
                certain += chance * (most == 1) / len(others)
    return guessed / len(sets), certain / len(sets)


@pytest.mark.requirement("F31")
@designs
def test_what_is_told_of_others_is_what_all_sequences_give(walk, ratio, n):
    """After no, one, two code-breaks, and after all but one: every set of people, every answer."""
    sequences = all_sequences(walk, len(ratio), n)
    ks = (0, 1, 2, n - 1)
    found = estimate_disclosed(
        walk,
        Setting(ratio=ratio, n=n),
        n_broken=ks,
        randomness=np.random.default_rng(3),
        n_sequences=4000,
    )
    for k, disclosed in zip(ks, found, strict=True):
        guessed, certain = truth(sequences, len(ratio), n, k)
        for estimate, true in ((disclosed.guessed, guessed), (disclosed.certain, certain)):
            assert abs(estimate.estimate - float(true)) <= 4.5 * estimate.mc_error + 1e-9


@pytest.mark.requirement("F31")
@designs
def test_the_chances_given_some_arms_are_exact(walk, ratio, n):
    """Nothing simulated here: lists with arms hidden at random, against all sequences."""
    sequences = all_sequences(walk, len(ratio), n)
    randomness = np.random.default_rng(5)
    _, arms = draw_sequences(walk, Setting(ratio=ratio, n=n), n_sequences=30, randomness=randomness)
    known = np.where(randomness.random(arms.shape) < 0.5, arms, HIDDEN)
    found = Lattice(walk, length=n, n_arms=len(ratio)).chances(known)
    for row, told in zip(known, found, strict=True):
        given = {t: a for t, a in enumerate(row) if a != HIDDEN}
        true = [arms_given(sequences, given, t, len(ratio)) for t in range(n)]
        assert told == pytest.approx(np.array(true, dtype=float), abs=1e-12)


def test_strata_are_lists_of_their_own():
    """Of blocks of two, the partner alone is told: one of the others, if both came to one site."""
    walk, n = blocks_of((1, 1), (2,)), 4
    (found,) = estimate_disclosed(
        walk,
        Setting(ratio=(1, 1), n=n, n_strata=2),
        n_broken=(1,),
        randomness=np.random.default_rng(1),
        n_sequences=20_000,
    )
    certain = 0.0
    for sites in np.ndindex(2, 2, 2, 2):
        for person in range(n):
            mates = [t for t in range(n) if sites[t] == sites[person]]
            partner = mates.index(person) ^ 1
            certain += (partner < len(mates)) / (n - 1) / n / 2**n
    assert abs(found.certain.estimate - certain) <= 4 * found.certain.mc_error


def test_of_a_long_trial_the_first_are_looked_at():
    walk = blocks_of((1, 1), (4,))
    shown = [
        estimate_disclosed(
            walk,
            Setting(ratio=(1, 1), n=n),
            n_broken=(2,),
            randomness=np.random.default_rng(1),
            n_sequences=50,
        )
        for n in (MOST, 4 * MOST)
    ]
    assert shown[0] == shown[1]


def compared_with(bound, **plan):
    made = RandomizationPlan(ratio=(1, 1), after_breaks=bound, **plan)
    return compare_designs(little_study(), made, seed=1, n_sequences=100)


@pytest.mark.requirement("F31")
def test_a_scheme_is_held_to_the_bound_of_the_study_folder():
    """Blocks of two tell the partner of whoever is broken; longer ones need not."""
    bound = CodeBreakBound(breaks=1, guessed=0.6, certain=0.01)
    short = compared_with(bound, scheme="permuted_blocks", blocks=(2,))
    found = check_bound(short)
    assert [p.code for p in found] == ["EQ-R010"] * (2 if found[1:] else 1)
    assert "known for sure" in " ".join(p.say("en") for p in found)
    assert check_bound(compared_with(bound, scheme="complete")) == ()
    assert check_bound(compared_with(None, scheme="permuted_blocks", blocks=(2,))) == ()
    mini = compared_with(bound, scheme="minimization", probability=0.8, floor=0.1)
    assert [p.code for p in check_bound(mini)] == ["EQ-R011"]
    words = {"exceeds it": short, "cannot be held to it": mini}
    for said, compared in words.items():
        page = render_comparison(compared, title=little_study().identity.title, language="en")
        assert said in page
    for language in LANGUAGES:
        page = render_comparison(short, title=little_study().identity.title, language=language)
        assert ("dépasse" in page) == (language == "fr")


def test_all_designs_show_as_many_code_breaks_as_the_bound_names():
    bound = CodeBreakBound(breaks=2, guessed=1)
    compared = compared_with(bound, scheme="permuted_blocks", blocks=(4,))
    assert {tuple(d.n_broken for d in row.disclosed) for row in compared.rows} == {(0, 1, 2)}
    few = replace(compared, bound=None)
    page = render_comparison(few, title=little_study().identity.title, language="en")
    assert "names no bound" in page

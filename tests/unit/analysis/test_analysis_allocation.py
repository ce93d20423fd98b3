"""What a scheme does in a study: our simulation against exact truths, and the page to sign."""

import functools
import itertools
import sys
from fractions import Fraction
from math import comb
from pathlib import Path
from statistics import NormalDist

import msgspec
import numpy as np
import pytest
from little_trial import study as little_study
from msgspec.structs import replace

from equipoise.analysis.allocation import (
    Setting,
    alternatives,
    compare_designs,
    estimate_operating,
    plot_tradeoff,
    render_comparison,
)
from equipoise.analysis.allocation.measuring import powers
from equipoise.analysis.allocation.minimizing import (
    chances_of,
    estimate_minimization,
    sum_imbalances,
)
from equipoise.problems import LANGUAGES, Text
from equipoise.randomization import Draw
from equipoise.randomization.minimization import imbalances_after, weights_of
from equipoise.randomization.schemes import block_urn, blocks_of, complete
from equipoise.study.protocol import Factor, RandomizationPlan, Site

sys.path.append(str(Path(__file__).parents[1] / "randomization"))
from exact_walks import follow


def simulate(walk, setting, n=4000, seed=1):
    return estimate_operating(walk, setting, n_sequences=n, randomness=np.random.default_rng(seed))


@pytest.mark.requirement("F15")
@pytest.mark.parametrize("ratio", [(1, 1), (1, 1, 1), (2, 1), (3, 1, 2)])
def test_every_alternative_is_simulated_as_it_is(ratio):
    """Guessed, certain, unbalanced and apart against all sequences followed in exact fractions."""
    n = 9
    for design in alternatives(ratio, n):
        true = follow(design.walk, ratio, n)
        found = simulate(design.walk, Setting(ratio=ratio, n=n))
        for key in ("guessed", "certain", "unbalanced", "apart"):
            estimate = getattr(found, key)
            allowed = 4.5 * max(estimate.mc_error, 0.002)
            assert abs(estimate.estimate - float(getattr(true, key))) <= allowed, design.name.en
        assert found.best_guess.estimate >= found.guessed.estimate - 1e-9


def test_power_is_that_of_the_normal_test():
    """Complete randomization of ten to two arms: the mean over the binomial, arm by arm."""
    normal, total = NormalDist(), 0.0
    z = normal.inv_cdf(0.975)
    for k in range(11):
        information = k * (10 - k) / 10 / 2.5
        total += comb(10, k) / 2**10 * normal.cdf((z + normal.inv_cdf(0.8)) * information**0.5 - z)
    found = simulate(complete((1, 1)), Setting(ratio=(1, 1), n=10), n=20_000).power
    assert abs(found.estimate - total) < 4 * found.mc_error
    exact = simulate(blocks_of((2, 1), (3,)), Setting(ratio=(2, 1), n=9))
    assert exact.power.estimate == pytest.approx(0.8)
    assert exact.power_low == pytest.approx(0.8)


@pytest.mark.evidence(kind="independent", source="R 4.2.2, stats::pnorm and qnorm")
def test_power_as_r_has_it():
    """As tests/data/power.R printed it; nobody in an arm leaves the level of one side."""
    counts = np.array([[9, 9], [12, 6], [15, 3], [18, 0]])
    found = powers(counts, np.array([1, 1]))
    assert found == pytest.approx(R_POWER, abs=1e-9)


R_POWER = [0.8, 0.7521894886, 0.5510103265, 0.025]


def test_the_same_seed_gives_the_same_numbers_and_another_does_not():
    setting = Setting(ratio=(1, 1, 1), n=18)
    walk = block_urn((1, 1, 1), 2)
    assert simulate(walk, setting) == simulate(walk, setting)
    assert simulate(walk, setting) != simulate(walk, setting, seed=2)


def test_strata_fill_at_the_rates_of_their_sites():
    """Nine of ten come to one site: its blocks fill, and the truth is the binomial's mean."""
    study, plan = with_plan(scheme="permuted_blocks", blocks=(3,), stratify=("site",))
    scenario = replace(study.scenario, accrual_per_month={"01": 9.0, "02": 1.0})
    compared = compare_designs(replace(study, scenario=scenario), plan, seed=1, n_sequences=4000)
    assert compared.setting.shares == (9.0, 1.0)
    n, walk = compared.setting.n, blocks_of((1, 1, 1), (3,))
    right = sum(
        comb(n, m) * p**m * (1 - p) ** (n - m) * m * float(follow(walk, (1, 1, 1), m).guessed)
        for p in (0.9, 0.1)
        for m in range(1, n + 1)
    )
    found = compared.rows[0].does.guessed
    assert abs(found.estimate - right / n) < 4.5 * found.mc_error


@pytest.mark.requirement("F16")
def test_simulated_minimization_has_the_chances_of_the_vaults():
    """For random histories: the same imbalances, and the same chances within rounding."""
    rng = np.random.default_rng(4)
    for _ in range(50):
        history = [
            Draw(stratum=f"{rng.integers(2)}/{rng.integers(3)}", place=int(rng.integers(3)))
            for _ in range(int(rng.integers(12)))
        ]
        shared = []
        for factor, level in ((0, "1"), (1, "2")):
            counts = np.zeros((1, 3), dtype=np.int64)
            for draw in history:
                counts[0, draw.place] += draw.stratum.split("/")[factor] == level
            shared.append(counts)
        found = sum_imbalances(shared)
        true = imbalances_after(3, "1/2", history=history)
        assert tuple(found[0]) == true
        weights = weights_of(true, Fraction("0.8"))
        expected = [w / sum(weights) for w in weights]
        assert chances_of(found, 0.8)[0] == pytest.approx(expected)


def test_minimization_balances_better_than_complete_and_is_no_certainty():
    """Over factors of three and two levels, with an unequal ratio too."""
    for ratio in ((1, 1, 1), (2, 1)):
        setting = Setting(ratio=ratio, n=30, n_strata=6)
        found = estimate_minimization(
            0.8, setting, levels=(3, 2), n_sequences=2000, randomness=np.random.default_rng(1)
        )
        free = simulate(complete(ratio), setting)
        assert found.certain.estimate == 0
        assert found.apart.estimate < free.apart.estimate / 1.5
        assert found.guessed.estimate > free.guessed.estimate


def follow_minimization(rates, levels, n, p=Fraction(4, 5)):
    """Every trial of three arms in exact fractions: guessed within the stratum, best guessed.

    `rates` are those of the strata, `levels` the levels of each. Written anew from the definition.
    """

    @functools.cache
    def after(taken, left):  # what the rest of a trial adds, by the counts of the strata
        if not left:
            return Fraction(0), Fraction(0)
        guessed = best = Fraction(0)
        for stratum, rate in enumerate(rates):
            range_of = []
            for arm in range(3):
                range_of.append(0)
                for factor in range(len(levels[0])):
                    alike = [
                        k
                        for k, _ in enumerate(rates)
                        if levels[k][factor] == levels[stratum][factor]
                    ]
                    sums = [sum(taken[k][a] for k in alike) + (a == arm) for a in range(3)]
                    range_of[arm] += max(sums) - min(sums)
            good = [a for a in range(3) if range_of[a] == min(range_of)]
            chance = [
                Fraction(1, 3) if len(good) == 3
                else p / len(good) if a in good else (1 - p) / (3 - len(good))
                for a in range(3)
            ]  # fmt: skip
            own = taken[stratum]
            behind = [a for a in range(3) if own[a] == min(own)]
            share = Fraction(rate, sum(rates))
            guessed += share * sum(chance[a] for a in behind) / len(behind)
            best += share * max(chance)
            for arm in range(3):
                more = tuple(c + (a == arm) for a, c in enumerate(own))
                rest = after((*taken[:stratum], more, *taken[stratum + 1 :]), left - 1)
                guessed += share * chance[arm] * rest[0]
                best += share * chance[arm] * rest[1]
        return guessed, best

    total = after(((0, 0, 0),) * len(rates), n)
    return tuple(float(x / n) for x in total)


@pytest.mark.requirement("F15", "F16")
@pytest.mark.parametrize(
    ("shape", "rates", "n"),
    [((3,), (1, 1, 1), 7), ((3,), (8, 1, 1), 7), ((2, 2), (4, 1, 2, 1), 6)],
    ids=["three sites", "sites that differ", "site and skin"],
)
def test_minimization_is_guessed_within_the_stratum_as_every_other_scheme(shape, rates, n):
    """The row beside the others says the same thing: every trial followed, in exact fractions."""
    levels = [*itertools.product(*map(range, shape))]
    guessed, best = follow_minimization(rates, levels, n)
    setting = Setting(ratio=(1, 1, 1), n=n, n_strata=len(rates), shares=rates)
    found = estimate_minimization(
        0.8, setting, levels=shape, n_sequences=20_000, randomness=np.random.default_rng(1)
    )
    for true, estimate in ((guessed, found.guessed), (best, found.best_guess)):
        assert abs(estimate.estimate - true) < 4.5 * estimate.mc_error
    if len(shape) == 1:  # who knows the stratum's counts knows all that the vault goes by
        assert found.guessed.estimate == pytest.approx(found.best_guess.estimate)


@pytest.mark.requirement("F15")
def test_minimization_stands_beside_the_others_where_there_are_strata():
    """At the rates of the sites, and not in a study without factors; once, if it is the own one."""
    name = "minimization, p = 0.8"
    stratified = {"scheme": "permuted_blocks", "blocks": (3,), "stratify": ("site",)}
    for changes, times in (({"scheme": "complete"}, 0), (stratified, 1), (PLANS[8][0], 1)):
        study, plan = with_plan(**changes)
        scenario = replace(study.scenario, accrual_per_month={"01": 9.0, "02": 1.0})
        identity = replace(study.identity, planned_participants=6)
        study = replace(study, scenario=scenario, identity=identity)
        compared = compare_designs(study, plan, seed=1, n_sequences=2000)
        found = [row.does for row in compared.rows if row.name.en == name]
        assert len(found) == times
        if changes is stratified:
            true, _ = follow_minimization((9, 1), [(0,), (1,)], 6)
            assert abs(found[0].guessed.estimate - true) < 4.5 * found[0].guessed.mc_error


def with_plan(**changes):
    study = little_study()
    plan = RandomizationPlan(**{"scheme": "complete", "ratio": (1, 1, 1), **changes})
    sites = {code: Site(label=Text(code)) for code in ("01", "02")}
    return replace(study, identity=replace(study.identity, randomization=plan, sites=sites)), plan


SKIN = {"skin": Factor(label=Text("Skin", "Peau"), levels={"mild": "x", "severe": "y"})}
PLANS = [
    ({"scheme": "permuted_blocks", "blocks": (9,)}, "blocks of 9"),
    ({"scheme": "permuted_blocks", "blocks": (9, 3, 6)}, "blocks of 9, 3, 6 in turn"),
    (
        {"scheme": "permuted_blocks", "blocks": (6, 3), "block_order": "random"},
        "blocks of 3, 6, drawn",
    ),
    ({"scheme": "complete"}, "complete"),
    ({"scheme": "random_allocation_rule"}, "one block for all"),
    ({"scheme": "big_stick", "tolerance": 4}, "big stick, tolerance 4"),
    ({"scheme": "block_urn", "lambda_": 4}, "block urn, lambda 4"),
    ({"scheme": "biased_coin", "probability": 0.75}, "biased coin, p = 0.75"),
    (
        {
            "scheme": "minimization",
            "probability": 0.8,
            "floor": 0.1,
            "stratify": ("site", "skin"),
            "factors": SKIN,
        },
        "minimization, p = 0.8",
    ),
    ({"scheme": "imported", "digest": "0" * 64}, None),
]


@pytest.mark.requirement("F15")
@pytest.mark.parametrize(("changes", "name"), PLANS, ids=lambda x: str(x)[:40])
def test_each_scheme_of_a_study_stands_first_and_once(changes, name):
    """Its own name is not among the alternatives again; a list made elsewhere has no row."""
    study, plan = with_plan(**changes)
    compared = compare_designs(study, plan, seed=1, n_sequences=200)
    names = [row.name.en for row in compared.rows]
    assert len(set(names)) == len(names) >= 11
    assert [row.name.en for row in compared.rows if row.is_own] == ([name] if name else [])
    if name:
        assert names[0] == name
    n_strata = len(study.identity.sites) * 2 if name and "minim" in name else 1
    assert compared.setting.n_strata == n_strata
    assert msgspec.json.encode(compared)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_shows_every_design_and_a_line_to_sign(language):
    """In both languages, whole in itself, without a script and without an address to fetch."""
    study, plan = with_plan(scheme="permuted_blocks", blocks=(9,), stratify=("site",))
    compared = compare_designs(study, plan, seed=1, n_sequences=500)
    page = render_comparison(compared, title=study.identity.title, language=language)
    for row in compared.rows:
        assert page.count(row.name.say(language)) >= 2
    assert page.count("<strong>") == 2  # in the table of designs and in that of code-breaks
    assert "<script" not in page
    assert "src=" not in page and "href=" not in page
    assert compared.digest in page
    assert ("signature" if language == "fr" else "signature of the statistician") in page
    drawn = plot_tradeoff(compared, language=language)
    assert drawn.startswith("<svg") and drawn.count("<circle") == len(compared.rows) - 1


def test_a_draft_without_sites_is_compared_too():
    """Stratified by a site that is not named yet: one stratum for now, `check` warns of it."""
    for changes in (PLANS[0][0], PLANS[8][0]):
        study, plan = with_plan(**{**changes, "stratify": ("site",)})
        draft = replace(study, identity=replace(study.identity, sites={}))
        assert compare_designs(draft, plan, seed=1, n_sequences=200).setting.n_strata == 1


def test_a_list_made_elsewhere_is_said_to_be_so():
    study, plan = with_plan(scheme="imported", digest="0" * 64)
    compared = compare_designs(study, plan, seed=1, n_sequences=200)
    page = render_comparison(compared, title=study.identity.title, language="en")
    assert "made elsewhere" in page
    assert "<strong>" not in page

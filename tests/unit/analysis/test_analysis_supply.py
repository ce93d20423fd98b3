"""Shipments before an adversary who learns: the study's own policy tells nothing, others do."""

import datetime as dt
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from equipoise.analysis.allocation import Setting
from equipoise.analysis.allocation import supplying as s
from equipoise.analysis.allocation.pairing import estimate_pairing
from equipoise.analysis.allocation.walking import draw_sequences
from equipoise.conduct.cells import BagRecord, BatchRecord, CellState, derive_places
from equipoise.conduct.parts import Infusion, Stamp
from equipoise.conduct.state import Participant, TrialState
from equipoise.randomization import specify, walk_of
from equipoise.study.load import load_study

STUDY = Path(__file__).parents[3] / "studies" / "nct06722105"


@pytest.fixture(scope="module")
def study():
    found = load_study(STUDY).study
    assert found is not None
    return found


def walk_and_setting(study):
    told = specify(study.identity, study.identity.randomization)
    return walk_of(told), Setting(ratio=told.ratio, n=told.n_planned)


@pytest.fixture(scope="module")
def watched(study):
    return s.watch_policies(study, *walk_and_setting(study), seed=2)


def exact_chances(n_placebo):
    """Two blocks of nine, so many of each with placebo at one infusion: every arrangement.

    The share of pairs told rightly by who knows the blocks alone, and by who also knows what the
    first participant received.
    """
    blocks = [*combinations(range(9), n_placebo)]
    sequences = [{*a, *(9 + x for x in b)} for a in blocks for b in blocks]
    pairs = [*combinations(range(1, 18), 2)]
    alone = knowing = Fraction(0)
    for i, j in pairs:
        same = {held: [0, 0] for held in (False, True)}
        for placebo in sequences:
            counts = same[0 in placebo]
            counts[(i in placebo) == (j in placebo)] += 1
        total = [same[False][k] + same[True][k] for k in (0, 1)]
        alone += Fraction(max(total), len(sequences))
        knowing += sum(Fraction(max(counts), len(sequences)) for counts in same.values())
    return alone / len(pairs), knowing / len(pairs)


@pytest.mark.requirement("F22")
@pytest.mark.evidence(kind="brute force", source="every arrangement of two blocks of nine")
def test_the_studys_own_policy_is_at_chance_and_the_others_are_not(watched):
    """Chance is what all arrangements give; 3,000 trials are told, before and after a code-break.

    Whoever orders by what is left tells something, whoever replaces what was used tells all.
    """
    own, by_stock, after_each = watched
    assert [w.is_own for w in watched] == [True, False, False]
    # At M0 one arm of three has placebo, at M3 two: the same chances, by symmetry.
    exact = [(x + y) / 2 for x, y in zip(exact_chances(3), exact_chances(6), strict=True)]
    for pairing, true in zip((own.unbroken, own.broken), exact, strict=True):
        low, high = (pairing.told.estimate + z * 3 * pairing.told.mc_error for z in (-1, 1))
        assert low - 0.001 <= float(true) <= high + 0.001
        assert pairing.is_at_chance
        assert abs(pairing.gained.estimate) < 0.002
    for pairing in (by_stock.unbroken, by_stock.broken):
        assert not pairing.is_at_chance
        assert pairing.interval[0] > 0.005
    for pairing in (after_each.unbroken, after_each.broken):
        assert pairing.told.estimate > 0.99


@pytest.mark.requirement("F22")
def test_a_declared_number_that_counted_real_stock_would_be_found_out(study):
    """The rule as it must not be: what is left in the freezer, and not what came in."""

    class Leaking(s.Stock):
        def declared(self):
            left = self.stored.min(axis=1) // self.bags_each
            return self.n_randomized + left // self.n_encounters

    walk, setting = walk_and_setting(study)
    site = s.site_of(study)
    randomness = np.random.default_rng(4)
    _, arms = draw_sequences(walk, setting, n_sequences=2000, randomness=randomness)
    told = {}
    for kind in (s.Stock, Leaking):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(s, "Stock", kind)
            seen = s.run_policy(s.by_declared, site, arms, randomness=randomness)
        pairs = s._pairs(setting.n, randomness)
        told[kind] = s._tell(site, arms, seen, pairs, is_broken=False)
    assert told[s.Stock].is_at_chance
    assert not told[Leaking].is_at_chance


def trial_of(study, stock):
    """The same history in the cell unit's own record: bags that came, thawed, broke."""
    stamp = Stamp("u", "cell_unit", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "", "cells:1")
    on = dt.date(2026, 1, 1)
    batches, bags = {}, {}
    for k, product in enumerate(("cells", "placebo")):
        names = tuple(f"{product}-{i}" for i in range(int(stock.received[0, k])))
        gone = [*["thawed"] * int(stock.thawed[0, k]), *["destroyed"] * int(stock.lost[0, k])]
        for i, name in enumerate(names):
            status = gone[i] if i < len(gone) else "stored"
            at = stamp.at if status == "thawed" else None
            bags[name] = BagRecord(name, product, 10.0, status=status, thawed_at=at)
        batches[product] = BatchRecord(
            batch=product,
            product=product,
            shipment="S",
            donors=(),
            expires_on=dt.date(2099, 1, 1),
            volume_ml=10.0,
            cells_per_ml=None,
            bags=names,
            stamp=stamp,
            status="released",
        )
    people = {}
    infused = int(stock.n_infused[0])
    for i in range(int(stock.n_randomized[0])):
        given = {}
        for encounter in study.infusion_encounters:
            if infused:
                infused -= 1
                given[encounter] = Infusion(
                    encounter=encounter, on=on, weight_kg=70.0, target_cells=1, volume_ml=50.0,
                    n_bags=2, stamp=stamp,
                )  # fmt: skip
        person = Participant(code=f"P{i}", site="01", screened_on=on, stamp=stamp)
        people[f"P{i}"] = replace(
            person, number=f"R-{i}", status="randomized", randomized_on=on, infusions=given
        )
    return CellState(batches=batches, bags=bags), TrialState(participants=people)


def test_what_is_declared_here_is_what_the_cell_unit_declares(study):
    """Random histories, with thawed bags beyond all shares and losses, against `derive_places`."""
    randomness = np.random.default_rng(7)
    seen = set()
    for _ in range(150):
        stock = s.Stock(s.site_of(study), 1)
        stock.n_randomized[:] = randomness.integers(0, 8)
        stock.n_infused[:] = randomness.integers(0, 2 * stock.n_randomized[0] + 1)
        stock.receive(randomness.integers(0, 90, (1, 2)))
        stock.thawed[:] = randomness.integers(0, 40, (1, 2))
        stock.lost[:] = np.minimum(randomness.integers(0, 9, (1, 2)), stock.received - stock.thawed)
        stock.thawed[:] = np.minimum(stock.thawed, stock.received - stock.lost)
        cells, trial = trial_of(study, stock)
        places = derive_places(study, cells, trial, on=dt.date(2026, 2, 1))
        assert int(stock.declared()[0]) == places
        seen.add(places)
    assert len(seen) > 8


@pytest.mark.requirement("F22")
def test_the_adversary_finds_what_is_there_and_nothing_else():
    """A sight that tells is used up to its worth; one that is noise is not mistaken for a sign."""
    randomness = np.random.default_rng(1)
    same = randomness.random((4000, 50)) < 0.5
    known = np.zeros(same.shape, dtype=np.int64)
    noise = randomness.integers(0, 8, same.shape)
    assert estimate_pairing(same, known, noise).is_at_chance
    hint = np.where(randomness.random(same.shape) < 0.1, same.astype(np.int64), 2)
    found = estimate_pairing(same, known, hint)
    assert found.gained.estimate == pytest.approx(0.05, abs=5 * found.gained.mc_error + 0.002)


def test_a_study_in_which_all_infusions_hold_the_same_has_nothing_to_watch(study):
    arms = {k: replace(arm, gives={"M0": "cells"}) for k, arm in study.identity.arms.items()}
    alike = replace(study, identity=replace(study.identity, arms=arms))
    assert s.watch_policies(alike, *walk_and_setting(study), seed=1) == ()
    some = dict(study.identity.arms)
    some["placebo"] = replace(some["placebo"], gives={"M0": "placebo"})
    uneven = replace(study, identity=replace(study.identity, arms=some))
    assert s.site_of(uneven) is None


def test_a_study_without_a_dose_and_a_large_one(study):
    """One bag each; of many pairs some are drawn."""
    bare = replace(study, treatments=replace(study.treatments, dose=None))
    assert s.site_of(bare).bags.tolist() == [1]
    one, other = s._pairs(60, np.random.default_rng(1))
    assert len(one) == s.PAIRS and (one < other).all() and one.min() > 0


@pytest.mark.requirement("F22")
def test_without_a_reserve_in_each_share_frequent_failures_do_tell(study):
    """The limit of the rule: one bag a share, and half of the thawed bags of cells fail.

    What goes beyond all shares is counted when it happens, so the number falls after cells.
    """
    bare = replace(study, treatments=replace(study.treatments, dose=None))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s, "FAILS", 0.5)
        own = s.watch_policies(bare, *walk_and_setting(study), seed=1)[0]
        reserve = s.watch_policies(study, *walk_and_setting(study), seed=1)[0]
    assert not own.unbroken.is_at_chance
    assert reserve.unbroken.is_at_chance

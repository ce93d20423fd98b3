"""A study's own scheme beside the alternatives, in the study's own numbers."""

import hashlib
import math
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from equipoise.analysis.allocation.breaking import MOST, Disclosed, estimate_disclosed
from equipoise.analysis.allocation.designs import Design, alternatives, minimized, own_design
from equipoise.analysis.allocation.measuring import Operating
from equipoise.analysis.allocation.minimizing import estimate_minimization
from equipoise.analysis.allocation.supplying import TRIALS, Watched, watch_policies
from equipoise.analysis.allocation.walking import Setting, estimate_operating
from equipoise.analysis.texts import word
from equipoise.problems import Problem, Text, Where, problem
from equipoise.randomization import (
    SITE,
    Specification,
    Walk,
    levels_of,
    specify,
    split_levels,
    stand_in_for,
    strata_of,
    walk_of,
)
from equipoise.randomization.schemes import complete
from equipoise.study.protocol import CodeBreakBound, RandomizationPlan
from equipoise.study.study import Study

SEQUENCES, N_LEAST = 20_000, 400
"""Trials simulated of each design; of each policy of resupply no fewer than the second."""


N_BROKEN = 3
"""So many code-breaks are looked at where the study folder names no number."""


class Row(Struct, frozen=True):
    """A design and what it does; `disclosed` is empty where it cannot be computed."""

    name: Text
    is_own: bool
    does: Operating
    disclosed: tuple[Disclosed, ...] = ()


class Comparison(Struct, frozen=True, kw_only=True):
    """The designs side by side, the study's own first, and what they were simulated with.

    `bound` is what code-breaks may tell, if the study folder says; `supply` are the policies of
    resupply, the study's own first, none where every infusion holds the same, each told in
    `n_trials` after as many to learn from.
    """

    study: str
    digest: str
    setting: Setting
    levels: tuple[int, ...]
    n_sequences: int
    seed: int
    rows: tuple[Row, ...]
    bound: CodeBreakBound | None = None
    supply: tuple[Watched, ...] = ()
    n_trials: int = 0


def compare_designs(
    study: Study, plan: RandomizationPlan, *, seed: int, n_sequences: int = SEQUENCES
) -> Comparison:
    """Simulate a study's own scheme and its alternatives; the same seed gives the same numbers."""
    told = specify(study.identity, plan)
    n = study.identity.planned_participants
    sites = study.identity.sites
    levels = tuple(max(len(levels_of(plan, factor, sites)), 1) for factor in plan.stratify)
    setting = Setting(
        ratio=told.ratio, n=n, n_strata=math.prod(levels), shares=_shares(study, plan)
    )
    own = own_design(told)
    n_trials = max(N_LEAST, TRIALS * n_sequences // SEQUENCES) // 2
    names = {own.name} if own else set()
    found = [*alternatives(told.ratio, n), *([minimized()] if plan.stratify else [])]
    others = [d for d in found if d.name not in names]
    most = plan.after_breaks.breaks if plan.after_breaks else N_BROKEN
    n_broken = range(min(most + 1, n, MOST))
    rows = []
    for design in [*([own] if own else []), *others]:
        draws = _Draws(n_sequences, _generator(seed, design))
        does = _estimate(design, setting, levels=levels or (1,), draws=draws)
        disclosed = _disclose(design, setting, n_broken=n_broken, seed=seed)
        rows.append(Row(design.name, design.is_own, does, disclosed))
    return Comparison(
        study=study.identity.study,
        digest=study.digest,
        setting=setting,
        levels=levels,
        n_sequences=n_sequences,
        seed=seed,
        rows=tuple(rows),
        bound=plan.after_breaks,
        supply=watch_policies(study, _drawn_from(told), setting, seed=seed, n_trials=2 * n_trials),
        n_trials=n_trials,
    )


def check_bound(compared: Comparison) -> tuple[Problem, ...]:
    """The study's own scheme keeps to the bound that its folder names for code-breaks."""
    if compared.bound is None:
        return ()
    bound, where = compared.bound, Where("study.yaml")
    disclosed = [d for row in compared.rows if row.is_own for d in row.disclosed]
    if not disclosed:
        return (problem("EQ-R011", where),)
    last = disclosed[-1]
    held = {
        "broken_guessed": (last.guessed.estimate, bound.guessed),
        "broken_certain": (last.certain.estimate, bound.certain),
    }
    return tuple(
        problem(
            "EQ-R010",
            where,
            n=last.n_broken,
            what=word(key),
            found=f"{100 * found:.1f} %",
            allowed=f"{100 * allowed:.1f} %",
        )
        for key, (found, allowed) in held.items()
        if found > allowed
    )


def _shares(study: Study, plan: RandomizationPlan) -> tuple[float, ...]:
    """The strata's rates as the scenario has those of the sites; other levels are alike."""
    rates = study.scenario.accrual_per_month
    sites = study.identity.sites
    if SITE not in plan.stratify or not any(rates.get(site) for site in sites):
        return ()
    place = plan.stratify.index(SITE)
    levels = [split_levels(stratum)[place] for stratum in strata_of(plan, sites)]
    return tuple(rates.get(site, 0.0) for site in levels)


def _disclose(
    design: Design, setting: Setting, *, n_broken: range, seed: int
) -> tuple[Disclosed, ...]:
    if design.walk is None:
        return ()
    randomness = _generator(seed, design)
    return estimate_disclosed(design.walk, setting, n_broken=n_broken, randomness=randomness)


def _drawn_from(told: Specification) -> Walk:
    """What shipments are simulated along: one block where the list is made elsewhere; by the ratio
    where there is none."""
    if told.scheme == "minimization":
        return complete(told.ratio)
    return walk_of(stand_in_for(told))


class _Draws(NamedTuple):
    n_sequences: int
    randomness: np.random.Generator


def _estimate(
    design: Design, setting: Setting, *, levels: tuple[int, ...], draws: _Draws
) -> Operating:
    if design.walk is not None:
        return estimate_operating(design.walk, setting, **draws._asdict())
    assert design.probability is not None
    chance = float(design.probability)
    return estimate_minimization(chance, setting, levels=levels, **draws._asdict())


def _generator(seed: int, design: Design) -> np.random.Generator:
    """A generator for each design, so that one more does not shift the others."""
    digest = hashlib.sha256(f"{seed}\x1f{design.name.en}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))

"""A study's own scheme beside the alternatives, in the study's own numbers."""

import hashlib
from typing import NamedTuple

import numpy as np
from msgspec import Struct

from equipoise.analysis.allocation.designs import Design, alternatives, own_design
from equipoise.analysis.allocation.measuring import Operating
from equipoise.analysis.allocation.minimizing import estimate_minimization
from equipoise.analysis.allocation.walking import Setting, estimate_operating
from equipoise.problems import Text
from equipoise.randomization import SITE, levels_of, specify, split_levels, strata_of
from equipoise.study.protocol import RandomizationPlan
from equipoise.study.study import Study

SEQUENCES = 20_000


class Row(Struct, frozen=True):
    """A design and what it does."""

    name: Text
    is_own: bool
    does: Operating


class Comparison(Struct, frozen=True, kw_only=True):
    """The designs side by side, the study's own first, and what they were simulated with."""

    study: str
    digest: str
    setting: Setting
    levels: tuple[int, ...]
    n_sequences: int
    seed: int
    rows: tuple[Row, ...]


def compare_designs(
    study: Study, plan: RandomizationPlan, *, seed: int, n_sequences: int = SEQUENCES
) -> Comparison:
    """Simulate a study's own scheme and its alternatives; the same seed gives the same numbers."""
    told = specify(study.identity, plan)
    n = study.identity.planned_participants
    setting = Setting(
        ratio=told.ratio, n=n, n_strata=max(len(told.strata), 1), shares=_shares(study, plan)
    )
    sites = study.identity.sites
    levels = tuple(max(len(levels_of(plan, factor, sites)), 1) for factor in plan.stratify)
    own = own_design(told)
    names = {own.name} if own else set()
    others = [d for d in alternatives(told.ratio, n) if d.name not in names]
    rows = []
    for design in [*([own] if own else []), *others]:
        draws = _Draws(n_sequences, _generator(seed, design))
        does = _estimate(design, setting, levels=levels or (1,), draws=draws)
        rows.append(Row(design.name, design.is_own, does))
    return Comparison(
        study=study.identity.study,
        digest=study.digest,
        setting=setting,
        levels=levels,
        n_sequences=n_sequences,
        seed=seed,
        rows=tuple(rows),
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

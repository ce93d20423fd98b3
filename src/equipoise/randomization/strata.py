"""Strata: one for each combination of the levels of the factors."""

from collections.abc import Iterable
from itertools import product

from equipoise.randomization.specification import UNSTRATIFIED
from equipoise.study.protocol import RandomizationPlan

SITE = "site"
"""The factor that every study has."""
_JOINT = "/"


def strata_of(plan: RandomizationPlan, sites: Iterable[str]) -> tuple[str, ...]:
    """The name of every stratum of a plan, `01/severe`; the one name of a plan without factors."""
    levels = [levels_of(plan, factor, sites) for factor in plan.stratify]
    return tuple(join_levels(chosen) for chosen in product(*levels))


def levels_of(plan: RandomizationPlan, factor: str, sites: Iterable[str]) -> tuple[str, ...]:
    """The levels of a factor, in the order of the study folder."""
    return tuple(sites) if factor == SITE else tuple(plan.factors[factor].levels)


def join_levels(levels: Iterable[str]) -> str:
    """The name of the stratum with these levels, one a factor."""
    return _JOINT.join(levels) or UNSTRATIFIED


def split_levels(stratum: str) -> tuple[str, ...]:
    """The levels that a stratum's name is made of."""
    return tuple(stratum.split(_JOINT))

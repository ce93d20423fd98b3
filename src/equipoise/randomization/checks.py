"""What can be wrong with a plan to randomise, before anything is drawn."""

import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from equipoise.problems import Problem, Where, problem
from equipoise.randomization.permuted_blocks import block_sizes
from equipoise.randomization.planning import settings_of
from equipoise.randomization.specification import SchemeName, Specification
from equipoise.study.protocol import RandomizationPlan

_Locate = Callable[[str], Where | str]
_NEEDS: dict[SchemeName, tuple[str, ...]] = {
    "permuted_blocks": ("blocks",),
    "complete": (),
    "random_allocation_rule": (),
    "big_stick": ("tolerance",),
    "block_urn": ("lambda",),
    "biased_coin": ("probability",),
    "minimization": ("probability", "floor"),
    "imported": ("digest",),
}
"""The settings that each scheme needs; no other is given with it."""
_MAY_HAVE = {("block_order", "permuted_blocks"), ("leaves_out", "minimization")}
_DIGEST = re.compile(r"[0-9a-f]{64}")


def check_randomization(
    plan: RandomizationPlan, arms: Sequence[str], *, planned: int, locate: _Locate
) -> tuple[Problem, ...]:
    """Everything wrong with a study's plan; `locate("ratio")` gives the place of a key of it."""
    settings = settings_of(plan, tuple(arms), planned=planned)
    found = [*_check(settings, locate)]
    if plan.scheme == "random_allocation_rule" and plan.stratify:
        found.append(problem("EQ-V113", locate("stratify"), planned=planned))
    if plan.after_breaks and plan.after_breaks.breaks >= planned:
        told = {"breaks": plan.after_breaks.breaks, "planned": planned}
        found.append(problem("EQ-R012", locate("after_breaks"), **told))
    return tuple(found)


def check_specification(specification: Specification) -> tuple[Problem, ...]:
    """Everything wrong with a specification, on its way into the vault."""
    found = [*_check(specification, lambda key: f"{specification.study} / {key}")]
    strata = specification.strata
    if not strata or len(set(strata)) != len(strata):
        where = f"{specification.study} / strata"
        found.append(problem("EQ-V106", where, strata=", ".join(strata)))
    return tuple(found)


def _check(told: Specification, locate: _Locate) -> Iterator[Problem]:
    arms, ratio = told.arms, told.ratio
    if len(ratio) != len(arms) or min(ratio, default=0) < 1:
        yield problem("EQ-V101", locate("ratio"), n_ratio=len(ratio), n_arms=len(arms))
    if len(set(arms)) != len(arms) or len(arms) < 2:
        yield problem("EQ-V105", locate("ratio"), arms=", ".join(arms))
    if told.scheme == "permuted_blocks":
        yield from _check_blocks(told, locate)
    elif told.n_planned < 1:
        yield problem("EQ-V103", locate("ratio"), planned=told.n_planned)
    yield from _check_settings(told, locate)


def _check_blocks(told: Specification, locate: _Locate) -> Iterator[Problem]:
    blocks, planned, unit = told.blocks, told.n_planned, sum(told.ratio)
    bad = [size for size in blocks if size < 1 or unit < 1 or size % unit]
    yield from (problem("EQ-V102", locate("blocks"), size=size, unit=unit) for size in bad)
    if not blocks or planned < 1:
        yield problem("EQ-V103", locate("blocks"), planned=planned)
    elif told.block_order == "random":
        if len(set(blocks)) < 2:
            yield problem("EQ-V117", locate("block_order"))
    elif not bad and (listed := sum(block_sizes(blocks, planned))) != planned:
        yield problem("EQ-V104", locate("blocks"), listed=listed, planned=planned)


def _check_settings(told: Specification, locate: _Locate) -> Iterator[Problem]:
    given = {
        "blocks": bool(told.blocks),
        "block_order": told.block_order != "in_turn",
        "tolerance": bool(told.tolerance),
        "lambda": bool(told.lambda_),
        "probability": bool(told.probability),
        "floor": bool(told.floor),
        "digest": bool(told.digest),
        "leaves_out": bool(told.leaves_out),
    }
    needed = _NEEDS[told.scheme]
    for key, is_given in given.items():
        if key in needed and not is_given and key != "blocks":
            yield problem("EQ-V110", locate(key), scheme=told.scheme, key=key)
        has_place = key in needed or (key, told.scheme) in _MAY_HAVE
        if is_given and not has_place:
            yield problem("EQ-V111", locate(key), scheme=told.scheme, key=key)
    if all(given[key] for key in needed):
        yield from _check_values(told, locate)


def _check_values(told: Specification, locate: _Locate) -> Iterator[Problem]:
    n_places = sum(told.ratio)
    match told.scheme:
        case "biased_coin":
            yield from _check_chance(told, Fraction(1, 2), locate)
        case "minimization" if n_places > 1:
            # So many may tie as the best that all but one share it: each keeps more than the worst.
            yield from _check_chance(told, Fraction(n_places - 1, n_places), locate)
            least = (1 - Fraction(told.probability)) / (n_places - 1) * min(told.ratio)
            if least < Fraction(told.floor):
                numbers = {"floor": told.floor, "least": f"{float(least):.3g}"}
                yield problem("EQ-V114", locate("floor"), **numbers)
        case "block_urn" if len(set(told.ratio)) > 1:
            yield problem("EQ-V115", locate("ratio"))
        case "imported" if not _DIGEST.fullmatch(told.digest):
            yield problem("EQ-V116", locate("digest"))


def _check_chance(told: Specification, above: Fraction, locate: _Locate) -> Iterator[Problem]:
    if not above < Fraction(told.probability) < 1:
        low = f"{float(above):.3g}"
        yield problem("EQ-V112", locate("probability"), value=told.probability, low=low)

"""What can be wrong with a plan to randomise, before anything is drawn."""

from collections.abc import Callable, Sequence

from equipoise.problems import Problem, Where, problem
from equipoise.randomization.permuted_blocks import Specification, block_sizes
from equipoise.study.protocol import RandomizationPlan


def check_randomization(
    plan: RandomizationPlan,
    arms: Sequence[str],
    *,
    planned: int,
    locate: Callable[[str], Where | str],
) -> tuple[Problem, ...]:
    """Everything wrong with a study's plan; `locate("ratio")` gives the place of a key of it."""
    return _check(plan.ratio, plan.blocks, arms=tuple(arms), planned=planned, locate=locate)


def check_specification(specification: Specification) -> tuple[Problem, ...]:
    """Everything wrong with a specification, on its way into the vault."""
    found = _check(
        specification.ratio,
        specification.blocks,
        arms=specification.arms,
        planned=specification.n_planned,
        locate=lambda key: f"{specification.study} / {key}",
    )
    strata = specification.strata
    if not strata or len(set(strata)) != len(strata):
        where = f"{specification.study} / strata"
        found = (*found, problem("EQ-V106", where, strata=", ".join(strata)))
    return found


def _check(
    ratio: tuple[int, ...],
    blocks: tuple[int, ...],
    *,
    arms: tuple[str, ...],
    planned: int,
    locate: Callable[[str], Where | str],
) -> tuple[Problem, ...]:
    found = []
    if len(ratio) != len(arms) or min(ratio, default=0) < 1:
        found.append(problem("EQ-V101", locate("ratio"), n_ratio=len(ratio), n_arms=len(arms)))
    if len(set(arms)) != len(arms) or len(arms) < 2:
        found.append(problem("EQ-V105", locate("ratio"), arms=", ".join(arms)))
    unit = sum(ratio)
    bad = [size for size in blocks if size < 1 or unit < 1 or size % unit]
    found += [problem("EQ-V102", locate("blocks"), size=size, unit=unit) for size in bad]
    if not blocks or planned < 1:
        found.append(problem("EQ-V103", locate("blocks"), planned=planned))
    elif not bad and (listed := sum(block_sizes(blocks, planned))) != planned:
        found.append(problem("EQ-V104", locate("blocks"), listed=listed, planned=planned))
    return tuple(found)

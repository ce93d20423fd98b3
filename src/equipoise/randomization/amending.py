"""A specification that is changed while people are randomized: what may change, what begins anew.

What was given stays. A stratum that is drawn as before goes on, entry for entry; any other begins
anew, from a seed of its own. Minimization has no list to go on with: all of it begins anew, and its
next draw counts everybody who came before.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from equipoise.problems import Problem, problem
from equipoise.randomization.checks import check_specification
from equipoise.randomization.minimization import Draw, arm_of
from equipoise.randomization.specification import Specification
from equipoise.randomization.strata import split_levels

NOWHERE = -1
"""The place of somebody whom a draw does not count."""


def check_amended(before: Specification, after: Specification) -> Iterator[Problem]:
    """Why a specification cannot take the place of another; both name every stratum in force."""
    yield from check_specification(after)
    if after.study != before.study:
        yield problem("EQ-V170", after.study, study=before.study)
    if after.scheme != before.scheme:
        yield problem("EQ-V171", after.study, before=before.scheme, after=after.scheme)
    added = [arm for arm in after.arms if arm not in before.arms]
    if added:
        yield problem("EQ-V172", after.study, arms=", ".join(added))
    if _n_factors(before) != _n_factors(after):
        yield problem("EQ-V173", after.study)


def find_anew(before: Specification, after: Specification) -> tuple[str, ...]:
    """The strata that begin anew; the others go on as if nothing had changed."""
    is_whole = after.scheme in ("minimization", "imported") or _drawn(before) != _drawn(after)
    return tuple(s for s in after.strata if is_whole or s not in before.strata)


def carry_over(told: Specification, earlier: Iterable[tuple[Specification, Draw]]) -> list[Draw]:
    """Who came before, as minimization by `told` counts them.

    With the same arms and ratio each keeps their place. Otherwise those of an arm take its places
    in turn, in the order in which they came, and those of an arm that is closed count nowhere.
    """
    places: dict[str, list[int]] = {}
    for place in range(sum(told.ratio)):
        places.setdefault(arm_of(told, place), []).append(place)
    turns: Counter[str] = Counter()
    carried = []
    for drawn_by, draw in earlier:
        if (drawn_by.arms, drawn_by.ratio) == (told.arms, told.ratio):
            carried.append(draw)
            continue
        arm = arm_of(drawn_by, draw.place)
        own = places.get(arm)
        place = own[turns[arm] % len(own)] if own else NOWHERE
        turns[arm] += 1
        carried.append(replace(draw, place=place))
    return carried


def _drawn(told: Specification) -> tuple[object, ...]:
    """What an entry is drawn by, whatever the order in which the arms are named."""
    shares = sorted(zip(told.arms, told.ratio, strict=False))
    return shares, replace(told, arms=(), ratio=(), strata=(), n_planned=0)


def _n_factors(told: Specification) -> set[int]:
    return {len(split_levels(stratum)) for stratum in told.strata}

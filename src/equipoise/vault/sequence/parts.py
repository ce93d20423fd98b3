"""The parts of a sequence: the first, and one more for each amendment of the trial.

The numbers of a part bear its own, `R-001` in the first and `R2-001` in the second, so no two parts
ever have one in common. A stratum is served by the last part in which it began anew.
"""

import re
from collections.abc import Sequence

from msgspec.structs import replace

from equipoise.randomization import Specification
from equipoise.vault.sealing import Header

_NUMBER = re.compile(r"R([2-9]|[1-9][0-9]{1,3})?-[0-9]+")


def number_of(specification: Specification, place: int, *, n_listed: int, part: int = 1) -> str:
    """The randomization number at a place of a part, from 1; it says nothing of the arm."""
    width = max(3, len(str(n_listed or specification.n_planned)))
    return f"R{part if part > 1 else ''}-{place:0{width}}"


def part_of(number: str) -> int:
    """The part that a number belongs to, from 1; 0 for what is no number."""
    found = _NUMBER.fullmatch(number)
    return int(found[1] or 1) if found else 0


def in_force(parts: Sequence[Header]) -> Specification:
    """The specification of the trial after its last amendment, with every stratum."""
    last = parts[-1]
    if last.amendment is None:
        return last.specification
    return replace(last.specification, strata=last.amendment.strata)


def serving(parts: Sequence[Header], stratum: str) -> int:
    """The part, from 1, from which the next participant of a stratum gets a number; 0 if none."""
    if stratum not in in_force(parts).strata:
        return 0
    known = (k for k, part in enumerate(parts, start=1) if stratum in part.specification.strata)
    return max(known, default=0)


def in_force_after(parts: Sequence[Header], n_given: int) -> Sequence[Header]:
    """The parts that there were when so many numbers had been given."""
    late = (k for k, p in enumerate(parts) if p.amendment and p.amendment.n_given > n_given)
    return parts[: next(late, len(parts))]

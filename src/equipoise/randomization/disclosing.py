"""What an answer about one infusion tells beside itself, from the public table of contents.

Where two arms share an infusion, knowing it tells little; where they do not, it may tell the arm,
and with it what every other infusion holds. Who asks is told so before the answer, not after.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from msgspec import Struct

Contents = Mapping[str, Mapping[str, str]]
"""By arm and encounter, the product."""


class Told(Struct, frozen=True, kw_only=True):
    """What one possible answer tells: the arm (always, or with what was asked before), and at
    which other encounters the product is then known."""

    answer: str
    arm: Literal["always", "sometimes", "never"]
    encounters: tuple[str, ...]


def find_told(contents: Contents, encounter: str, *, asked: Collection[str] = ()) -> list[Told]:
    """For each product that the infusion may hold, what else its answer tells.

    `asked` are the encounters asked about before: their answers are known to who asks, not here.
    """
    before = [e for e in encounters_of(contents) if e in asked and e != encounter]
    answers = dict.fromkeys(given.get(encounter, "") for given in contents.values())
    return [
        _tell(
            contents,
            answer,
            [e for e in encounters_of(contents) if e not in {encounter, *before}],
            groups=_groups(contents, answer, encounter, before),
        )
        for answer in answers
    ]


def encounters_of(contents: Contents) -> tuple[str, ...]:
    """Every encounter at which some arm receives something, in the order of the table."""
    return tuple(dict.fromkeys(e for given in contents.values() for e in given))


def _groups(
    contents: Contents, answer: str, encounter: str, before: Iterable[str]
) -> list[list[str]]:
    """The arms that fit the answer, apart by what was answered before."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for arm, given in contents.items():
        if given.get(encounter, "") == answer:
            groups.setdefault(tuple(given.get(e, "") for e in before), []).append(arm)
    return list(groups.values())


def _tell(
    contents: Contents, answer: str, others: Collection[str], *, groups: list[list[str]]
) -> Told:
    n_single = sum(len(group) == 1 for group in groups)
    known = tuple(
        e for e in others if any(len({contents[a].get(e, "") for a in g}) == 1 for g in groups)
    )
    arm: Literal["always", "sometimes", "never"] = "sometimes" if n_single else "never"
    return Told(answer=answer, arm="always" if n_single == len(groups) else arm, encounters=known)

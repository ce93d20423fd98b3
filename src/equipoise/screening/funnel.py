"""How many people each criterion keeps, loses, or cannot tell about."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, to_builtins


class CriterionCount(Struct, frozen=True):
    """People by their answer to one criterion; whom it does not concern satisfies it."""

    id: str
    met: int
    not_met: int
    unknown: int


class Step(Struct, frozen=True):
    """One criterion applied after those before it: who fails here, and of the others how many are
    still undecided and how many have passed everything so far."""

    id: str
    failed: int
    unknown: int
    passed: int


class Funnel(Struct, frozen=True):
    """All people by verdict, and by each criterion in the order of the record.

    `people` is the sum of the four verdicts; `potential` waits for judgements alone. `criteria`
    has each criterion alone, `steps` one after the other. `implausible` counts the cells that were
    not believed, by value.
    """

    people: int
    eligible: int
    not_eligible: int
    undecided: int
    potential: int
    criteria: tuple[CriterionCount, ...]
    steps: tuple[Step, ...] = ()
    implausible: Mapping[str, int] = {}

    def to_answer(self) -> dict[str, object]:
        """The keys of `equipoise screen --json`."""
        answer: dict[str, Any] = to_builtins(self)
        answer["funnel"] = answer.pop("steps")
        return answer


def make_funnel(criteria: Sequence[tuple[str, bool]], counts: Mapping[str, int]) -> Funnel:
    """The funnel from the counts of one pass over the people, whichever engine made it.

    `criteria` are ids and whether each is an inclusion. For each id `counts` has `met ID` and
    `unknown ID`, `passed ID` and `open ID`; further `people`, `eligible`, `open` (undecided or
    potential), `potential`, and `implausible NAME`.
    """
    people = counts["people"]
    steps: list[Step] = []
    before = people
    for name, _ in criteria:
        passed, n_open = counts[f"passed {name}"], counts[f"open {name}"]
        steps.append(Step(name, before - passed - n_open, n_open, passed))
        before = passed + n_open
    return Funnel(
        people=people,
        eligible=counts["eligible"],
        not_eligible=people - counts["eligible"] - counts["open"],
        undecided=counts["open"] - counts["potential"],
        potential=counts["potential"],
        criteria=tuple(_count(name, people, counts) for name, _ in criteria),
        steps=tuple(steps),
        implausible={
            key.partition(" ")[2]: n
            for key, n in counts.items()
            if key.startswith("implausible ") and n
        },
    )


def _count(name: str, people: int, counts: Mapping[str, int]) -> CriterionCount:
    met, unknown = counts[f"met {name}"], counts[f"unknown {name}"]
    return CriterionCount(name, met, people - met - unknown, unknown)

"""How many people each criterion keeps, loses, or cannot tell about."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, to_builtins

from equipoise.language.values import ReasonKind


class CriterionCount(Struct, frozen=True, omit_defaults=True):
    """People by their answer to one criterion; whom it does not concern satisfies it.

    `reasons` counts the unknown by each kind of reason, where that was asked for; a person may
    have several.
    """

    id: str
    met: int | None
    not_met: int | None
    unknown: int | None
    reasons: Mapping[ReasonKind, int | None] = {}

    def suppressed(self, least: int) -> "CriterionCount":
        """Without small counts, and without those from which a small one could be had."""
        met, not_met, unknown = hide((self.met, self.not_met, self.unknown), least)
        reasons = (
            self.reasons if self._tells_no_few(unknown, least) else dict.fromkeys(self.reasons)
        )
        return CriterionCount(self.id, met, not_met, unknown, reasons)

    def _tells_no_few(self, unknown: int | None, least: int) -> bool:
        """Who has a reason and who has it not are groups, too: a small one hides all reasons."""
        if unknown is None:
            return False
        groups = [g for n in self.reasons.values() if n is not None for g in (n, unknown - n)]
        return all(_shown(n, least) is not None for n in groups)


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
    not believed, by value. Counts below `least_shown`, 0 excepted, are None.
    """

    people: int
    eligible: int | None
    not_eligible: int | None
    undecided: int | None
    potential: int | None
    criteria: tuple[CriterionCount, ...]
    steps: tuple[Step, ...] = ()
    implausible: Mapping[str, int | None] = {}
    least_shown: int = 0

    def to_answer(self) -> dict[str, object]:
        """The keys of `equipoise screen --json`."""
        answer: dict[str, Any] = to_builtins(self)
        answer["funnel"] = answer.pop("steps")
        answer["suppressed"] = answer.pop("least_shown")
        return answer

    def suppressed(self, least: int) -> "Funnel":
        """The funnel for people who must not learn of a group of fewer than `least`.

        A small count is hidden, and with it the next smallest of the counts that make a whole
        together, so that it is not the difference of what is shown. Steps are differences of one
        another: if one has a small count, none is shown.
        """
        is_small = any(_shown(n, least) is None for s in self.steps for n in _numbers(s))
        verdicts = ("eligible", "not_eligible", "undecided", "potential")
        counts = dict(zip(verdicts, hide([getattr(self, v) for v in verdicts], least), strict=True))
        return msgspec.structs.replace(
            self,
            **counts,
            criteria=tuple(c.suppressed(least) for c in self.criteria),
            steps=() if is_small else self.steps,
            implausible={n: _shown(v, least) for n, v in self.implausible.items()},
            least_shown=least,
        )


def hide(counts: Sequence[int | None], least: int) -> list[int | None]:
    """Parts of one whole, of which no small one can be had by subtraction."""
    shown = [_shown(n, least) for n in counts]
    if shown.count(None) == 1:
        others = [n for n in shown if n]
        if others:
            shown[shown.index(min(others))] = None
    return shown


def _numbers(step: Step) -> tuple[int, int, int]:
    return step.failed, step.unknown, step.passed


def _shown(count: int | None, least: int) -> int | None:
    return None if count is not None and 0 < count < least else count


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

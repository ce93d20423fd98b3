"""How many people each criterion keeps, loses, or cannot tell about."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct, to_builtins

from equipoise.eligibility import CriterionVerdict, Verdict


class CriterionCount(Struct, frozen=True):
    """People by their answer to one criterion; whom it does not concern satisfies it."""

    id: str
    met: int
    not_met: int
    unknown: int


class Funnel(Struct, frozen=True):
    """All people by verdict, and by each criterion in the order of the record.

    `people` is the sum of the four verdicts; `potential` waits for judgements alone.
    """

    people: int
    eligible: int
    not_eligible: int
    undecided: int
    potential: int
    criteria: tuple[CriterionCount, ...]

    def to_answer(self) -> dict[str, object]:
        """The keys of `equipoise screen --json`."""
        answer: dict[str, object] = to_builtins(self)
        return answer


def count_verdicts(criteria: Iterable[str], verdicts: Iterable[Verdict]) -> Funnel:
    """The funnel of many verdicts, which are not kept."""
    statuses: Counter[str] = Counter()
    answers: Counter[tuple[str, str]] = Counter()
    for verdict in verdicts:
        statuses[verdict.status] += 1
        answers.update((c.id, _answer(c)) for c in verdict.criteria)
    return Funnel(
        people=statuses.total(),
        eligible=statuses["eligible"],
        not_eligible=statuses["not_eligible"],
        undecided=statuses["undecided"],
        potential=statuses["potential"],
        criteria=tuple(
            CriterionCount(c, *(answers[c, a] for a in ("met", "not_met", "unknown")))
            for c in criteria
        ),
    )


def _answer(criterion: CriterionVerdict) -> str:
    if criterion.status == "not_applicable":
        return "met" if criterion.kind == "inclusion" else "not_met"
    return criterion.status

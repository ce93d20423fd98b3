"""Departures from the protocol, as ICH E3 16.2.2 lists them; always for all arms together."""

from collections import Counter
from collections.abc import Iterable, Mapping

from msgspec import Struct

from equipoise.conduct.parts import DeviationKind
from equipoise.conduct.state import Deviation, Participant, TrialState
from equipoise.problems import Text, natural_order

KIND_NAMES: Mapping[DeviationKind, Text] = {
    "eligibility_override": Text("Eligibility: exception", "Éligibilité : dérogation"),
    "eligibility_found_later": Text(
        "Eligibility: found later", "Éligibilité : constatée après coup"
    ),
    "randomized_in_error": Text("Randomized in error", "Randomisé par erreur"),
    "consent": Text("Consent", "Consentement"),
    "treatment": Text("Treatment", "Traitement"),
    "procedure": Text("Procedure or visit", "Procédure ou visite"),
    "safety_reporting": Text("Safety reporting", "Déclaration de vigilance"),
    "other": Text("Other", "Autre"),
}
"""The kinds of deviation in words."""


class DeviationLine(Struct, frozen=True):
    """One deviation and whose it is."""

    participant: str
    site: str
    number: str
    deviation: Deviation


def list_deviations(state: TrialState) -> tuple[DeviationLine, ...]:
    """Every deviation on record, by participant and then in the order of recording."""
    return lines_of(state.participants.values())


def lines_of(people: Iterable[Participant]) -> tuple[DeviationLine, ...]:
    """The deviations of some participants."""
    return tuple(
        DeviationLine(p.code, p.site, p.number, d)
        for p in sorted(people, key=lambda p: natural_order(p.code))
        for d in p.deviations
    )


def count_deviations(lines: Iterable[DeviationLine]) -> dict[DeviationKind, tuple[int, int]]:
    """For each kind that occurs, the commonest first: how many, and in how many participants."""
    found = list(lines)
    counts = Counter(x.deviation.kind for x in found)
    return {
        kind: (n, len({x.participant for x in found if x.deviation.kind == kind}))
        for kind, n in counts.most_common()
    }

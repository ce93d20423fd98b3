"""Who is analyzed together: each population of the study folder, with its members."""

from collections.abc import Mapping

from msgspec import Struct

from equipoise.analysis.groups import Arms, Basis, form_groups
from equipoise.conduct.facts import assess_populations, list_participants
from equipoise.conduct.state import TrialState
from equipoise.language import Known, Reason, Unknown, Value
from equipoise.problems import Text
from equipoise.study.protocol import AnalysisPopulation
from equipoise.study.study import Study


class PopulationCount(Struct, frozen=True):
    """A population, its members, and who may belong to it, each with the reasons.

    `sizes` are the members of each group of the randomized; `n` are all members, whether or not
    they were randomized.
    """

    name: str
    population: AnalysisPopulation
    members: tuple[str, ...]
    unclear: tuple[tuple[str, tuple[Reason, ...]], ...]
    sizes: tuple[int, ...]

    @property
    def n(self) -> int:
        """How many belong to it."""
        return len(self.members)


class PopulationTable(Struct, frozen=True):
    """The populations of a study, counted in the groups of a report."""

    basis: Basis
    labels: tuple[Text, ...]
    rows: tuple[PopulationCount, ...]


def assess_everybody(study: Study, state: TrialState) -> Mapping[str, Mapping[str, Value]]:
    """By participant and by population: true, false, or why it cannot be told."""
    return {p.code: assess_populations(study, p) for p in list_participants(state)}


def tabulate_populations(study: Study, state: TrialState, *, arms: Arms = None) -> PopulationTable:
    """Assess everybody for every population; the arms only sort those who were found."""
    basis, groups = form_groups(study, state, arms)
    found = assess_everybody(study, state)
    rows = []
    for name, population in study.analysis.populations.items():
        members = tuple(code for code, held in found.items() if held[name] == Known(True))
        unclear = tuple(
            (code, verdict.reasons)
            for code, held in found.items()
            if isinstance(verdict := held[name], Unknown)
        )
        sizes = tuple(sum(p.code in members for p in g.members) for g in groups)
        rows.append(PopulationCount(name, population, members, unclear, sizes))
    return PopulationTable(basis, tuple(g.label for g in groups), tuple(rows))

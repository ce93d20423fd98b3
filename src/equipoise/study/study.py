"""The whole study: every file of the folder, read into one immutable value."""

from collections.abc import Mapping

from equipoise.study.criteria import Criterion, Eligibility
from equipoise.study.forms import Form
from equipoise.study.protocol import (
    AnalysisPlan,
    Assumption,
    Decision,
    Identifier,
    Identity,
    Piece,
    SafetyPlan,
    Schedule,
    Treatments,
)
from equipoise.study.scenario import Scenario


class Study(Piece, frozen=True, kw_only=True):
    """A study folder in memory. `digest` names this exact text of it (SHA-256 over its files)."""

    identity: Identity
    decisions: tuple[Decision, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    eligibility: Eligibility = Eligibility()
    schedule: Schedule = Schedule()
    treatments: Treatments = Treatments()
    safety: SafetyPlan | None = None
    analysis: AnalysisPlan = AnalysisPlan()
    scenario: Scenario = Scenario()
    forms: Mapping[Identifier, Form] = {}
    digest: str = ""

    @property
    def criteria(self) -> tuple[tuple[str, Criterion], ...]:
        """Every criterion with its id, `I4` or `E11`: the list's letter and the record's number."""
        inclusion = ((f"I{c.number}", c) for c in self.eligibility.inclusion)
        exclusion = ((f"E{c.number}", c) for c in self.eligibility.exclusion)
        return (*inclusion, *exclusion)

    @property
    def infusion_encounters(self) -> tuple[str, ...]:
        """The encounters at which some arm is given something, in the order of the schedule."""
        given = {e for arm in self.identity.arms.values() for e in arm.gives}
        return tuple(e for e in self.schedule.encounters if e in given)

    def forms_at(self, encounter: str) -> tuple[Form, ...]:
        """The forms due at an encounter, in the order of the folder."""
        return tuple(form for form in self.forms.values() if encounter in form.at)

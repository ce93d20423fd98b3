"""The trial at a glance, always for all arms together."""

from collections import Counter

from django.http import HttpResponse
from msgspec import Struct

from equipoise.analysis.figures import plot_accrual, plot_flow
from equipoise.analysis.flow import count_flow
from equipoise.conduct import Participant, assess_participant, list_unblindings
from equipoise.conduct.parts import Infusion
from equipoise.conduct.state import Unblinding
from equipoise.study.roles import Role
from equipoise.web.outlook import Stop, plan_stops
from equipoise.web.pages import BLINDED, Visit, page
from equipoise.web.texts import language
from equipoise.web.views.agreeing.overrides import is_waiting
from equipoise.web.views.staff.confirming import may_confirm
from equipoise.web.views.staff.delegations import READERS
from equipoise.web.views.staff.review import find_barred, find_due
from equipoise.web.views.trail.reviewing import find_overdue

CLINICAL = BLINDED - {Role.ADMINISTRATOR, Role.DSMB}
"""Who may see what is due for single participants."""
UNBLINDING_READERS = BLINDED - {Role.ADMINISTRATOR, Role.OUTCOME_ASSESSOR}
"""Who is told that a code was broken."""


PLACE_READERS = CLINICAL - {Role.OUTCOME_ASSESSOR, Role.AUDITOR}
"""Who has to act when the planned places come to their end."""
FEWEST, TENTH = 2, 10
"""The last places are told of when there are two left, or a tenth of those planned."""


class Places(Struct, frozen=True):
    """Planned places over all arms, sites and strata together: nothing else may be told."""

    planned: int
    n_taken: int
    n_screening: int

    @property
    def left(self) -> int:
        """How many people may still be randomized."""
        return max(0, self.planned - self.n_taken)

    @property
    def is_near_end(self) -> bool:
        """Few places are left, or fewer than people wait for one."""
        return self.left <= max(FEWEST, self.planned // TENTH) or self.left < self.n_screening


class Due(Struct, frozen=True):
    """Something that waits for a participant."""

    participant: Participant
    stop: Stop | None = None
    infusion: Infusion | None = None
    n_unknown: int = 0


@page(roles=BLINDED)
def dashboard(visit: Visit) -> HttpResponse:
    """Accrual, flow, what is due."""
    study, state = visit.study, visit.state
    people = visit.participants() if visit.person.role in CLINICAL else []
    counts = Counter(p.status for p in state.participants.values())
    return visit.show(
        "dashboard.html",
        counts=counts,
        n_screened=len(state.participants),
        n_randomized=len(state.randomized),
        accrual=plot_accrual(study, state, today=visit.today, language=language()),
        flow=plot_flow(count_flow(study, state), language=language()),
        encounters=_due_encounters(visit, people),
        infusions=_waiting_infusions(people),
        unknown=_unknown_eligibility(visit, people),
        waiting=[p for p in people if is_waiting(p)],
        changed=[p for p in people if p.reassessments],
        unblinded=_unblinded(visit),
        places=_last_places(visit),
        is_clinical=visit.person.role in CLINICAL,
        sees_delegations=visit.person.role in READERS,
        barred=find_barred(visit) if visit.may(Role.ADMINISTRATOR) else [],
        unconfirmed=[p for p in state.people.values() if may_confirm(visit, p)],
        overdue_trails=find_overdue(visit),
        review=find_due(visit) if visit.may(Role.ADMINISTRATOR) else None,
    )


def _last_places(visit: Visit) -> Places | None:
    """The planned places near their end, for whoever has to act; none once recruitment is over."""
    state = visit.state
    if visit.person.role not in PLACE_READERS or state.locked is not None:
        return None
    n_screening = sum(p.status == "screening" for p in state.participants.values())
    places = Places(visit.study.identity.planned_participants, state.n_taken, n_screening)
    return places if places.is_near_end else None


def _unblinded(visit: Visit) -> list[tuple[Participant, Unblinding]]:
    """What nobody has assessed yet of those unblindings that the person may see."""
    found = list_unblindings(visit.state) if visit.person.role in UNBLINDING_READERS else []
    return [(p, u) for p, u in found if visit.person.may_see(p.site) and u.assessed is None]


def _due_encounters(visit: Visit, people: list[Participant]) -> list[Due]:
    found = [
        Due(p, stop=stop)
        for p in people
        if p.is_in_trial
        for stop in plan_stops(visit.study, p, today=visit.today)
        if stop.is_due
    ]
    return sorted(
        found, key=lambda d: d.stop.planned.latest_on if d.stop and d.stop.planned else visit.today
    )


def _waiting_infusions(people: list[Participant]) -> list[Due]:
    """Those that are out or run, whoever has left since; and those that are ordered."""
    return [
        Due(p, infusion=i)
        for p in people
        for i in p.infusions.values()
        if i.is_out or (i.status == "ordered" and p.is_in_trial and p.treatment_stop is None)
    ]


def _unknown_eligibility(visit: Visit, people: list[Participant]) -> list[Due]:
    found = []
    for person in people:
        if person.status == "screening":
            verdict = assess_participant(visit.study, person, on=visit.today)
            unknown = sum(c.status == "unknown" for c in verdict.criteria)
            found.append(Due(person, n_unknown=unknown))
    return found

"""The delegation log of a site: who may do what for the investigator, with every change of it."""

from typing import Literal

from django.http import HttpResponse
from msgspec import Struct

from equipoise.conduct import Person
from equipoise.conduct import events as e
from equipoise.conduct.acts.people import tasks_of
from equipoise.conduct.evolve import fold
from equipoise.conduct.rules import day_of
from equipoise.conduct.state import TrialState
from equipoise.conduct.tasks import DELEGATED_ROLES, TASKS
from equipoise.ledger import Entry
from equipoise.problems import Refused, Text, problem
from equipoise.study.roles import Role
from equipoise.web.pages import Visit, page

READERS = (Role.ADMINISTRATOR, Role.AUDITOR, Role.MONITOR, Role.INVESTIGATOR)
CHANGES = {kind.__name__ for kind in (e.PersonAdded, e.DelegationChanged, e.PersonRemoved)}

Status = Literal["now", "to_come", "over", "earlier", "ended"]


class Line(Struct, frozen=True):
    """A delegation as it was entered, and what has become of it."""

    person: Person
    tasks: tuple[Text, ...]
    entry: Entry
    status: Status


@page(roles=READERS)
def delegation_log(visit: Visit) -> HttpResponse:
    """Every delegation at a site, by person and in the order of their entries."""
    seen = [site for site in visit.state.sites if visit.person.may_see(site)]
    site = visit.request.GET.get("site", seen[0] if seen else "")
    if site not in seen:
        raise Refused([problem("EQ-C014", site, site=site)])
    known = visit.study.identity.sites.get(site)  # an amended folder is read at the next start
    return visit.show(
        "delegation_log.html",
        lines=lines_of(visit, site=site),
        site=site,
        label=known.label if known else Text(site),
        sites=seen,
    )


def lines_of(visit: Visit, *, site: str) -> list[Line]:
    """The log of a site, from the control chain: roles that have tasks, and people of this site."""
    with visit.trial.lock:
        entries = [x for x in visit.trial.store.read(chain="control") if x.type in CHANGES]
    last = {x.stream: x for x in entries}
    state, lines = TrialState(), []
    for entry in entries:
        state = fold(state, (entry,))
        person = state.people[entry.stream.removeprefix("person/")]
        if person.may_see(site) and person.role in DELEGATED_ROLES:
            names = person.tasks or tasks_of(visit.study, person.role)
            tasks = tuple(TASKS[name].label for name in names)
            status = _status(visit, person) if last[entry.stream] is entry else "earlier"
            lines.append(Line(person, tasks, entry, status))
    return sorted(lines, key=lambda x: (x.person.name, x.person.person, x.entry.seq))


def _status(visit: Visit, person: Person) -> Status:
    """Where a delegation that nothing replaced stands today at the site."""
    if not person.is_active:
        return "ended"
    today = day_of(visit.study, person, at=visit.now)
    if person.is_delegated(today):
        return "now"
    return "to_come" if person.from_on is not None and today < person.from_on else "over"

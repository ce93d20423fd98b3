"""Set-up: opening the trial, its sites, its people, and the commitment to the allocation."""

import datetime as dt
from collections.abc import Iterable

from equipoise.conduct import events as e
from equipoise.conduct.door import Events, RunningTrial, View, act, refuse_if
from equipoise.conduct.state import Person
from equipoise.ledger import Entry
from equipoise.problems import problem
from equipoise.study.roles import UNBLINDED_ROLES, Role

FOUNDER = Person("system", "Equipoise", "administrator")
"""Who records the first entries, before anybody has a role."""


def open_trial(
    trial: RunningTrial, *, at: dt.datetime, people: Iterable[Person], reason: str = ""
) -> tuple[Entry, ...]:
    """Open the trial on its study folder: sites, people, the vault's commitment; once only.

    Raises:
        Refused: the trial is open, or live with decisions still open.
    """
    study, state = trial.study, trial.state
    n_open = sum(d.status == "open" for d in study.decisions)
    problems = []
    if state.is_open:
        problems.append(problem("EQ-C010", study.identity.study, study=study.identity.study))
    if trial.realm == "live" and n_open:
        problems.append(problem("EQ-C011", study.identity.study, n=n_open))
    refuse_if(problems)
    opened: list[e.Happened] = [
        e.StudyOpened(study=study.identity.study, digest=study.digest, n_open_decisions=n_open)
    ]
    opened += [e.SiteOpened(site=site) for site in study.identity.sites]
    opened += [
        e.PersonAdded(person=p.person, name=p.name, role=p.role, sites=p.sites) for p in people
    ]
    if trial.vault is not None:
        commitment = trial.vault.commitment()
        planned = study.identity.planned_participants
        opened.append(e.AllocationCommitted(commitment=commitment, n_planned=planned))
    return trial.record(View(study, state, FOUNDER), opened, at=at, reason=reason)


@act(Role.ADMINISTRATOR)
def add_person(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    person: str,
    name: str,
    role: Role,
    sites: tuple[str, ...] = (),
) -> Events:
    """Give somebody a role. Identifiers are never reused, nor an unblinded person blinded again."""
    problems = []
    known = view.state.people.get(person)
    if known is not None:
        code = "EQ-C013" if known.role in UNBLINDED_ROLES else "EQ-C012"
        problems.append(problem(code, person, person=person))
    problems += [problem("EQ-C014", person, site=s) for s in sites if s not in view.state.sites]
    refuse_if(problems)
    return [e.PersonAdded(person=person, name=name, role=role, sites=sites)]


@act(Role.ADMINISTRATOR)
def remove_person(
    view: View, *, by: str, at: dt.datetime, reason: str = "", person: str
) -> Events:
    """Take somebody's role away, at once."""
    known = view.state.people.get(person)
    if known is None or not known.is_active:
        refuse_if([problem("EQ-C001", person, person=person)])
    return [e.PersonRemoved(person=person)]

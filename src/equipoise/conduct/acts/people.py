"""Who may act: people, their one role, where and when it is delegated, and their trainings.

Least privilege, and everything not allowed is refused. A person has one role for the whole trial,
so nobody who saw an arm can come back under a blinded one.
"""

import calendar
import datetime as dt
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from equipoise.conduct import events as e
from equipoise.conduct.acts.unblinding import list_unblindings
from equipoise.conduct.door import ACTS, Events, View, act, refuse_if
from equipoise.conduct.parts import SERVER, AccessDecision, Proof, fold_name, is_same_human
from equipoise.conduct.rules import check_accountable, check_not_future, check_reason
from equipoise.conduct.state import Person, TrialState, Unblinding
from equipoise.conduct.tasks import CHANGERS, DELEGATED_ROLES, TASKS, task_of_form
from equipoise.problems import Problem, Refused, Where, natural_order, problem
from equipoise.study.protocol import Training
from equipoise.study.roles import UNBLINDED_ROLES, Role
from equipoise.study.study import Study

# Small letters without accents: no two identifiers look alike, in any case or script.
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")


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
    from_on: dt.date | None = None,
    until_on: dt.date | None = None,
    tasks: tuple[str, ...] = (),
) -> Events:
    """Give somebody a role. Identifiers are never reused, nor an unblinded person blinded again."""
    place: dict[str, Any] = {
        "sites": sites,
        "from_on": from_on,
        "until_on": until_on,
        "tasks": tasks,
    }
    new = Person(person, name.strip(), role, **place)
    refuse_if(
        [
            *check_person(new, known=view.state.people, sites=view.state.sites),
            *check_tasks(view.study, new),
            *check_manages(view.person, new),
            *_check_unblinded(new, view.state),
        ]
    )
    return [e.PersonAdded(person=person, name=new.name, role=role, **place)]


@act(*CHANGERS)
def change_delegation(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    person: str,
    sites: tuple[str, ...] = (),
    from_on: dt.date | None = None,
    until_on: dt.date | None = None,
    tasks: tuple[str, ...] = (),
) -> Events:
    """Change where, when and in which tasks somebody acts in their role; it holds at once."""
    known = find_active(view, person)
    place: dict[str, Any] = {
        "sites": sites,
        "from_on": from_on,
        "until_on": until_on,
        "tasks": tasks,
    }
    moved = Person(person, known.name, known.role, **place)
    refuse_if(
        [
            *check_reason(reason, act="change_delegation", where=Where(record=person)),
            *_check_place(moved, sites=view.state.sites),
            *check_tasks(view.study, moved),
            *check_manages(view.person, known, moved),
            *_check_other(view.person, known),
        ]
    )
    return [e.DelegationChanged(person=person, **place)]


@act(Role.ADMINISTRATOR)
def record_training(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    person: str,
    training: str,
    on: dt.date,
) -> Events:
    """Record that somebody completed a training; when it ends follows from the study."""
    refuse_if(check_manages(view.person, find_active(view, person)))
    known = view.study.identity.training.get(training)
    if known is None:
        raise Refused([problem("EQ-C101", person, training=training)])
    refuse_if(check_not_future(on, at=at, where=Where(record=person)))
    until = end_of_training(known, on=on)
    return [e.TrainingRecorded(person=person, training=training, on=on, until_on=until)]


@act(Role.ADMINISTRATOR)
def remove_person(view: View, *, by: str, at: dt.datetime, reason: str = "", person: str) -> Events:
    """Take somebody's role away, at once; the reason is kept."""
    problems = check_manages(view.person, find_active(view, person))
    refuse_if([*problems, *check_reason(reason, act="remove_person", where=Where(record=person))])
    return [e.PersonRemoved(person=person)]


@act(Role.ADMINISTRATOR)
def review_access(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    decisions: Mapping[str, AccessDecision],
    digest: str,
    meaning: str,
    proof: Proof = "",
) -> Events:
    """Decide of everybody's access whether it is kept, and sign that; never of one's own.

    `digest` is of what the reviewer saw. An access that is ended ends at once, for the reason.
    """
    seen = reviewed_by(view.state, view.person)
    problems = list(check_accountable(view.person, proof=proof))
    if digest != digest_of_access(view.study, seen):
        problems.append(problem("EQ-C151", by))
    own = sorted(set(decisions) - {p.person for p in seen})
    if own:
        problems.append(problem("EQ-C152", by, people=", ".join(own)))
    open_ = [p.name for p in seen if p.person not in decisions]
    if open_ or not seen:
        problems.append(problem("EQ-C153", by, people=", ".join(open_) or "-"))
    ended = [p.person for p in seen if decisions.get(p.person) == "end"]
    if ended:
        problems += check_reason(reason, act="review_access", where=Where(record=by))
    refuse_if(problems)
    signed = e.AccessReviewed(decisions=decisions, digest=digest, meaning=meaning, proof=proof)
    return [signed, *(e.PersonRemoved(person=person) for person in ended)]


def reviewed_by(state: TrialState, reviewer: Person) -> tuple[Person, ...]:
    """Whose access somebody reviews: everybody's whom they manage but their own, of any account."""
    others = (p for p in state.people.values() if p.is_active and not is_same_human(p, reviewer))
    people = [p for p in others if not check_manages(reviewer, p)]
    return tuple(sorted(people, key=lambda p: (p.role, p.person)))


def without_reviewer(state: TrialState, *, on: dt.date) -> tuple[Person, ...]:
    """Whose access nobody may review on a day: the only administrator's, under any account, or
    whom no other one manages, who is of some sites."""
    people = [p for p in state.people.values() if p.is_active]
    may = [p for p in people if p.role == Role.ADMINISTRATOR and p.is_delegated(on)]
    return tuple(
        p for p in people if all(is_same_human(p, one) or check_manages(one, p) for one in may)
    )


def digest_of_access(study: Study, people: Iterable[Person]) -> str:
    """SHA-256 of what a review is about: role, sites, days, tasks and trainings of each person."""
    asked = [
        (
            p.person,
            p.name,
            p.role,
            p.sites,
            p.from_on,
            p.until_on,
            p.tasks,
            sorted(p.trained.items()),
        )
        for p in people
    ]
    bound = ("equipoise/access/1", study.identity.study, asked)
    return hashlib.sha256(msgspec.json.encode(bound, order="deterministic")).hexdigest()


def derive_review_day(study: Study, person: Person) -> dt.date | None:
    """Until when an access must be reviewed; None where the study asks for no review."""
    months = study.identity.access_review_months
    if not months or person.reviewed is None:
        return None
    return add_months(person.reviewed.at.date(), months)


def check_person(
    new: Person, *, known: Mapping[str, Person], sites: Collection[str]
) -> tuple[Problem, ...]:
    """Everything that keeps somebody from getting a role."""
    problems: list[Problem] = []
    if not _IDENTIFIER.fullmatch(new.person):
        problems.append(problem("EQ-C102", new.person, person=new.person))
    if not new.name.strip():
        problems.append(problem("EQ-C103", new.person, person=new.person))
    namesakes = [p for p in known.values() if is_same_human(p, new)]
    others = [p for p in namesakes if p.is_active and p.person != new.person]
    was_unblinded = [p for p in namesakes if p.role in UNBLINDED_ROLES]
    is_blinded = [p for p in namesakes if p.is_active and p.role not in UNBLINDED_ROLES]
    if was_unblinded and (new.role not in UNBLINDED_ROLES or new.person in known):
        problems.append(problem("EQ-C013", new.person, person=new.name))
    elif new.person in known or new.person == SERVER:
        problems.append(problem("EQ-C012", new.person, person=new.person))
    elif is_blinded and new.role in UNBLINDED_ROLES:
        account = is_blinded[0].person
        problems.append(problem("EQ-C105", new.person, name=new.name, account=account))
    elif others:
        account = others[0].person
        problems.append(problem("EQ-C194", new.person, name=new.name, account=account))
    return (*problems, *_check_place(new, sites=sites))


def _check_unblinded(new: Person, state: TrialState) -> tuple[Problem, ...]:
    """Who came to know what somebody receives, under whatever account, gets no blinded role."""
    if new.role in UNBLINDED_ROLES:
        return ()
    same = [p for p in state.people.values() if is_same_human(p, new)]
    names = [n for p in (*same, new) for n in (p.person, p.name)]
    known = {p.code for p, u in list_unblindings(state) if any(map(partial(_knows, u), names))}
    if not known:
        return ()
    named = ", ".join(sorted(known, key=natural_order))
    return (problem("EQ-V049", new.person, name=new.name, participants=named),)


def _knows(told: Unblinding, name: str) -> bool:
    """Whether it is this one who knows: who broke the code, or is named where it came out.

    Who opened a packet is told by name, and may have had no account.
    """
    if told.reference:
        return fold_name(told.stamp.by) == fold_name(name)
    words = f" {fold_name(told.learned, between=' ')} "
    return f" {fold_name(name, between=' ')} " in words


def check_manages(person: Person, *others: Person) -> tuple[Problem, ...]:
    """Who manages people of some sites manages nobody who works elsewhere, too."""
    own = set(person.sites)
    if not own or all(p.sites and own.issuperset(p.sites) for p in others):
        return ()
    return (problem("EQ-C196", others[0].person, name=others[0].name, sites=", ".join(own)),)


def end_of_training(training: Training, *, on: dt.date) -> dt.date | None:
    """The last day on which a training of that day counts; None where it always does."""
    return add_months(on, training.months) if training.months else None


def add_months(on: dt.date, months: int) -> dt.date:
    """The same day so many months later, or the last one of a shorter month."""
    years, month = divmod(on.month - 1 + months, 12)
    year, month = on.year + years, month + 1
    return dt.date(year, month, min(on.day, calendar.monthrange(year, month)[1]))


def find_active(view: View, person: str) -> Person:
    """Somebody with a role.

    Raises:
        Refused: nobody of this identifier has one.
    """
    known = view.state.people.get(person)
    if known is None or not known.is_active:
        raise Refused([problem("EQ-C001", person, person=person)])
    return known


def _check_place(person: Person, *, sites: Collection[str]) -> tuple[Problem, ...]:
    unknown = tuple(
        problem("EQ-C014", person.person, site=s) for s in person.sites if s not in sites
    )
    if person.from_on and person.until_on and person.until_on < person.from_on:
        until, since = person.until_on, person.from_on
        return (*unknown, problem("EQ-C104", person.person, from_on=since, until_on=until))
    return unknown


def tasks_of(study: Study, role: str) -> tuple[str, ...]:
    """The tasks of a role that can be delegated one by one, in their order; most roles have none.

    Those on forms are of the roles that enter such a form in this study.
    """
    if role not in DELEGATED_ROLES:
        return ()
    acts = {name for name, made in ACTS.items() if role in made.roles}
    of_forms = {task_of_form(study, f.form) for f in study.forms.values() if role in f.by}
    return tuple(name for name, t in TASKS.items() if name in of_forms or t.acts & acts)


def _check_other(person: Person, other: Person) -> tuple[Problem, ...]:
    """Nobody changes their own delegation."""
    if not is_same_human(person, other):
        return ()
    return (problem("EQ-C197", other.person, name=other.name),)


def check_tasks(study: Study, person: Person) -> tuple[Problem, ...]:
    """Only tasks of the role are delegated."""
    known = tasks_of(study, person.role)
    unknown = [task for task in person.tasks if task not in known]
    words = ", ".join(known) or "-"
    return tuple(
        problem("EQ-C149", person.person, task=t, role=person.role, known=words) for t in unknown
    )

"""Who may act: people, their one role, where and when it is delegated, and their trainings.

Least privilege, and everything not allowed is refused. A person has one role for the whole trial,
so nobody who saw an arm can come back under a blinded one.
"""

import calendar
import datetime as dt
import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from equipoise.conduct import events as e
from equipoise.conduct.acts.unblinding import list_unblindings
from equipoise.conduct.door import ACTS, SYSTEM, Events, RunningTrial, View, act, refuse_if
from equipoise.conduct.parts import AccessDecision, Proof, Stamp
from equipoise.conduct.rules import check_accountable, check_not_future, check_reason
from equipoise.conduct.state import Person, TrialState
from equipoise.conduct.tasks import CHANGERS, DELEGATED_ROLES, TASKS, task_of_form
from equipoise.ledger import Entry
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
    known = _active(view, person)
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
    _active(view, person)
    known = view.study.identity.training.get(training)
    if known is None:
        raise Refused([problem("EQ-C101", person, training=training)])
    refuse_if(check_not_future(on, at=at, where=Where(record=person)))
    until = end_of_training(known, on=on)
    return [e.TrainingRecorded(person=person, training=training, on=on, until_on=until)]


@act(Role.ADMINISTRATOR)
def remove_person(view: View, *, by: str, at: dt.datetime, reason: str = "", person: str) -> Events:
    """Take somebody's role away, at once; the reason is kept."""
    _active(view, person)
    refuse_if(check_reason(reason, act="remove_person", where=Where(record=person)))
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
    problems = list(check_accountable(view.person))
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
    """Whose access somebody reviews: everybody's with a role but their own, under any account."""
    people = (p for p in state.people.values() if p.is_active and not is_same_human(p, reviewer))
    return tuple(sorted(people, key=lambda p: (p.role, p.person)))


def without_reviewer(state: TrialState, *, on: dt.date) -> tuple[Person, ...]:
    """Whose access nobody may review on a day: the only administrator's, under any account."""
    people = [p for p in state.people.values() if p.is_active]
    may = [p for p in people if p.role == Role.ADMINISTRATOR and p.is_delegated(on)]
    return tuple(p for p in people if all(is_same_human(p, one) for one in may))


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


def record_sign_in(
    trial: RunningTrial, *, at: dt.datetime, person: str, proof: Proof
) -> tuple[Entry, ...]:
    """Record that somebody came in; no duty is asked, for whoever has a role comes in.

    Raises:
        Refused: the person has no role.
    """
    with trial.transaction():
        known = _active(View(trial.study, trial.state, SYSTEM), person)
        view = View(trial.study, trial.state, known)
        return trial.record(view, [e.SignedIn(person=person, proof=proof)], at=at, reason="")


def bar_sign_in(
    trial: RunningTrial, *, at: dt.datetime, person: str, n_failures: int, wait: dt.timedelta
) -> tuple[Entry, ...]:
    """Record that wrong passwords made an account wait, once for each time; nobody asks for it."""
    with trial.transaction():
        state = trial.state
        known = state.people.get(person)
        if known is None or (known.barred_at is not None and at < known.barred_at + wait):
            return ()
        barred = e.SignInBarred(person=person, n_failures=n_failures)
        return trial.record(View(trial.study, state, SYSTEM), [barred], at=at, reason="")


def record_means(
    trial: RunningTrial,
    *,
    at: dt.datetime,
    person: str,
    means: str,
    is_added: bool,
    by: Person | None = None,
    reason: str = "",
) -> tuple[Entry, ...]:
    """Record that somebody added a means of signing in, or gave it up: by themselves, or `by`.

    No duty is asked: who may not act yet, or any more, still signs in and keeps their keys.

    Raises:
        Refused: the person has no role.
    """
    with trial.transaction():
        known = _active(View(trial.study, trial.state, SYSTEM), person)
        if is_added == (means in known.means):
            return ()
        changed = e.SignInMeansChanged(person=person, means=means, is_added=is_added)
        view = View(trial.study, trial.state, by or known)
        return trial.record(view, [changed], at=at, reason=reason)


@act(Role.ADMINISTRATOR)
def withdraw_means(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    person: str,
    with_account: bool = True,
) -> Events:
    """Take from somebody every means of signing in but the password: lost or stolen ones too.

    The account at a log-in provider goes for good; without `with_account` it stays.
    """
    known = _active(view, person)
    refuse_if(check_reason(reason, act="withdraw_means", where=Where(record=person)))
    gone = [m for m in known.means if with_account or not m.startswith("provider:")]
    return [e.SignInMeansChanged(person=person, means=m, is_added=False) for m in gone]


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
    was_unblinded = [p for p in namesakes if p.role in UNBLINDED_ROLES]
    is_blinded = [p for p in namesakes if p.is_active and p.role not in UNBLINDED_ROLES]
    if was_unblinded and (new.role not in UNBLINDED_ROLES or new.person in known):
        problems.append(problem("EQ-C013", new.person, person=new.name))
    elif new.person in known:
        problems.append(problem("EQ-C012", new.person, person=new.person))
    elif is_blinded and new.role in UNBLINDED_ROLES:
        account = is_blinded[0].person
        problems.append(problem("EQ-C105", new.person, name=new.name, account=account))
    return (*problems, *_check_place(new, sites=sites))


def _check_unblinded(new: Person, state: TrialState) -> tuple[Problem, ...]:
    """Who broke a code, under whatever account, does not come back to assess outcomes."""
    if new.role != Role.OUTCOME_ASSESSOR:
        return ()
    same = [p for p in state.people.values() if is_same_human(p, new)]
    # Who opened a packet is told by name, and may have had no account.
    names = {_folded(n) for p in (*same, new) for n in (p.person, p.name)}
    known = ((p.code, u) for p, u in list_unblindings(state))
    broken = {code for code, u in known if u.reference and _folded(u.stamp.by) in names}
    if not broken:
        return ()
    named = ", ".join(sorted(broken, key=natural_order))
    return (problem("EQ-V049", new.person, name=new.name, participants=named),)


def is_same_human(one: Person, other: Person) -> bool:
    """Whether two accounts are one person's: the same identifier, or the same printed name."""
    return one.person == other.person or _folded(one.name) == _folded(other.name)


def is_own(stamp: Stamp, person: Person, *, people: Mapping[str, Person]) -> bool:
    """Whether somebody recorded this, under this account or another one of theirs."""
    first = people.get(stamp.by)
    return stamp.by == person.person or (first is not None and is_same_human(first, person))


def end_of_training(training: Training, *, on: dt.date) -> dt.date | None:
    """The last day on which a training of that day counts; None where it always does."""
    return add_months(on, training.months) if training.months else None


def add_months(on: dt.date, months: int) -> dt.date:
    """The same day so many months later, or the last one of a shorter month."""
    years, month = divmod(on.month - 1 + months, 12)
    year, month = on.year + years, month + 1
    return dt.date(year, month, min(on.day, calendar.monthrange(year, month)[1]))


def _active(view: View, person: str) -> Person:
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


def check_tasks(study: Study, person: Person) -> tuple[Problem, ...]:
    """Only tasks of the role are delegated."""
    known = tasks_of(study, person.role)
    unknown = [task for task in person.tasks if task not in known]
    words = ", ".join(known) or "-"
    return tuple(
        problem("EQ-C149", person.person, task=t, role=person.role, known=words) for t in unknown
    )


def _folded(name: str) -> str:
    """A name without what makes two writings of it differ: case, accents, spaces."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(c for c in plain if c.isalnum())

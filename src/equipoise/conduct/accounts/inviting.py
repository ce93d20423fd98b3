"""Codes for a first or a forgotten password, and the second person who asks about them.

Whoever makes a code could type it themself, and sign as somebody else with the password that they
chose. So each code is on record, and each password chosen with one; and no signature rests on such
a password before somebody else made sure that its owner chose it (21 CFR 11.200(a)(3)).
"""

import datetime as dt
from collections.abc import Mapping

from equipoise.conduct import events as e
from equipoise.conduct.acts.people import check_manages, find_active
from equipoise.conduct.door import SYSTEM, Events, RunningTrial, View, act, refuse_if
from equipoise.conduct.parts import Person, is_own, is_same_human
from equipoise.conduct.rules import check_confirmed, check_reason
from equipoise.ledger import Entry
from equipoise.problems import Where, problem
from equipoise.study.roles import Role

CONFIRMERS = (Role.ADMINISTRATOR, Role.AUDITOR)
"""Who confirms: those who see the page of the people, and never whoever made the code."""


@act(Role.ADMINISTRATOR)
def invite_person(
    view: View, *, by: str, at: dt.datetime, reason: str = "", person: str, code: str
) -> Events:
    """Make a code for somebody's password; `code` is its fingerprint."""
    refuse_if(check_manages(view.person, find_active(view, person)))
    return [e.InvitationMade(person=person, code=code)]


def record_invitation(
    trial: RunningTrial, *, at: dt.datetime, person: str, code: str
) -> tuple[Entry, ...]:
    """Record a code that was made at the server's command line.

    Raises:
        Refused: the person has no role.
    """
    with trial.transaction():
        view = View(trial.study, trial.state, SYSTEM)
        find_active(view, person)
        made = e.InvitationMade(person=person, code=code)
        return trial.record(view, [made], at=at, reason="")


def record_password(
    trial: RunningTrial, *, at: dt.datetime, person: str, code: str
) -> tuple[Entry, ...]:
    """Record that a password was chosen with the code of this fingerprint; no duty is asked.

    Raises:
        Refused: the person has no role.
    """
    with trial.transaction():
        known = find_active(View(trial.study, trial.state, SYSTEM), person)
        chosen = e.PasswordChosen(person=person, code=code)
        view = View(trial.study, trial.state, known)
        return trial.record(view, [chosen], at=at, reason="")


@act(*CONFIRMERS)
def confirm_invitation(
    view: View, *, by: str, at: dt.datetime, reason: str = "", person: str, chosen: str
) -> Events:
    """Confirm that its owner chose the password of that entry; `reason` says how that is known."""
    known, where = find_active(view, person), Where(record=person)
    password = known.password
    if password is None or password.is_confirmed or password.chosen.entry != chosen:
        refuse_if([problem("EQ-C192", where, name=known.name)])
    assert password is not None
    problems = [*check_reason(reason, act="confirm_invitation", where=where)]
    problems += [*check_confirmed(view.person), *check_manages(view.person, known)]
    if is_part_of_it(known, view.person, people=view.state.people):
        problems.append(problem("EQ-C191", where, name=known.name))
    refuse_if(problems)
    return [e.InvitationConfirmed(person=person, chosen=chosen)]


def is_part_of_it(known: Person, other: Person, *, people: Mapping[str, Person]) -> bool:
    """Whether somebody is the owner of the account, or made the code its password was chosen by."""
    made = known.password.invited if known.password else None
    is_maker = made is not None and is_own(made, other, people=people)
    return is_maker or is_same_human(other, known)

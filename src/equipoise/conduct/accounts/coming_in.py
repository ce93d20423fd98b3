"""Who came in and by which means; no duty is asked, for whoever has a role comes in."""

import datetime as dt

from equipoise.conduct import events as e
from equipoise.conduct.acts.people import check_manages, find_active
from equipoise.conduct.door import SYSTEM, Events, RunningTrial, View, act, refuse_if
from equipoise.conduct.parts import Proof
from equipoise.conduct.rules import check_confirmed, check_reason
from equipoise.conduct.state import Person
from equipoise.ledger import Entry
from equipoise.problems import Where
from equipoise.study.roles import Role


def record_sign_in(
    trial: RunningTrial, *, at: dt.datetime, person: str, proof: Proof
) -> tuple[Entry, ...]:
    """Record that somebody came in; no duty is asked, for whoever has a role comes in.

    Raises:
        Refused: the person has no role.
    """
    with trial.transaction():
        known = find_active(View(trial.study, trial.state, SYSTEM), person)
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
        Refused: the person has no role, or a password that is not known to be theirs makes a key.
    """
    with trial.transaction():
        known = find_active(View(trial.study, trial.state, SYSTEM), person)
        if is_added and means.startswith("passkey:"):
            refuse_if(check_confirmed(known))
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
    known = find_active(view, person)
    problems = check_manages(view.person, known)
    refuse_if([*problems, *check_reason(reason, act="withdraw_means", where=Where(record=person))])
    gone = [m for m in known.means if with_account or not m.startswith("provider:")]
    return [e.SignInMeansChanged(person=person, means=m, is_added=False) for m in gone]

"""What was entered or changed once somebody knew: flagged, whatever the clock or the way."""

import datetime as dt
from pathlib import Path

import pytest

from equipoise import conduct
from equipoise.conduct import RunningTrial
from equipoise.study.roles import Role
from equipoise.vault import LocalVault, VaultClient, read_token

from .conftest import Clock, Course
from .test_capturing import correct
from .test_redacting import redact
from .test_unblinding import end, locked, shock

SKIN = ("screening", "skin", 0)


@pytest.fixture
def emergency(vault: LocalVault, vault_folder: Path) -> VaultClient:
    return VaultClient(vault, read_token(vault_folder, "emergency"))


def flags(trial: RunningTrial, code: str) -> dict[str, str]:
    subject = trial.state.participants[code]
    found = {
        f"{r.encounter}.{r.form}": conduct.flag_after_unblinding(trial.state, subject, r)
        for r in subject.forms.values()
    }
    return {name: flag for name, flag in found.items() if flag}


def changes(trial: RunningTrial) -> list[tuple[object, ...]]:
    return [
        (x.participant, x.change, x.form, x.item, x.old, x.new)
        for x in conduct.list_late_changes(trial.state, trial.store.read())
    ]


def tell(trial: RunningTrial, code: str, at: dt.datetime, on: dt.date) -> None:
    said = {"reason": "A letter lay open", "learned": "The coordinator"}
    conduct.record_unblinding(trial, by="monitor", at=at, participant=code, on=on, **said)


@pytest.mark.requirement("C58")
def test_what_comes_after_a_break_is_flagged_for_this_participant_alone(
    course: Course, trial: RunningTrial, emergency: VaultClient
) -> None:
    """By its place in the chain, for the vault's clock here is ahead of the site's."""
    code, other = course.randomized(), course.randomized()
    correct(course, code, "arm", 11)
    shock(emergency, code)
    conduct.record_breaks(trial, emergency.breaks(), at=course.clock())
    assert trial.state.participants[code].unblindings[0].broken_at > course.clock.at
    assert (flags(trial, code), flags(trial, other), changes(trial)) == ({}, {}, [])

    course.submit(code, "vitals", encounter="M0", weight=71.0, pregnant=False)
    correct(course, other, "arm", 11)
    assert (flags(trial, code), flags(trial, other)) == ({"M0.vitals": "entered"}, {})
    correct(course, code, "leg", 12, seen=2)
    assert flags(trial, code) == {"M0.vitals": "entered", "screening.skin": "changed"}
    assert changes(trial) == [(code, "corrected", "skin", "leg", 10, 12)]


@pytest.mark.requirement("C58")
def test_a_break_that_is_told_later_counts_from_when_it_was(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """The correction was on record before anybody told; the day of the break was before it."""
    code = course.randomized()
    clock.at += dt.timedelta(days=3)
    correct(course, code, "arm", 11)
    clock.at += dt.timedelta(days=2)
    correct(course, code, "arm", 12, seen=2)
    tell(trial, code, clock(), clock.today - dt.timedelta(days=1))
    assert changes(trial) == [(code, "corrected", "skin", "arm", 11, 12)]
    assert flags(trial, code) == {"screening.skin": "changed"}


@pytest.mark.requirement("C58", "C11")
def test_a_redaction_after_the_end_of_the_blind_is_listed_too(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """After the lock nothing is corrected; what is taken out then is a change all the same."""
    digest = locked(course, trial, clock)
    (code,) = trial.state.participants
    end(trial, clock, Role.STATISTICIAN, digest)
    record = trial.state.participants[code].forms[SKIN]
    redact(trial, clock(), record.stamp.entry)
    assert changes(trial) == [] and flags(trial, code) == {}
    end(trial, clock, Role.DATA_MANAGER, digest)
    consent = trial.state.participants[code].forms["screening", "consent", 0]
    redact(trial, clock(), consent.stamp.entry)
    assert changes(trial) == [(code, "redacted", "", "", None, None)]
    assert flags(trial, code) == {"screening.consent": "entered"}
    end(trial, clock, Role.STATISTICIAN, digest)
    assert flags(trial, code) == {"screening.consent": "entered"}, "signed anew: it was open"


@pytest.mark.requirement("C58", "C11")
def test_a_redaction_hides_no_earlier_change(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """The form is entered again without its corrections; the listing reads the ledger."""
    code = course.randomized()
    tell(trial, code, clock(), clock.today)
    correct(course, code, "leg", 12)
    before = trial.state.participants[code].forms[SKIN]
    redact(trial, clock(), before.stamp.entry)
    assert trial.state.participants[code].forms[SKIN].corrections == ()
    assert changes(trial) == [
        (code, "corrected", "skin", "leg", None, 12),
        (code, "redacted", "", "", None, None),
    ]


@pytest.mark.requirement("C58")
def test_a_sites_copy_lists_what_it_has(course: Course, trial: RunningTrial, clock: Clock) -> None:
    """The control chain orders redactions of other sites, of which nothing else is there."""
    code, other = course.randomized(), course.randomized("02")
    for subject in (code, other):
        tell(trial, subject, clock(), clock.today)
        redact(trial, clock(), trial.state.participants[subject].forms[SKIN].stamp.entry)
    entries = [e for e in trial.store.read() if e.chain in ("control", "site-01")]
    state = conduct.fold(conduct.TrialState(), entries)
    found = [x.participant for x in conduct.list_late_changes(state, entries)]
    assert found == [code]

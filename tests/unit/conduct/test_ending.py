"""Leaving, signing, sealing, locking."""

import datetime as dt

import pytest

from equipoise import conduct
from equipoise.conduct import RunningTrial, digest_of, is_signed
from equipoise.ledger import merkle_root, verify
from equipoise.problems import Refused

from .conftest import Clock, Course
from .test_capturing import correct
from .test_opening import codes
from .test_randomizing import CutOff


def sign(course: Course, code: str, digest: str | None = None) -> None:
    subject = course.trial.state.participants[code]
    conduct.sign_casebook(
        course.trial,
        by="investigator",
        at=course.clock(),
        participant=code,
        meaning="I have reviewed these data",
        digest=digest or digest_of(course.trial.study, subject),
    )


def leave(course: Course, code: str) -> None:
    conduct.withdraw_participant(
        course.trial,
        by="investigator",
        at=course.clock(),
        participant=code,
        on=course.clock.today,
        reason="Wish of the participant",
    )


def fail(course: Course, code: str) -> None:
    conduct.fail_screening(
        course.trial, by="investigator", at=course.clock(), participant=code, reason="-"
    )


def complete(course: Course, code: str) -> None:
    conduct.complete_participant(
        course.trial,
        by="investigator",
        at=course.clock(),
        participant=code,
        on=course.clock.today,
    )


@pytest.mark.requirement("C62")
def test_withdrawal_keeps_what_was_collected(course: Course, trial: RunningTrial) -> None:
    """The data stay, the reason is kept, new visits are refused, and leaving twice too."""
    code = course.randomized()
    leave(course, code)
    left = trial.state.participants[code]

    assert (left.status, left.cause) == ("withdrawn", "Wish of the participant")
    assert len(left.forms) == 3
    for attempt in (
        lambda: course.submit(code, "skin", encounter="M0", arm=1, leg=1),
        lambda: leave(course, code),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert codes(refused) == ["EQ-C017"]


@pytest.mark.requirement("D02", "C62")
def test_nobody_leaves_while_a_number_is_on_its_way(course: Course, trial: RunningTrial) -> None:
    """The vault gave a number and the answer was lost: who leaves now would be lost too."""
    code = course.eligible()
    vault = trial.vault
    trial.vault = CutOff(trial)  # type: ignore[assignment]
    with pytest.raises(ConnectionResetError):
        course.randomize(code)
    for attempt, found in (
        (lambda: leave(course, code), ["EQ-C125"]),
        (lambda: fail(course, code), ["EQ-C023"]),
        (lambda: complete(course, code), ["EQ-C039"]),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert codes(refused)[:1] == found

    trial.vault = vault
    course.randomize(code)
    leave(course, code)
    left = trial.state.participants[code]
    assert (left.status, left.number) == ("withdrawn", "R-001")


@pytest.mark.requirement("C22", "C62")
def test_data_of_who_has_left_are_cleaned_until_the_lock(
    course: Course, trial: RunningTrial
) -> None:
    """Nothing new comes, but a wrong value is still corrected; the signature is then void."""
    code = course.randomized()
    leave(course, code)
    sign(course, code)
    correct(course, code, "arm", 12)

    subject = trial.state.participants[code]
    assert subject.forms["screening", "skin", 0].values["arm"] == 12
    assert not is_signed(trial.study, subject)


def test_completion_needs_the_last_encounter(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """Entered or missed, but not forgotten; and nobody completes who was never randomized."""
    code, waiting = course.randomized(), course.screen()

    def complete(subject: str) -> None:
        conduct.complete_participant(
            trial, by="coordinator", at=clock(), participant=subject, on=clock.today
        )

    with pytest.raises(Refused) as refused:
        complete(waiting)
    assert codes(refused) == ["EQ-C039", "EQ-C070"]
    with pytest.raises(Refused) as refused:
        complete(code)
    assert codes(refused) == ["EQ-C070"]

    conduct.miss_encounter(
        trial, by="coordinator", at=clock(), participant=code, encounter="M3", reason="Snow"
    )
    complete(code)
    assert trial.state.participants[code].status == "completed"

    other = course.randomized()
    course.submit(other, "skin", encounter="M3", arm=1, leg=1)
    complete(other)
    assert trial.state.participants[other].left_on == clock.today


@pytest.mark.requirement("C17", "C22")
def test_a_signature_is_bound_to_the_data_it_saw(course: Course, trial: RunningTrial) -> None:
    """A later change voids it; a digest of other data is refused."""
    code, other = course.randomized(), course.randomized()
    sign(course, code)
    assert is_signed(trial.study, trial.state.participants[code])

    correct(course, code, "arm", 12)
    assert not is_signed(trial.study, trial.state.participants[code])
    with pytest.raises(Refused) as refused:
        sign(course, code, digest=digest_of(trial.study, trial.state.participants[other]))
    assert codes(refused) == ["EQ-C071"]


@pytest.mark.requirement("C17", "C22")
def test_a_void_signature_never_stands_again(course: Course, trial: RunningTrial) -> None:
    """Corrected, and corrected back: two corrections that nobody signed."""
    code = course.randomized()
    sign(course, code)
    correct(course, code, "arm", 12)
    correct(course, code, "arm", 10, seen=2)
    subject = trial.state.participants[code]
    assert subject.signature is not None and subject.signature.voided is not None
    assert subject.signature.digest == digest_of(trial.study, subject)
    assert not is_signed(trial.study, subject)
    fresh = RunningTrial(trial.study, trial.store, trial.vault)
    assert fresh.state.participants[code] == subject

    corrections = [x for x in trial.store.read() if x.type == "ItemCorrected"]
    for entry in corrections:  # a redaction of what voided it does not make it stand
        conduct.redact_entry(
            trial,
            by="investigator",
            at=course.clock(),
            reason="A name was in it",
            chain=entry.chain,
            seq=entry.seq,
        )
    fresh = RunningTrial(trial.study, trial.store, trial.vault)
    assert not is_signed(trial.study, fresh.state.participants[code])
    sign(course, code)
    assert is_signed(trial.study, trial.state.participants[code])


@pytest.mark.requirement("C22", "C67")
def test_an_unblinding_voids_a_signature_given_before(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """After the lock, too, when it is signed anew; one that stands is not."""
    code = course.randomized()
    given = {"by": "monitor", "participant": code, "reason": "A letter", "learned": "The nurse"}
    by = {"at": clock(), "on": clock.today}
    conduct.withdraw_participant(trial, by="investigator", participant=code, reason="Moved", **by)
    for is_locked in (False, True):
        sign(course, code)
        if is_locked:
            conduct.lock_data(trial, by="data_manager", at=clock())
            with pytest.raises(Refused) as refused:
                sign(course, code)
            assert codes(refused) == ["EQ-C016"]
        assert is_signed(trial.study, trial.state.participants[code])
        conduct.record_unblinding(trial, **given, **by)  # type: ignore[arg-type]
        assert not is_signed(trial.study, trial.state.participants[code])
    sign(course, code)
    assert is_signed(trial.study, trial.state.participants[code])


@pytest.mark.requirement("C24", "C57")
def test_the_lock_waits_for_everybody_and_closes_everything(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """Nobody in the trial, every casebook signed; then no act changes a value."""
    code, waiting = course.randomized(), course.screen()

    def lock() -> None:
        conduct.lock_data(trial, by="data_manager", at=clock())

    with pytest.raises(Refused) as refused:
        lock()
    assert codes(refused) == ["EQ-C072", "EQ-C073", "EQ-C072"]

    leave(course, code)
    sign(course, code)
    conduct.fail_screening(
        trial, by="coordinator", at=clock(), participant=waiting, reason="Trial ends"
    )
    lock()

    assert trial.state.locked is not None
    for attempt in (
        lock,
        course.screen,
        lambda: correct(course, code, "arm", 12),
        lambda: sign(course, code),
    ):
        with pytest.raises(Refused) as refused:
            attempt()
        assert "EQ-C016" in codes(refused)


def test_before_it_is_open_nothing_can_be_done(trial: RunningTrial, clock: Clock) -> None:
    """An act on a trial that was never opened finds no person."""
    from equipoise.ledger import MemoryStore

    closed = RunningTrial(trial.study, MemoryStore("small", "rehearsal"))
    with pytest.raises(Refused) as refused:
        conduct.screen_participant(closed, by="coordinator", at=clock(), site="01", on=clock.today)
    assert codes(refused) == ["EQ-C001"]

    from equipoise.conduct.rules import check_open
    from equipoise.conduct.state import TrialState

    assert [p.code for p in check_open(TrialState())] == ["EQ-C015"]


@pytest.mark.requirement("C04")
def test_a_seal_binds_the_heads_of_all_chains(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """The root in the ledger is that of the heads just before it; the chains verify."""
    course.randomized("01")
    course.randomized("02")
    expected = merkle_root(trial.store.heads())

    root = conduct.seal_trial(trial, by="data_manager", at=clock(), reason="cut")

    assert root == expected
    (seal,) = trial.state.seals
    assert (seal.root, seal.purpose) == (root, "cut")
    assert verify(trial.store).ok


@pytest.mark.requirement("C03")
def test_state_is_only_what_the_entries_say(course: Course, trial: RunningTrial) -> None:
    """Folding the ledger from nothing gives the state that grew entry by entry."""
    course.randomized()
    course.eligible("02")
    grown = trial.state

    assert RunningTrial(trial.study, trial.store).state == grown
    assert [p.code for p in grown.at_site("02")] == ["02-001"]
    assert grown.participants["01-001"].latest("skin") is not None
    assert grown.participants["01-001"].latest("nothing") is None
    assert trial.realm == "rehearsal"
    assert isinstance(grown.participants["01-001"].randomized_on, dt.date)


@pytest.mark.requirement("C11")
def test_a_redacted_entry_says_nothing_and_breaks_nothing(
    course: Course, trial: RunningTrial
) -> None:
    """The state goes on without its body; versions and heads count it."""
    import msgspec

    from equipoise.conduct import TrialState, fold

    code = course.screen()
    course.consent(code)
    entries = list(trial.store.read())
    entries[-1] = msgspec.structs.replace(entries[-1], body=None)
    state = fold(TrialState(), entries)

    assert state.participants[code].forms == {}
    assert state.versions == trial.state.versions
    assert state.heads == trial.state.heads

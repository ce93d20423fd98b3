"""Randomization: refused unless eligible and consented; once, in order, never an arm."""

from collections.abc import Callable

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import RunningTrial
from equipoise.conduct.acts.randomizing import proof_of
from equipoise.ledger import Entry, MemoryStore
from equipoise.problems import Refused
from equipoise.study.study import Study
from equipoise.vault import LocalVault, Vault

from .conftest import Clock, Course
from .test_opening import codes


@pytest.mark.requirement("F05", "F06")
def test_refused_unless_every_criterion_is_satisfied(course: Course) -> None:
    """What is unknown refuses as what is not met does, and each is named."""
    code = course.screen()
    with pytest.raises(Refused) as refused:
        course.randomize(code)
    assert codes(refused) == ["EQ-C040", "EQ-C055", "EQ-C055", "EQ-C055"]

    course.consent(code)
    course.submit(code, "skin", arm=3, leg=3)
    course.submit(code, "vitals", weight=70.0, pregnant=True)
    course.judge(code, is_true=False)
    with pytest.raises(Refused) as refused:
        course.randomize(code)

    assert codes(refused) == ["EQ-C054", "EQ-C054", "EQ-C054"]
    assert course.trial.state.randomized == ()


@pytest.mark.requirement("F04", "C70", "D28")
def test_numbers_come_in_order_and_once(course: Course, clock: Clock) -> None:
    """The list is used from its start; a second randomization is refused."""
    first, second = course.randomized("01"), course.randomized("02")
    numbers = [p.number for p in course.trial.state.randomized]

    assert numbers == sorted(numbers)
    assert [p.code for p in course.trial.state.randomized] == [first, second]
    with pytest.raises(Refused) as refused:
        course.randomize(first)
    assert codes(refused) == ["EQ-C050"]


@pytest.mark.requirement("F05")
def test_the_proof_is_kept_with_the_request(course: Course) -> None:
    """The verdict on each criterion, with its inputs, is in the ledger before the number."""
    code = course.randomized()
    entries = list(course.trial.store.read(stream=code))
    request, number = entries[-2:]
    verdict = msgspec.json.decode(request.body or b"")["verdict"]

    assert (request.type, number.type) == ("RandomizationRequested", "ParticipantRandomized")
    assert verdict["status"] == "eligible"
    assert [c["status"] for c in verdict["criteria"]] == ["met", "met", "not_met"]


class CutOff:
    """A vault whose line breaks after it has assigned."""

    def __init__(self, trial: RunningTrial) -> None:
        self.vault = trial.vault
        self.is_cut = True

    def __getattr__(self, name: str) -> object:
        return getattr(self.vault, name)

    def assign(self, participant: str, *, stratum: str, proof: str) -> str:
        assert self.vault is not None
        number = self.vault.assign(participant, stratum=stratum, proof=proof)
        if self.is_cut:
            raise ConnectionResetError
        return number


@pytest.mark.requirement("D02", "D28")
def test_a_randomization_cut_off_in_the_middle_is_finished_later(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """The vault assigned but the answer was lost: the next call records the same number."""
    code = course.eligible()
    line = CutOff(trial)
    trial.vault = line  # type: ignore[assignment]
    with pytest.raises(ConnectionResetError):
        course.randomize(code)
    assert trial.state.participants[code].status == "randomizing"
    other = course.eligible()

    line.is_cut = False
    later = course.randomize(other)
    number = course.randomize(code)

    assert number < later
    assert trial.state.participants[code].status == "randomized"


def test_only_a_request_is_finished(course: Course, trial: RunningTrial, clock: Clock) -> None:
    """Without a request there is nothing to finish, nor without a vault."""
    code = course.eligible()
    with pytest.raises(Refused) as refused:
        conduct.finish_randomization(trial, by="coordinator", at=clock(), participant=code)
    assert codes(refused) == ["EQ-C052"]
    with pytest.raises(Refused) as refused:
        conduct.record_number(trial, by="coordinator", at=clock(), participant=code, number="R-9")
    assert codes(refused) == ["EQ-C052"]

    trial.vault = None
    with pytest.raises(Refused) as refused:
        course.randomize(code)
    assert codes(refused) == ["EQ-C053"]


@pytest.mark.requirement("F04", "D28")
def test_a_request_is_recorded_once(course: Course, trial: RunningTrial, clock: Clock) -> None:
    """While a number is on its way a second request adds nothing; afterwards it is refused."""
    code = course.eligible()
    vault, trial.vault = trial.vault, None
    with pytest.raises(Refused):
        course.randomize(code)
    entries = conduct.request_randomization(
        trial, by="coordinator", at=clock(), participant=code, on=clock.today
    )
    assert entries == ()

    trial.vault = vault
    number = course.randomize(code)
    with pytest.raises(Refused) as refused:
        conduct.record_number(trial, by="coordinator", at=clock(), participant=code, number="R-9")
    assert codes(refused) == ["EQ-C050"]
    assert number in str(refused.value.problems[0])


def test_consent_must_come_first(course: Course, trial: RunningTrial, clock: Clock) -> None:
    """A randomization dated before consent is refused."""
    import datetime as dt

    code = course.eligible()
    with pytest.raises(Refused) as refused:
        conduct.request_randomization(
            trial,
            by="coordinator",
            at=clock(),
            participant=code,
            on=clock.today - dt.timedelta(days=1),
        )
    assert "EQ-C041" in codes(refused)


def test_the_stratum_comes_from_the_site_where_the_plan_says_so(
    study: Study, vault: LocalVault, trial: RunningTrial, course: Course
) -> None:
    """A plan stratified by site uses the participant's own site, never something typed."""
    plan = study.identity.randomization
    assert plan is not None
    stratified = msgspec.structs.replace(
        study,
        identity=msgspec.structs.replace(
            study.identity,
            randomization=msgspec.structs.replace(plan, stratify=("site",)),
        ),
    )
    code = course.eligible("02")
    trial.study = stratified
    trial.vault = None
    with pytest.raises(Refused):
        course.randomize(code)

    assert trial.state.participants[code].stratum == "02"
    assert isinstance(trial.store, MemoryStore)


class Away:
    """The vault behind a line that is cut: what is asked still arrives there, or does not."""

    def __init__(self, vault: Vault, *, arrives: bool) -> None:
        self.vault, self.arrives = vault, arrives

    def __getattr__(self, name: str) -> Callable[..., object]:
        def ask(*args: object, **kwargs: object) -> object:
            if self.arrives:
                getattr(self.vault, name)(*args, **kwargs)
            raise ConnectionResetError

        return ask


def on_its_way(course: Course, *, arrives: bool = False) -> str:
    """Somebody whose request is recorded, and whose number is not: the vault has it, or has not."""
    code, trial = course.eligible(), course.trial
    vault = trial.vault
    assert vault is not None
    trial.vault = Away(vault, arrives=arrives)  # type: ignore[assignment]
    with pytest.raises(ConnectionResetError):
        course.randomize(code)
    trial.vault = vault
    assert trial.state.participants[code].status == "randomizing"
    return code


def call_off(course: Course, code: str, *, by: str = "coordinator", reason: str = "Left") -> Entry:
    return conduct.call_off_randomization(
        course.trial, by=by, at=course.clock(), reason=reason, participant=code
    )


@pytest.mark.requirement("F04", "D28")
def test_a_request_without_a_number_is_taken_back(course: Course, trial: RunningTrial) -> None:
    """Then the person may leave, or be randomized anew; the place is free for somebody else."""
    code, other = on_its_way(course), on_its_way(course)
    entry = call_off(course, code, reason="Consent withdrawn")
    assert (entry.type, entry.by, entry.reason) == (
        "RandomizationCalledOff",
        "coordinator",
        "Consent withdrawn",
    )
    subject = trial.state.participants[code]
    assert (subject.status, subject.randomized_on, subject.verdict) == ("screening", None, None)
    conduct.withdraw_participant(
        trial,
        by="investigator",
        at=course.clock(),
        reason="Consent withdrawn",
        participant=code,
        on=course.clock.today,
    )
    call_off(course, other)
    before = [e for e in trial.store.read(stream=other) if e.type == "RandomizationRequested"]
    assert course.randomize(other) == "R-001"
    after = [e for e in trial.store.read(stream=other) if e.type == "RandomizationRequested"]
    assert len(after) == len(before) + 1
    with pytest.raises(Refused) as refused:
        call_off(course, other)
    assert codes(refused) == ["EQ-C052"]


@pytest.mark.requirement("F04", "D28")
def test_a_number_that_was_given_is_not_taken_back(course: Course, trial: RunningTrial) -> None:
    """Though nobody heard of it: the randomization is finished, with that number."""
    code = on_its_way(course, arrives=True)
    n_entries = len(list(trial.store.read()))
    with pytest.raises(Refused) as refused:
        call_off(course, code)
    assert codes(refused) == ["EQ-C160"]
    assert len(list(trial.store.read())) == n_entries
    assert trial.state.participants[code].status == "randomizing"
    assert course.randomize(code) == "R-001"


@pytest.mark.requirement("F04", "D28")
def test_who_holds_a_request_that_was_taken_back_gets_no_number(
    course: Course, trial: RunningTrial
) -> None:
    """Somebody pressed at the same moment: their question reaches the vault later. No place of the
    list is spent, and the next request, of the same verdict, has a proof of its own.
    """
    code = on_its_way(course)
    held = trial.state.participants[code]
    call_off(course, code)
    assert trial.vault is not None
    for ask in (trial.vault.assign, trial.vault.assign):
        with pytest.raises(Refused) as refused:
            ask(code, stratum=held.stratum, proof=proof_of(held))
        assert codes(refused) == ["EQ-C161"]
    with pytest.raises(Refused) as refused:
        conduct.finish_randomization(trial, by="coordinator", at=course.clock(), participant=code)
    assert codes(refused) == ["EQ-C052"]
    assert course.randomized() == course.trial.state.randomized[0].code
    assert course.randomize(code) == "R-002"


@pytest.mark.requirement("F02", "F04", "D28")
@pytest.mark.parametrize("arrives", [True, False])
def test_taking_back_may_stop_at_each_step(
    arrives: bool, course: Course, trial: RunningTrial
) -> None:
    """The vault agreed or was not reached, and nothing was recorded: the same act finishes."""
    code, vault = on_its_way(course), trial.vault
    assert vault is not None
    trial.vault = Away(vault, arrives=arrives)  # type: ignore[assignment]
    with pytest.raises(ConnectionResetError):
        call_off(course, code)
    trial.vault = vault
    assert trial.state.participants[code].status == "randomizing"
    if arrives:
        with pytest.raises(Refused) as refused:
            course.randomize(code)
        assert codes(refused) == ["EQ-C161"]
    call_off(course, code)
    assert trial.state.participants[code].status == "screening"
    assert course.randomize(code) == "R-001"


def test_only_who_randomizes_takes_back_with_a_reason(course: Course, trial: RunningTrial) -> None:
    """Refused before the vault is asked: afterwards the request is still good."""
    code = on_its_way(course)
    for words, expected in (
        ({"by": "monitor"}, ["EQ-C002"]),
        ({"reason": " "}, ["EQ-C004"]),
    ):
        with pytest.raises(Refused) as refused:
            call_off(course, code, **words)
        assert codes(refused) == expected
    with pytest.raises(Refused) as refused:
        call_off(course, "01-099")
    assert codes(refused) == ["EQ-C003"]
    vault, trial.vault = trial.vault, None
    with pytest.raises(Refused) as refused:
        call_off(course, code)
    assert codes(refused) == ["EQ-C053"]
    trial.vault = vault
    assert course.randomize(code) == "R-001"

"""Packets opened in an outage are entered: proven, once, with both times, and never lost."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from equipoise import conduct
from equipoise.conduct import RunningTrial, events, list_packets
from equipoise.conduct.acts.randomizing import proof_of
from equipoise.conduct.door import SYSTEM, View
from equipoise.problems import Refused
from equipoise.vault import LocalVault, VaultClient, read_token
from equipoise.vault.packets.messages import OpenedPacket, Printed

from .conftest import Clock, Course


@pytest.fixture
def vault(vault_folder: Path, clock: Clock) -> Iterator[LocalVault]:
    """The vault by the same clock as the trial."""
    opened = LocalVault(vault_folder, now=lambda: clock.at)
    yield opened
    opened.close()


@pytest.fixture
def printed(vault: LocalVault, vault_folder: Path, trial: RunningTrial, clock: Clock) -> Printed:
    return print_for(vault, vault_folder, clock)


def print_for(vault: LocalVault, folder: Path, clock: Clock, n: int = 3) -> Printed:
    client = VaultClient(vault, read_token(folder, "packets"))
    clock()
    said = {"by": "unblinded_statistician", "reason": "For an outage"}
    return client.print_packets("01", n=n, **said)


def told_of(printed: Printed, packet: str, participant: str, clock: Clock, **more: Any) -> Any:
    code = next(p.code for p in printed.packets if p.packet == packet)
    given: dict[str, Any] = {
        "packet": packet,
        "code": code,
        "participant": participant,
        "opened_at": clock.at,
        "opened_by": "investigator",
        "by": "coordinator",
        "reason": "The server was down",
    }
    return OpenedPacket(**(given | more))


def enter(trial: RunningTrial, told: OpenedPacket, clock: Clock, **more: Any) -> tuple[Any, ...]:
    return conduct.enter_packet(trial, told, at=clock(), **more)


def refusal(trial: RunningTrial, told: OpenedPacket, clock: Clock, **more: Any) -> list[str]:
    before = [e.digest for e in trial.store.read()]
    with pytest.raises(Refused) as refused:
        enter(trial, told, clock, **more)
    assert [e.digest for e in trial.store.read()][: len(before)] == before
    return [p.code for p in refused.value.problems]


def kinds(entries: tuple[Any, ...]) -> list[str]:
    return [entry.type for entry in entries]


@pytest.mark.requirement("C55", "D27", "F37", "F33")
def test_a_packet_is_entered_with_both_times(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    """The day of randomization is that of the opening; the entry has its own instant."""
    code = course.eligible()
    opened_at = clock()
    clock.at += dt.timedelta(days=2)
    entries = enter(trial, told_of(printed, "P1-01", code, clock, opened_at=opened_at), clock)

    assert kinds(entries) == ["PacketOpened", "RandomizationRequested", "ParticipantRandomized"]
    subject = trial.state.participants[code]
    use = subject.packets["P1-01"]
    assert subject.number == next(p.number for p in printed.packets if p.packet == "P1-01")
    assert subject.packet == "P1-01"
    assert subject.randomized_on == opened_at.date()
    assert (use.opened_at, use.opened_by) == (opened_at, "investigator")
    assert (subject.randomized_at, use.stamp.at) == (opened_at, clock.at)
    (line,) = (x for x in list_packets(trial.state) if x.use is not None)
    assert line.n_days_late == 2
    assert {x.n_days_late for x in list_packets(trial.state) if x.use is None} == {0}
    found = conduct.late_entries(trial, days=1)
    assert ("PacketOpened", 2) in [(x.entry.type, x.n_days) for x in found]
    assert (use.stamp.by, use.stamp.reason) == ("coordinator", "The server was down")
    assert subject.deviations == ()
    (made,) = (e for e in trial.store.read() if e.type == "PacketsPrinted")
    assert printed.root.encode() in (made.body or b"")


@pytest.mark.requirement("C52", "D27", "F02")
def test_entered_again_it_adds_nothing(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    code = course.eligible()
    told = told_of(printed, "P1-01", code, clock)
    enter(trial, told, clock)

    assert enter(trial, told, clock) == ()
    with pytest.raises(Refused) as refused:
        course.randomize(code)
    assert refused.value.problems[0].code == "EQ-C050"
    other, third = course.eligible(), course.eligible()
    assert course.randomize(other) == "R-001"
    assert refusal(trial, replace(told, participant=third), clock) == ["EQ-V159"]
    two = told_of(printed, "P1-02", code, clock)
    assert refusal(trial, two, clock) == ["EQ-V160"]
    assert refusal(trial, replace(two, participant=other), clock) == ["EQ-V160"]


@pytest.mark.requirement("D27", "D09")
def test_what_stopped_in_between_is_finished(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    """After the claim, and after the vault: the same number, no second entry, no list number."""
    code, other = course.eligible(), course.eligible()
    told = told_of(printed, "P1-01", code, clock)
    vault = trial.vault
    assert vault is not None
    conduct.record_packets(trial, vault.packets(), at=clock())
    conduct.claim_packet(trial, by="coordinator", at=clock(), reason=told.reason, told=told)

    theirs = replace(told, participant=other)
    assert refusal(trial, theirs, clock) == ["EQ-C131"]
    with pytest.raises(Refused) as refused:  # the list gives nothing to who has a packet
        conduct.finish_randomization(trial, by="coordinator", at=clock(), participant=code)
    assert refused.value.problems[0].code == "EQ-V055"
    back = {"by": "coordinator", "participant": code, "reason": "Never came"}
    with pytest.raises(Refused) as refused:  # nor is it taken back: the number is on the paper
        conduct.call_off_randomization(trial, at=clock(), **back)
    assert refused.value.problems[0].code == "EQ-C160"
    number = vault.enter_packet(told, proof=proof_of(trial.state.participants[code]))
    conduct.finish_randomization(trial, by="coordinator", at=clock(), participant=code)
    assert trial.state.participants[code].number == number
    assert enter(trial, told, clock) == ()
    written = [e.type for e in trial.store.read(stream=code)]
    assert written.count("ParticipantRandomized") == written.count("PacketOpened") == 1


def test_asked_for_before_the_outage(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    """The proof that was fixed stays; the number comes from the packet."""
    code = course.eligible()
    conduct.request_randomization(
        trial, by="coordinator", at=clock(), participant=code, on=clock.today
    )
    told = told_of(printed, "P1-01", code, clock)

    assert kinds(enter(trial, told, clock)) == ["PacketOpened", "ParticipantRandomized"]
    assert trial.state.participants[code].number.startswith("P-")
    two = told_of(printed, "P1-02", code, clock)
    with pytest.raises(Refused) as refused:
        conduct.claim_packet(trial, by="coordinator", at=clock(), reason="again", told=two)
    assert [p.code for p in refused.value.problems] == ["EQ-C132", "EQ-C050"]


@pytest.mark.requirement("D27", "F37")
def test_somebody_not_eligible_is_kept_and_is_a_deviation(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    """First it is told what stops; told to record it as it is, nothing is lost."""
    code = course.screen()
    conduct.fail_screening(trial, by="investigator", at=clock(), participant=code, reason="Left")
    told = told_of(printed, "P1-01", code, clock)

    found = refusal(trial, told, clock)
    assert set(found) == {"EQ-C133", "EQ-C040", "EQ-C017", "EQ-C055"}
    assert not trial.state.participants[code].packets
    entries = enter(trial, told, clock, as_it_is=True)
    assert kinds(entries) == [
        *["DeviationRecorded"] * 3,
        "PacketOpened",
        "RandomizationRequested",
        "ParticipantRandomized",
    ]
    subject = trial.state.participants[code]
    assert subject.status == "randomized"
    assert [d.kind for d in subject.deviations] == ["randomized_in_error", "consent", "procedure"]
    assert subject.deviations[0].criteria == ("I1", "I2", "E1")
    assert subject.deviations[0].what == "Offline packet P1-01"
    assert "written consent" in subject.deviations[1].what


def test_an_override_counts_as_at_the_page(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    """Who was let in by two people is no error; the override is its deviation."""
    study = trial.study
    criteria = study.eligibility.exclusion
    loose = replace(criteria[0], may_override=True)
    trial.study = replace(study, eligibility=replace(study.eligibility, exclusion=(loose,)))
    code = course.screen()
    course.consent(code)
    course.submit(code, "skin", arm=10, leg=10)
    course.submit(code, "vitals", weight=70.0, pregnant=True)
    course.judge(code)
    asked = conduct.request_override(
        trial, by="investigator", at=clock(), participant=code, criteria=("E1",), on=clock.today,
        reason="Agreed with the sponsor",
    )  # fmt: skip
    entry = f"{asked[0].chain}:{asked[0].seq}"
    conduct.confirm_override(
        trial, by="safety_officer", at=clock(), participant=code, request=entry, on=clock.today
    )
    enter(trial, told_of(printed, "P1-01", code, clock), clock)

    (deviation,) = trial.state.participants[code].deviations
    assert deviation.kind == "eligibility_override"
    assert trial.state.participants[code].granted is not None


def test_what_the_packet_and_its_teller_must_be(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    code, elsewhere = course.eligible(), course.eligible("02")
    told = told_of(printed, "P1-01", code, clock)

    assert refusal(trial, replace(told, packet="P7-01"), clock) == ["EQ-C130"]
    assert refusal(trial, replace(told, participant="01-999"), clock) == ["EQ-C003"]
    assert refusal(trial, replace(told, code="A" * 16), clock) == ["EQ-V156"]
    assert refusal(trial, replace(told, participant=elsewhere), clock) == ["EQ-V158"]
    assert refusal(trial, replace(told, opened_at=clock.at + dt.timedelta(1)), clock) == ["EQ-V157"]
    assert refusal(trial, replace(told, by="monitor"), clock) == ["EQ-C002"]
    assert refusal(trial, replace(told, by="coordinator-02"), clock) == ["EQ-C003"]
    assert refusal(trial, replace(told, reason="no"), clock) == ["EQ-C004"]
    assert refusal(trial, replace(told, reason="He got the cells"), clock) == ["EQ-V032"]
    trial.vault = None
    assert refusal(trial, told, clock) == ["EQ-C053"]
    assert not trial.state.participants[code].packets
    with pytest.raises(Refused) as refused:
        conduct.claim_packet(
            trial, by="coordinator", at=clock(), told=replace(told, packet="B1-01")
        )
    assert [p.code for p in refused.value.problems] == ["EQ-C130"]


@pytest.mark.requirement("C55", "F30", "C68")
def test_an_opened_code_break_packet_goes_to_the_register(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    """Kind, time of opening, who opened it and who is no longer blinded; never the arm."""
    code = course.eligible()
    told = told_of(printed, "B1-01", code, clock, reason="Shock")
    assert refusal(trial, told, clock) == ["EQ-V162"]
    enter(trial, told_of(printed, "P1-01", code, clock), clock)
    opened_at = clock()
    clock.at += dt.timedelta(hours=5)
    told = replace(told, opened_at=opened_at)
    entries = enter(trial, told, clock)

    assert kinds(entries) == ["PacketOpened", "CodeBroken"]
    ((subject, broken),) = conduct.list_unblindings(trial.state)
    assert subject.code == code
    assert (broken.kind, broken.question, broken.broken_at) == ("emergency", "", opened_at)
    assert (broken.stamp.by, broken.stamp.role) == ("investigator", "investigator")
    assert (broken.stamp.at - broken.broken_at) > dt.timedelta(hours=5)
    assert conduct.unblinded_for(trial.state, "investigator") == (code,)
    assert subject.packet == "P1-01"
    assert enter(trial, told, clock) == ()
    arms = {p.arm for p in printed.packets if p.arm}
    written = b" ".join(e.body or b"" for e in trial.store.read())
    assert not [arm for arm in arms if arm.encode() in written]
    stranger = course.eligible()
    assert refusal(trial, replace(told, participant=stranger), clock) == ["EQ-V163"]


def test_whoever_opened_it_need_not_be_of_the_trial(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    code = course.eligible()
    enter(trial, told_of(printed, "P1-01", code, clock), clock)
    enter(trial, told_of(printed, "B1-01", code, clock, opened_by="Night physician"), clock)

    ((_, broken),) = conduct.list_unblindings(trial.state)
    assert (broken.stamp.by, broken.stamp.role) == ("Night physician", "")


def stands(trial: RunningTrial) -> dict[str, str]:
    return {line.packet.packet: line.stands for line in list_packets(trial.state)}


@pytest.mark.requirement("D27")
def test_every_packet_is_accounted_for(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    """Out, opened, or at another end; the trial does not close while one is out."""
    code = course.eligible()
    enter(trial, told_of(printed, "P1-01", code, clock), clock)
    assert stands(trial) == {
        **{"P1-01": "opened", "P1-02": "out", "P1-03": "out"},
        **{"B1-01": "out", "B1-02": "out", "B1-03": "out"},
    }
    with pytest.raises(Refused) as refused:
        conduct.lock_data(trial, by="data_manager", at=clock())
    found = next(p for p in refused.value.problems if p.code == "EQ-C135")
    assert found.values["packets"] == "P1-02, P1-03, B1-01, B1-02, B1-03"

    def account(packet: str, became: Any, **more: Any) -> None:
        said = {"by": "monitor", "reason": "Counted", "on": clock.today} | more
        conduct.account_packet(trial, at=clock(), packet=packet, became=became, **said)

    for packet in ("P1-02", "B1-01", "B1-02", "B1-03"):
        account(packet, "returned")
    account("P1-02", "destroyed")
    account("P1-03", "lost")
    assert stands(trial)["P1-02"] == "destroyed"
    assert len(trial.state.packets["P1-02"].ends) == 2
    with pytest.raises(Refused) as refused:
        conduct.lock_data(trial, by="data_manager", at=clock())
    assert "EQ-C135" not in {p.code for p in refused.value.problems}
    cases: list[tuple[tuple[str, str], dict[str, Any], str]] = [
        (("P9-01", "lost"), {}, "EQ-C130"),
        (("P1-02", "lost"), {"by": "coordinator-02"}, "EQ-C130"),
        (("P1-01", "lost"), {}, "EQ-C131"),
        (("P1-02", "eaten"), {}, "EQ-C134"),
        (("P1-02", "lost"), {"reason": ""}, "EQ-C004"),
        (("P1-02", "lost"), {"on": dt.date(2030, 1, 1)}, "EQ-C018"),
    ]
    for words, more, code in cases:
        with pytest.raises(Refused) as refused:
            account(*words, **more)
        assert [p.code for p in refused.value.problems] == [code]


def test_a_packet_said_to_be_lost_may_have_been_used(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    """What happened counts, whatever was said before."""
    assert trial.vault is not None
    conduct.record_packets(trial, trial.vault.packets(), at=clock())
    conduct.account_packet(
        trial,
        by="monitor",
        at=clock(),
        packet="P1-01",
        became="lost",
        on=clock.today,
        reason="Gone",
    )
    code = course.eligible()
    enter(trial, told_of(printed, "P1-01", code, clock), clock)

    line = list_packets(trial.state)[0]
    assert (line.stands, len(line.packet.ends)) == ("opened", 1)


@pytest.mark.requirement("D27")
def test_packets_out_of_order_are_told(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    """By the times of opening, not of entry; one that was lost before is passed over."""
    one, two, three = (course.eligible() for _ in range(3))
    early, late = clock(), clock()

    def out_of_order() -> list[str]:
        return [x.packet.packet for x in list_packets(trial.state) if x.is_out_of_order]

    enter(trial, told_of(printed, "P1-02", two, clock, opened_at=early), clock)
    assert out_of_order() == ["P1-02"]
    enter(trial, told_of(printed, "P1-01", one, clock, opened_at=late), clock)
    assert out_of_order() == ["P1-02"]
    enter(trial, told_of(printed, "P1-03", three, clock), clock)
    assert out_of_order() == ["P1-02"]


def test_one_entered_late_was_in_order(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    one, two = course.eligible(), course.eligible()
    early, late = clock(), clock()
    enter(trial, told_of(printed, "P1-02", two, clock, opened_at=late), clock)
    enter(trial, told_of(printed, "P1-01", one, clock, opened_at=early), clock)

    assert not any(line.is_out_of_order for line in list_packets(trial.state))


def test_one_after_a_lost_one_is_in_order(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    assert trial.vault is not None
    conduct.record_packets(trial, trial.vault.packets(), at=clock())
    conduct.account_packet(
        trial,
        by="monitor",
        at=clock(),
        packet="P1-01",
        became="lost",
        on=clock.today,
        reason="Gone",
    )
    enter(trial, told_of(printed, "P1-02", course.eligible(), clock), clock)

    assert not any(line.is_out_of_order for line in list_packets(trial.state))


def test_each_batch_is_recorded_once(
    trial: RunningTrial, vault: LocalVault, vault_folder: Path, clock: Clock
) -> None:
    assert trial.vault is not None
    print_for(vault, vault_folder, clock)
    for _ in range(2):
        conduct.record_packets(trial, trial.vault.packets(), at=clock())
    print_for(vault, vault_folder, clock, n=1)
    conduct.record_packets(trial, trial.vault.packets(), at=clock())

    made = [
        events.from_entry(e.type, e.body or b"")
        for e in trial.store.read()
        if e.type == "PacketsPrinted"
    ]
    assert [m.batch for m in made] == [1, 2]  # type: ignore[attr-defined]
    assert made[1].code_break == {"B2-01": "P2-01"}  # type: ignore[attr-defined]


class Before:
    """The vault, and something that happens just before a packet is spent."""

    def __init__(self, vault: Any, happens: Callable[[], object]) -> None:
        self.vault, self.happens = vault, happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self.vault, name)

    def enter_packet(self, opened: OpenedPacket, **more: Any) -> Any:
        answer = self.vault.enter_packet(opened, **more) if more.get("is_question") else None
        if answer is None:
            self.happens()
        return answer or self.vault.enter_packet(opened, **more)


@pytest.mark.requirement("D27", "F02")
def test_a_packet_that_the_vault_refuses_is_not_claimed(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    """Somebody else gets the list's number at that moment: it counts, and the packet is free."""
    code, other = course.eligible(), course.eligible()
    conduct.request_randomization(
        trial, by="coordinator", at=clock(), participant=code, on=clock.today
    )
    subject, vault = trial.state.participants[code], trial.vault
    assert vault is not None
    of = {"stratum": subject.stratum, "proof": proof_of(subject)}
    trial.vault = Before(vault, lambda: vault.assign(code, **of))
    told = told_of(printed, "P1-01", code, clock)
    assert refusal(trial, told, clock) == ["EQ-V160"]

    trial.vault = vault
    assert trial.state.participants[code].packets == {}
    conduct.finish_randomization(trial, by="coordinator", at=clock(), participant=code)
    assert trial.state.participants[code].number == "R-001"
    enter(trial, replace(told, participant=other), clock)
    assert trial.state.participants[other].packet == "P1-01"


@pytest.mark.requirement("D27", "C53")
def test_a_packet_of_a_restored_ledger_is_not_claimed_for_another_proof(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    """Other data than before the loss: the vault refuses, and nobody is left half randomized."""
    code = course.eligible()
    told = told_of(printed, "P1-01", code, clock)
    vault = trial.vault
    assert vault is not None
    vault.enter_packet(told, proof="of what the ledger had and lost")
    assert refusal(trial, told, clock) == ["EQ-V045"]
    assert trial.state.participants[code].status == "screening"
    assert trial.state.participants[code].packets == {}


@pytest.mark.requirement("C55", "F30", "D09")
def test_an_opened_code_break_packet_that_the_vault_never_heard_of_stays_out(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    """Killed before the vault has it: either it is in the register, or it is still looked for."""
    code = course.eligible()
    enter(trial, told_of(printed, "P1-01", code, clock), clock)
    vault, told = trial.vault, told_of(printed, "B1-01", code, clock, reason="Shock")

    def die() -> None:
        raise KeyboardInterrupt

    trial.vault = Before(vault, die)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        enter(trial, told, clock)
    trial.vault = vault
    assert not conduct.list_unblindings(trial.state)
    assert stands(trial)["B1-01"] == "out"
    enter(trial, told, clock)
    assert len(conduct.list_unblindings(trial.state)) == 1
    assert stands(trial)["B1-01"] == "opened"


@pytest.mark.requirement("F37", "F28")
def test_a_pause_is_not_passed_without_a_trace(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    """Asked for before the rule was met, opened after it: told, and then a deviation."""
    code = course.eligible()
    conduct.request_randomization(
        trial, by="coordinator", at=clock(), participant=code, on=clock.today
    )
    met = events.StoppingRuleMet(rule="two", does="pause", counts={"x": (2, 2)}, entry="01:1")
    trial.record(View(trial.study, trial.state, SYSTEM), [met], at=clock(), reason="")
    told = told_of(printed, "P1-01", code, clock)

    assert set(refusal(trial, told, clock)) == {"EQ-C090", "EQ-C133"}
    entries = enter(trial, told, clock, as_it_is=True)
    assert kinds(entries) == ["DeviationRecorded", "PacketOpened", "ParticipantRandomized"]
    (deviation,) = trial.state.participants[code].deviations
    assert deviation.kind == "procedure" and "paused by a stopping rule" in deviation.what


@pytest.mark.requirement("F37", "D28")
def test_who_left_before_the_packet_was_entered_has_left(
    trial: RunningTrial, course: Course, clock: Clock, printed: Printed
) -> None:
    """Randomized by it and analyzed, and still withdrawn, on the day and for the reason told."""
    code = course.eligible()
    told = told_of(printed, "P1-01", code, clock)
    clock.at += dt.timedelta(days=1)
    conduct.withdraw_participant(
        trial, by="coordinator", at=clock(), reason="Moved away", participant=code, on=clock.today
    )
    enter(trial, told, clock, as_it_is=True)
    subject = trial.state.participants[code]
    assert (subject.status, subject.left_on, subject.is_in_trial) == (
        "withdrawn",
        clock.today,
        False,
    )
    assert subject in trial.state.randomized

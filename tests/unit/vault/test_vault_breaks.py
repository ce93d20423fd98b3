"""The code-break at the vault: one question, one participant, on record before it is answered."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from tests.refusing import refusal

from equipoise.vault import LocalVault, VaultClient, read_token

AT = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)


@pytest.fixture
def clock():
    return [AT]


@pytest.fixture
def emergency(directory, clock):
    vault = LocalVault(directory, now=lambda: clock[0])
    assigning = VaultClient(vault, read_token(directory, "assign"))
    for k in (1, 2, 3):
        assigning.assign(f"01-00{k}", stratum="", proof="p")
    yield VaultClient(vault, read_token(directory, "emergency"))
    vault.close()


def auditor(emergency, directory):
    return VaultClient(emergency._door, read_token(directory, "audit"))


@pytest.mark.requirement("C67", "C68", "F30")
def test_a_participant_is_found_by_code_or_by_number(emergency):
    """The physician has one or the other; both are the same person."""
    by_code = emergency.reveal("01-002", "arm", by="dr", reason="shock")
    assert by_code == emergency.reveal("R-002", "arm", by="dr", reason="shock")
    assert refusal(emergency.reveal, "01-009", "arm", by="dr", reason="shock") == ["EQ-V002"]
    found = emergency.breaks()
    assert [(b.participant, b.number) for b in found] == [("01-002", "R-002")] * 2


@pytest.mark.requirement("C67", "C68", "F30")
def test_a_participant_comes_before_a_number(emergency, directory):
    """A participant whose code is the number of another one: told and recorded is the participant.

    A study check refuses such a site; a vault of before may have it.
    """
    assigning = VaultClient(emergency._door, read_token(directory, "assign"))
    assert assigning.assign("R-002", stratum="", proof="p") == "R-004"
    assert assigning.assign("R-001", stratum="", proof="p") == "R-005"
    first, second, *others = [
        emergency.reveal(whom, "arm", by="dr", reason="shock")
        for whom in ("R-001", "R-002", "R-005", "R-004", "01-001", "01-002")
    ]
    assert [first, second] == others[:2] != others[2:]
    assert [(b.participant, b.number) for b in emergency.breaks()] == [
        ("R-001", "R-005"), ("R-002", "R-004"), ("R-001", "R-005"), ("R-002", "R-004"),
        ("01-001", "R-001"), ("01-002", "R-002"),
    ]  # fmt: skip


@pytest.mark.requirement("C67", "F30", "C69")
def test_the_register_has_all_but_the_answer(emergency, directory, clock):
    """Who, as what, when, why, how; a refused question is in the log and not in the register."""
    emergency.reveal(
        "01-001", "infusion:M0", by="dr", role="investigator", reason="shock", request="a1"
    )
    clock[0] += timedelta(hours=1)
    assert refusal(emergency.reveal, "01-001", "arm", by="dr", reason=" ") == ["EQ-V007"]
    emergency.reveal("01-003", "arm", by="so", role="safety_officer", reason="x y", kind="planned")
    first, second = emergency.breaks()

    assert (first.by, first.role, first.reason, first.at) == ("dr", "investigator", "shock", AT)
    assert (first.kind, first.question) == ("emergency", "infusion:M0")
    assert (second.kind, second.question, second.participant) == ("planned", "arm", "01-003")
    assert second.at == AT + timedelta(hours=1)
    assert emergency.breaks(after=first.seq) == (second,)
    assert second.seq - first.seq == 2
    words = str(auditor(emergency, directory).read_log())
    assert "product-" not in words and "arm-" not in words


@pytest.mark.requirement("C68", "F30")
def test_a_lost_answer_is_asked_for_again_and_is_one_break(emergency, directory, clock):
    """The same request within ten minutes; each asking is in the log, the break once."""
    ask = {"by": "dr", "reason": "shock", "request": "b7"}
    answer = emergency.reveal("01-001", "arm", **ask)
    clock[0] += timedelta(minutes=10)
    assert emergency.reveal("01-001", "arm", **ask) == answer
    assert len(emergency.breaks()) == 1
    assert emergency.breaks(after=emergency.breaks()[0].seq) == ()
    log = [e for e in auditor(emergency, directory).read_log() if e.type == "Reveal"]
    assert [msgspec.json.decode(e.body).get("again", False) for e in log] == [False, True]

    clock[0] += timedelta(seconds=1)
    assert refusal(emergency.reveal, "01-001", "arm", **ask) == ["EQ-V031"]


@pytest.mark.requirement("F30")
@pytest.mark.parametrize(
    ("whom", "question", "by"),
    [("01-002", "arm", "dr"), ("01-001", "infusion:M0", "dr"), ("01-001", "arm", "other")],
)
def test_a_request_is_one_question_of_one_person(emergency, whom, question, by):
    """Nobody asks about another participant, another thing or as another person under it."""
    emergency.reveal("01-001", "arm", by="dr", reason="shock", request="c")
    ask = {"by": by, "reason": "shock", "request": "c"}
    assert refusal(emergency.reveal, whom, question, **ask) == ["EQ-V030"]
    assert len(emergency.breaks()) == 1


@pytest.mark.requirement("C68", "F13")
def test_the_site_door_may_read_the_register_and_not_break(emergency, directory):
    """It brings the breaks into the ledger; what was answered it cannot ask."""
    emergency.reveal("01-001", "arm", by="dr", reason="shock")
    site = VaultClient(emergency._door, read_token(directory, "assign"))
    assert site.breaks() == emergency.breaks()
    assert refusal(site.reveal, "01-001", "arm", by="dr", reason="x") == ["EQ-V001"]
    nobody = VaultClient(emergency._door, read_token(directory, "cells"))
    assert refusal(nobody.breaks) == ["EQ-V001"]


@pytest.mark.requirement("C71")
@pytest.mark.parametrize(
    "agreed", [(), ("one",), ("One", " one "), ("one", " "), ("one", "two", "")]
)
def test_the_list_is_opened_by_two(emergency, directory, agreed):
    """Two different people and what they signed; the log names them, whatever came of it."""
    opening = VaultClient(emergency._door, read_token(directory, "unblind"))
    ask = {"by": "stat", "reason": "analysis", "agreed": agreed}
    assert refusal(opening.open_list, **ask, populations=" ") == ["EQ-V040"]
    if len(agreed) == 3:
        assert len(opening.open_list(**ask, populations="d" * 64)) == 3
    else:
        assert refusal(opening.open_list, **ask, populations="d" * 64) == ["EQ-V040"]
    (asked,) = [
        msgspec.json.decode(e.body)["asked"]
        for e in auditor(emergency, directory).read_log()
        if e.type == "OpenList"
    ][1:]
    assert asked == {"agreed": list(agreed), "populations": "d" * 64}

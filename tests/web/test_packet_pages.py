"""The pages of sealed packets: what was opened in an outage is entered, the others are counted."""

import datetime as dt
from pathlib import Path

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from equipoise.conduct import (
    RunningTrial,
    add_person,
    enter_packet,
    record_packets,
    withdraw_participant,
)
from equipoise.problems import Refused
from equipoise.study.roles import Role
from equipoise.vault import VaultClient, read_token
from equipoise.vault.packets.messages import OpenedPacket, Printed
from equipoise.web.running import read_tables

from . import course
from .conftest import SignIn, name_of, said
from .reading import Reading, read

HERE = "/packets/enter/"


@pytest.fixture
def printed(trial: RunningTrial, vault_folder: Path) -> Printed:
    """Three packets for site 01, with those that break their codes."""
    assert isinstance(trial.vault, VaultClient)
    printing = VaultClient(trial.vault._door, read_token(vault_folder, "packets"))
    made = printing.print_packets("01", n=3, by="statistician", reason="For an outage")
    record_packets(trial, trial.vault.packets(), at=course.now())
    return made


def sheet(printed: Printed, packet: str) -> str:
    """What the symbol of an inner sheet says."""
    return f"{packet} {next(p.code for p in printed.packets if p.packet == packet)}"


def told(printed: Printed, packet: str, code: str, **more: str) -> dict[str, str]:
    here = timezone.localtime()
    on = {"on.day": f"{here.day}", "on.month": f"{here.month}", "on.year": f"{here.year}"}
    return {
        "scanned": sheet(printed, packet),
        "participant": code,
        **on,
        "opened": f"{here:%H:%M}",
        "opened_by": name_of(Role.INVESTIGATOR),
        "reason": "Server down since 13:40",
        "as_it_is": "no",
        **more,
    }


def post(client: Client, data: dict[str, str]) -> Reading:
    return read(client.post(HERE, data, follow=True))


@pytest.mark.requirement("D27", "C55", "F37")
def test_a_packet_is_entered_at_the_page(
    trial: RunningTrial, sign_in: SignIn, printed: Printed
) -> None:
    """Scanned, with the time of opening; the list then tells both times and the number."""
    code = course.eligible(trial)
    client = sign_in(Role.COORDINATOR)
    page = post(client, told(printed, "P1-01", code))

    number = trial.state.participants[code].number
    assert number == next(p.number for p in printed.packets if p.packet == "P1-01")
    assert said("randomize.done", participant=code, number=number) in page.text
    row = next(r.text for r in page.all("tr") if "P1-01" in r.text)
    use = trial.state.participants[code].packets["P1-01"]
    assert f"{timezone.localtime(use.opened_at):%H:%M}" in row
    assert said("packet_stands.opened") in row
    assert (dt.datetime.now(dt.UTC) - use.opened_at) < dt.timedelta(minutes=3)
    assert read(client.get(f"/participants/{code}/")).text.count(number) >= 1
    assert post(client, told(printed, "P1-02", code)).codes == {"EQ-V160"}
    assert len(trial.state.randomized) == 1


@pytest.mark.requirement("F33")
def test_what_was_entered_days_later_is_marked(
    trial: RunningTrial, sign_in: SignIn, printed: Printed
) -> None:
    """By the server's clock three days after the opening; one of the same day is not marked."""
    first, second = course.eligible(trial), course.eligible(trial)
    days = dt.timedelta(days=3, minutes=5)
    for packet, code, later in (("P1-01", first, dt.timedelta()), ("P1-02", second, days)):
        opened = OpenedPacket(
            packet=packet,
            code=sheet(printed, packet).split()[1],
            participant=code,
            opened_at=course.now(),
            opened_by=name_of(Role.INVESTIGATOR),
            by=name_of(Role.COORDINATOR),
            reason="Server down",
        )
        enter_packet(trial, opened, at=course.now() + later)
    rows = read(sign_in(Role.MONITOR).get("/packets/")).all("tr")
    marked = [r.text for r in rows if said("packet.days_late", n=3) in r.text]
    assert len(marked) == 1 and "P1-02" in marked[0] and second in marked[0]
    assert not [
        r.text for r in rows if "P1-01" in r.text and said("packet.days_late", n=0) in r.text
    ]


def test_what_is_wrong_comes_back_with_what_was_typed(
    trial: RunningTrial, sign_in: SignIn, printed: Printed
) -> None:
    code = course.eligible(trial)
    client = sign_in(Role.INVESTIGATOR)
    wrong = {"P1-01 AAAA": "EQ-V156", "P1-01": "EQ-V156", "P7-01 AAAA": "EQ-C130"}

    for scanned, found in wrong.items():
        page = post(client, told(printed, "P1-01", code, scanned=scanned))
        assert page.codes == {found}
        assert page.value("participant") == code
    assert post(client, told(printed, "P1-01", code, opened="noon")).codes == {"EQ-W063"}
    assert post(client, told(printed, "P1-01", "01-099")).codes == {"EQ-C003"}
    assert trial.state.participants[code].status == "screening"


@pytest.mark.requirement("D27")
def test_somebody_not_eligible_is_entered_as_it_was(
    trial: RunningTrial, sign_in: SignIn, printed: Printed
) -> None:
    """The page says first what should have stopped it, and then keeps the participant."""
    code = course.consented(trial)
    client = sign_in(Role.INVESTIGATOR)
    assert "EQ-C133" in post(client, told(printed, "P1-01", code)).codes
    post(client, told(printed, "P1-01", code, as_it_is="yes"))

    assert trial.state.participants[code].number
    page = read(sign_in(Role.SAFETY_OFFICER).get("/deviations/"))
    assert "Offline packet P1-01" in page.text


@pytest.mark.requirement("C55", "F30", "F26")
def test_a_code_break_packet_is_in_the_register_and_tells_nothing(
    trial: RunningTrial, sign_in: SignIn, printed: Printed
) -> None:
    """The page does not say what was in it; the sponsor sees who opened it, when and why."""
    code = course.eligible(trial)
    client = sign_in(Role.INVESTIGATOR)
    post(client, told(printed, "P1-01", code))
    page = post(client, told(printed, "B1-01", code, reason="Shock in the night"))

    assert said("packet.broken", packet="B1-01", participant=code) in page.text
    register = read(sign_in(Role.SAFETY_OFFICER).get("/unblindings/"))
    assert "Shock in the night" in register.text
    assert said("break.the_arm") not in register.text
    arms = trial.study.identity.arms
    names = {word for arm in arms.values() for word in (arm.label.en, arm.label.fr)}
    for shown in (page, register, read(client.get("/packets/"))):
        assert not [name for name in names if name in shown.text]


@pytest.mark.requirement("D27")
def test_packets_that_were_not_used_are_counted(
    trial: RunningTrial, sign_in: SignIn, printed: Printed
) -> None:
    client = sign_in(Role.MONITOR)
    assert said("packet.count", n=6) in read(client.get("/packets/")).text
    here = timezone.localdate()
    on = {"on.day": f"{here.day}", "on.month": f"{here.month}", "on.year": f"{here.year}"}
    data = {"became": "destroyed", **on, "reason": "Shredded, two of us"}
    page = read(client.post("/packets/P1-02/", data, follow=True))

    assert "Shredded, two of us" in next(r.text for r in page.all("tr") if "P1-02" in r.text)
    assert trial.state.packets["P1-02"].ends[0][0] == "destroyed"
    assert read(client.post("/packets/P1-02/", {**data, "reason": "x"})).codes == {"EQ-C004"}


def test_other_sites_packets_are_not_seen(
    trial: RunningTrial, sign_in: SignIn, printed: Printed
) -> None:
    client = sign_in("only-at-02")

    assert said("packet.none") in read(client.get("/packets/")).text
    assert read(client.get("/packets/P1-01/")).codes == {"EQ-C130"}


@pytest.mark.requirement("F26", "F30")
def test_what_became_of_a_packet_names_no_arm(
    trial: RunningTrial, sign_in: SignIn, printed: Printed
) -> None:
    """A spoiled one is one that somebody has read; the list of packets is read by the blinded."""
    word = next(iter(trial.study.identity.arms.values())).label.en
    here = timezone.localtime()
    on = {"on.day": f"{here.day}", "on.month": f"{here.month}", "on.year": f"{here.year}"}
    given = {"became": "spoiled", **on, "reason": f"Torn; one reads: {word}"}
    page = read(sign_in(Role.COORDINATOR).post("/packets/B1-02/", given))
    assert page.codes == {"EQ-V032"}
    assert word not in read(sign_in(Role.MONITOR).get("/packets/")).text


@pytest.mark.requirement("F30")
def test_who_opened_a_packet_does_not_come_back_to_assess_outcomes(
    trial: RunningTrial, sign_in: SignIn, printed: Printed
) -> None:
    """Under whatever account, and although they had none when they read it."""
    code = course.eligible(trial)
    client = sign_in(Role.COORDINATOR)
    post(client, told(printed, "P1-01", code))
    post(client, told(printed, "B1-01", code, opened_by="Some Physician"))
    given = {"person": "s.physician", "name": "some  physician", "role": Role.OUTCOME_ASSESSOR}
    with pytest.raises(Refused) as refused:
        add_person(trial, by=name_of(Role.ADMINISTRATOR), at=course.now(), **given)
    assert [p.code for p in refused.value.problems] == ["EQ-V049"]


@pytest.mark.requirement("C62")
def test_who_had_left_stays_out_of_the_trial(
    trial: RunningTrial, sign_in: SignIn, printed: Printed
) -> None:
    """Their number counts with everybody's; nothing more is given to who took back consent."""
    code = course.eligible(trial)
    left = {"participant": code, "on": course.TODAY, "reason": "Took back the consent"}
    withdraw_participant(trial, by=course.COORDINATOR, at=course.now(), **left)
    post(sign_in(Role.INVESTIGATOR), told(printed, "P1-01", code, as_it_is="yes"))
    subject = trial.state.participants[code]
    assert (subject.number, subject.status) == (printed.packets[0].number, "withdrawn")
    query = f"SELECT status FROM read_participant WHERE number = '{subject.number}'"
    assert [*read_tables().database.execute(query)] == [("withdrawn",)]


def test_the_first_minute_of_all_is_no_time(
    trial: RunningTrial, sign_in: SignIn, printed: Printed
) -> None:
    """It has no instant in UTC."""
    code = course.eligible(trial)
    first = {"on.day": "1", "on.month": "1", "on.year": "0001", "opened": "00:00"}
    with override_settings(TIME_ZONE="Europe/Paris"):
        page = post(sign_in(Role.COORDINATOR), told(printed, "P1-01", code, **first))
    assert "EQ-W063" in page.codes

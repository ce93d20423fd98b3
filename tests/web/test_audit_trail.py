"""The audit trail: who changed what, when and why, found again; read from the read tables."""

import datetime as dt

import pytest

from equipoise.conduct import (
    RunningTrial,
    correct_item,
    record_unblinding,
    screen_participant,
)
from equipoise.conduct.leaving.copying import COPIERS
from equipoise.study.roles import UNBLINDED_ROLES, Role
from equipoise.web.emergency.register import READERS as READERS_OF_REGISTER
from equipoise.web.views.trail.reading import TRAIL_READERS

from . import course
from .conftest import SignIn, name_of, said
from .reading import read

READERS = [Role.MONITOR, Role.AUDITOR, Role.DATA_MANAGER]


def corrected(trial: RunningTrial) -> str:
    """Somebody whose height was corrected."""
    code = course.consented(trial)
    course.enter(trial, code, "demography")
    form = trial.state.participants[code].forms["screening", "demography", 0]
    correct_item(
        trial, by=name_of(Role.COORDINATOR), at=course.now(), reason="Misread", participant=code,
        encounter="screening", form="demography", repeat=0, item="height", value=171.5,
        seen=form.version,
    )  # fmt: skip
    return code


@pytest.mark.requirement("C03")
@pytest.mark.parametrize("role", READERS)
def test_a_correction_is_found_with_both_values(
    trial: RunningTrial, sign_in: SignIn, role: Role
) -> None:
    code = corrected(trial)
    page = read(sign_in(role).get("/audit-trail/", {"participant": code, "form": "demography"}))
    assert said("trail.count", n=2) in page.text
    newest = page.all("tr")[1].text
    for words in (
        "Value corrected",
        "ItemCorrected",
        code,
        "height",
        "165 cm",
        "171.5 cm",
        "Misread",
    ):
        assert words in newest


@pytest.mark.requirement("C03")
def test_the_trail_and_the_ledger_are_told_in_french(trial: RunningTrial, sign_in: SignIn) -> None:
    """What happened in words, beside its type; a value as its form shows it, no `false`."""
    code = corrected(trial)
    given = {"encounter": "screening", "form": "consent", "item": "insurance", "seen": 1}
    correct_item(
        trial, by=name_of(Role.COORDINATOR), at=course.now(), reason="Misread", participant=code,
        **given, value=False,
    )  # fmt: skip
    client = sign_in(Role.MONITOR)
    client.cookies["django_language"] = "fr"
    trail = [r.text for r in read(client.get("/audit-trail/", {"participant": code})).all("tr")]
    assert "Valeur corrigée ItemCorrected" in trail[1]
    assert "Oui" in trail[1] and "Non" in trail[1] and "false" not in trail[1]
    assert "165 cm" in trail[2] and "171,5" in trail[2]
    page = read(client.get(f"/ledger/?participant={code}"))
    assert f"Valeur corrigée {code} ItemCorrected" in page.all("tr")[1].text
    assert page.one("option", value="ItemCorrected").text == "Valeur corrigée"


def test_by_person_and_day(trial: RunningTrial, sign_in: SignIn) -> None:
    """Each filter leaves what it should, alone and together; a day that is none filters nothing."""
    corrected(trial)
    client = sign_in(Role.AUDITOR)

    def count(**asked: str) -> int:
        page = read(client.get("/audit-trail/", asked)).text
        return next(n for n in range(999) if said("trail.count", n=n) in page)

    everything = sum(head.seq for head in trial.store.heads().values())
    by_coordinator = [e for e in trial.store.read() if e.by == name_of(Role.COORDINATOR)]
    today = course.now().astimezone(dt.UTC).date()
    assert count() == everything
    assert count(person=name_of(Role.COORDINATOR)) == len(by_coordinator) > 0
    assert count(since="not a day", until="31.02.") == everything
    assert count(since=(today + dt.timedelta(days=2)).isoformat()) == 0
    early = [e for e in trial.store.read() if e.at.date() < today - dt.timedelta(days=1)]
    assert count(until=(today - dt.timedelta(days=2)).isoformat()) == len(early) > 0
    assert count(person="nobody", since="2020-01-01") == 0
    assert count(since="9999-12-31", until="0001-01-01") == 0


def test_what_is_recorded_next_is_there(trial: RunningTrial, sign_in: SignIn) -> None:
    """The tables are brought up to date whenever they are read; pages turn."""
    client = sign_in(Role.MONITOR)
    client.get("/audit-trail/")
    for _ in range(51):
        screen_participant(
            trial, by=name_of(Role.COORDINATOR), at=course.now(), site="01", on=course.TODAY
        )
    first, second = (
        read(client.get("/audit-trail/", {"person": name_of(Role.COORDINATOR), "page": n}))
        for n in ("1", "2")
    )
    assert len(first.all("th", scope="row")) == 50
    assert [e.text for e in second.all("th", scope="row")] == ["site-01:1"]


@pytest.mark.requirement("C08")
def test_the_sites_of_others_stay_theirs(trial: RunningTrial, sign_in: SignIn) -> None:
    """A monitor of one site sees its chain and the control chain, no other."""
    from equipoise.conduct import change_delegation

    course.screened(trial, site="01")
    course.screened(trial, site="02")
    change_delegation(
        trial, by=name_of(Role.ADMINISTRATOR), at=course.now(), person=name_of(Role.MONITOR),
        sites=("02",), reason="Moves",
    )  # fmt: skip
    page = read(sign_in(Role.MONITOR).get("/audit-trail/"))
    chains = {e.text.partition(":")[0] for e in page.all("th", scope="row")}
    assert chains == {"site-02", "control"}


@pytest.mark.requirement("C58", "C66")
def test_what_changed_after_an_unblinding_bears_a_flag(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """And nobody learns by it of an unblinding whom the register does not tell."""
    code, other = corrected(trial), corrected(trial)
    client = sign_in(Role.AUDITOR)

    def flagged() -> list[str]:
        rows = read(client.get("/audit-trail/")).all("tr")
        return [row.text for row in rows if said("trail.late") in row.text]

    assert flagged() == []
    now = course.now().astimezone(dt.UTC)
    record_unblinding(
        trial, by=name_of(Role.MONITOR), at=now, participant=code, on=now.date(),
        reason="A letter lay open", learned="The coordinator",
    )  # fmt: skip
    found = flagged()
    assert any("ItemCorrected" in row and "171.5" in row for row in found)
    assert not any("CodeBroken" in row for row in found), "what tells of it changed no datum"
    assert all(code in row and other not in row for row in found)
    assert set(TRAIL_READERS) <= set(READERS_OF_REGISTER)
    assert set(COPIERS["tables"]) - UNBLINDED_ROLES <= set(READERS_OF_REGISTER)

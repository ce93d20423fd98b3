"""What people used is on record: coming in, and what an infusion holds; and how long that lasts."""

import time
from collections.abc import Callable

import msgspec
import pytest
from django.test import Client
from django.test.utils import override_settings

from equipoise.conduct import RunningTrial, remove_person
from equipoise.conduct.cells import CellUnit
from equipoise.study.roles import Role

from . import course
from .conftest import PASSWORD, SignIn, name_of
from .reading import read
from .test_access import DOORS, access_of, address_of

INVESTIGATOR, UNIT = name_of(Role.INVESTIGATOR), name_of(Role.CELL_UNIT)


def log_ins(trial: RunningTrial) -> list[tuple[str, str]]:
    found = [e for e in trial.store.read() if e.type == "SignedIn"]
    return [(e.by, msgspec.json.decode(e.body or b"")["proof"]) for e in found]


def uses(unit: CellUnit) -> list[tuple[str, str, str]]:
    found = [e for e in unit.store.read() if e.type == "SealedDoorUsed"]
    bodies = [msgspec.json.decode(e.body or b"") for e in found]
    return [(e.by, b["page"], b["about"]) for e, b in zip(found, bodies, strict=True)]


@pytest.mark.requirement("C09")
def test_a_log_in_is_on_record(trial: RunningTrial, sign_in: SignIn) -> None:
    """Who, when and by which means, once each time; one that failed is none."""
    sign_in(Role.INVESTIGATOR)
    sign_in(Role.MONITOR)
    wrong = {"username": INVESTIGATOR, "password": "not mine at all"}
    assert Client().post("/sign-in/", wrong).status_code == 422
    administrator = {"by": name_of(Role.ADMINISTRATOR), "at": course.now(), "reason": "Left"}
    remove_person(trial, **administrator, person="only-at-02")  # type: ignore[arg-type]
    gone = {"username": "only-at-02", "password": PASSWORD}
    assert Client().post("/sign-in/", gone).status_code == 422

    assert log_ins(trial) == [(INVESTIGATOR, "password"), (name_of(Role.MONITOR), "password")]
    came_at = trial.state.people[INVESTIGATOR].came_at
    assert came_at is not None and abs((course.now() - came_at).total_seconds()) < 600


@pytest.mark.requirement("C09")
def test_nobody_comes_in_who_cannot_be_recorded(
    trial: RunningTrial, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store refuses: no session."""
    from equipoise.problems import Refused, problem

    sign_in(Role.MONITOR)

    def refuse(*_: object, **__: object) -> None:
        raise Refused([problem("EQ-G052")])

    monkeypatch.setattr(trial.store, "append", refuse)
    client = Client()
    response = client.post("/sign-in/", {"username": INVESTIGATOR, "password": PASSWORD})
    assert (response.status_code, read(response).codes) == (503, {"EQ-G052"})
    assert client.get("/participants/").status_code == 302


@pytest.mark.requirement("C09", "C65")
def test_what_is_used_behind_the_sealed_door_stays_there(
    trial: RunningTrial, unit: CellUnit, sign_in: SignIn
) -> None:
    """Who came in and saw which infusion: in the cell unit's ledger, and no instant in the trial's,
    where the time that somebody took could tell what they prepared."""
    code = course.ordered(trial)
    before = dict(trial.store.heads())
    client = sign_in(Role.CELL_UNIT, door="sealed")
    assert client.get("/work-list/").status_code == 200
    assert client.get(f"/work-list/{code}/M0/").status_code == 200

    seen = [("sign_in", ""), ("work_list", ""), ("prepare", f"{code} / M0")]
    assert uses(unit) == [(UNIT, *use) for use in seen]
    assert trial.store.heads() == before
    sign_in(Role.UNBLINDED_STATISTICIAN, door="sealed")
    assert uses(unit)[-1] == (name_of(Role.UNBLINDED_STATISTICIAN), "sign_in", "")
    assert trial.store.heads() == before


@pytest.mark.requirement("C09")
def test_every_page_of_the_cell_unit_that_tells_contents_is_on_record(
    trial: RunningTrial, unit: CellUnit, sign_in: SignIn
) -> None:
    """Each page that it may open: one entry a view, but for forms that start empty and its keys."""
    course.ordered(trial)
    client = sign_in(Role.CELL_UNIT, door="sealed")
    unseen = set()
    for pattern in DOORS["sealed"]:
        access = access_of(pattern)
        if "GET" not in access.methods or Role.CELL_UNIT not in access.roles:
            continue
        before = len(uses(unit))
        client.get(address_of(pattern))
        if len(uses(unit)) == before:
            unseen.add(str(pattern.name))
    assert unseen == {
        *("home", "passkeys", "add_passkey", "remove_passkey"),
        *("donor", "receive_batch", "result", "release", "explain", "block", "lift", "bag_out"),
    }


@pytest.mark.requirement("C09")
def test_the_emergency_door_records_breaks_alone(trial: RunningTrial, sign_in: SignIn) -> None:
    """It needs no ledger to let somebody in."""
    before = dict(trial.store.heads())
    client = sign_in(Role.INVESTIGATOR, door="emergency")
    assert client.get("/").status_code == 200
    assert trial.store.heads() == before


@pytest.mark.requirement("C20")
@pytest.mark.parametrize("door", ["site", "sealed", "emergency"])
def test_after_a_break_both_are_asked_again(
    trial: RunningTrial, sign_in: SignIn, behind: Callable[..., None], door: str
) -> None:
    """Who does nothing for longer than the limit shows who they are anew, by name and password;
    who works on stays in."""
    role, page = (Role.CELL_UNIT, "/work-list/") if door == "sealed" else (Role.INVESTIGATOR, "/")
    behind(door)
    with override_settings(SESSION_COOKIE_AGE=4):
        client = sign_in(role)
        for _ in range(3):
            time.sleep(1.5)
            assert client.get(page).status_code == 200
        time.sleep(4.1)
        assert client.get(page).headers["Location"] == "/sign-in/"
        alone = ({"username": name_of(role)}, {"password": PASSWORD})
        assert [client.post("/sign-in/", given).status_code for given in alone] == [422, 422]
        assert client.get(page).status_code == 302
        both = {"username": name_of(role), "password": PASSWORD}
        assert client.post("/sign-in/", both).status_code == 302
        assert client.get(page).status_code == 200


@pytest.mark.requirement("C20")
def test_a_signature_after_a_break_signs_nothing(trial: RunningTrial, sign_in: SignIn) -> None:
    """The password alone, in a form that was left open, is one component of two."""
    code = course.consented(trial)
    address = f"/participants/{code}/sign/"
    with override_settings(SESSION_COOKIE_AGE=3):
        client = sign_in(Role.INVESTIGATOR)
        digest = read(client.get(address)).value("digest")
        time.sleep(3.1)
        response = client.post(address, {"digest": digest, "password": PASSWORD})
        assert response.headers["Location"] == "/sign-in/"
    assert trial.state.participants[code].signature is None

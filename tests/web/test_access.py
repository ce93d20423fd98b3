"""Who may open what: every page of both doors, taken from the addresses, asked by every role."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern

from equipoise.conduct import RunningTrial, remove_person
from equipoise.study.roles import UNBLINDED_ROLES, Role
from equipoise.web.doors import emergency, sealed, site
from equipoise.web.pages import ANYONE, Access, Page

from . import course
from .conftest import SignIn, name_of, said
from .reading import read

DOORS: dict[str, list[URLPattern]] = {
    "site": site.urlpatterns,
    "sealed": sealed.urlpatterns,
    "emergency": emergency.urlpatterns,
}
BREAK = {Role.INVESTIGATOR, Role.SAFETY_OFFICER}
BLINDED = [r for r in Role if r not in UNBLINDED_ROLES]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")

# What the roles are for (ICH E6(R3) 4.2, 4.3.8): written by hand, apart from the code.
ENROLL = {Role.COORDINATOR, Role.INVESTIGATOR}
ENTER = ENROLL | {Role.OUTCOME_ASSESSOR}
WATCH = ENROLL | {
    Role.DATA_MANAGER,
    Role.MONITOR,
    Role.STATISTICIAN,
    Role.SAFETY_OFFICER,
    Role.AUDITOR,
}
OTHER_WAYS = {"passkey_options", "passkey_sign_in", "provider", "provider_back"}
"""In beside the password; where the code is broken, all else may be away."""
DUTIES: dict[str, set[Role]] = {
    "screen": ENROLL,
    "judge": ENROLL,
    "rejudge": ENROLL,
    "randomize": ENROLL,
    "call_off": ENROLL,
    "end_screening": ENROLL,
    "withdraw": ENROLL,
    "complete": ENROLL,
    "stop_treatment": ENROLL,
    "resume_treatment": {Role.INVESTIGATOR},
    "order": ENROLL,
    "start": ENROLL,
    "end": ENROLL,
    "give": ENROLL,
    "sign": {Role.INVESTIGATOR},
    "ask_override": {Role.INVESTIGATOR},
    "agree_override": {Role.SAFETY_OFFICER},
    "drop_override": {Role.INVESTIGATOR, Role.SAFETY_OFFICER},
    "override": WATCH,
    "deviations": WATCH,
    "deviate": ENROLL | {Role.DATA_MANAGER, Role.MONITOR},
    "miss": ENTER,
    "live": ENTER,
    "correct": ENTER,
    "people": {Role.ADMINISTRATOR, Role.AUDITOR},
    "delegation_log": {Role.ADMINISTRATOR, Role.AUDITOR, Role.MONITOR, Role.INVESTIGATOR},
    "access_review": {Role.ADMINISTRATOR},
    "redact": {Role.INVESTIGATOR},
    "site_copy": {Role.INVESTIGATOR},
    "audit_trail": {Role.INVESTIGATOR, Role.DATA_MANAGER, Role.MONITOR, Role.AUDITOR},
    "trail_reviews": {Role.INVESTIGATOR, Role.DATA_MANAGER, Role.MONITOR, Role.AUDITOR},
    "trail_review": {Role.INVESTIGATOR, Role.DATA_MANAGER, Role.MONITOR},
    "add_person": {Role.ADMINISTRATOR},
    "delegate": {Role.ADMINISTRATOR},
    "train": {Role.ADMINISTRATOR},
    "remove_person": {Role.ADMINISTRATOR},
    "invite": {Role.ADMINISTRATOR},
    "withdraw_means": {Role.ADMINISTRATOR},
    "confirm_code": {Role.ADMINISTRATOR, Role.AUDITOR},
    "ledger": ENROLL | {Role.DATA_MANAGER, Role.MONITOR, Role.AUDITOR},
    "unblindings": (WATCH | {Role.DSMB}),
    "tell_unblinding": WATCH | {Role.DSMB, Role.OUTCOME_ASSESSOR},
    "assess_unblinding": {Role.INVESTIGATOR, Role.SAFETY_OFFICER},
    "packets": WATCH,
    "enter_packet": ENROLL,
    "account_packet": ENROLL | {Role.DATA_MANAGER, Role.MONITOR},
    "end_of_blind": {Role.STATISTICIAN, Role.DATA_MANAGER, Role.SAFETY_OFFICER},
    "amendment": {Role.STATISTICIAN, Role.DATA_MANAGER, Role.SAFETY_OFFICER},
    "break_code": BREAK,
    "work_list": {Role.CELL_UNIT},
    "prepare": {Role.CELL_UNIT},
    "verify": {Role.CELL_UNIT},
    "hand_out": {Role.CELL_UNIT},
    "label_pdf": {Role.CELL_UNIT},
    "sheet_pdf": {Role.CELL_UNIT},
    "stock": {Role.CELL_UNIT},
    "declare": {Role.CELL_UNIT},
    "receive_batch": {Role.CELL_UNIT},
    "release": {Role.CELL_UNIT},
    "block": {Role.CELL_UNIT},
    "trace": {Role.CELL_UNIT},
    "closed_report": {Role.UNBLINDED_STATISTICIAN},
}


def access_of(pattern: URLPattern) -> Access:
    view: Any = pattern.callback
    assert isinstance(view, Page), f"{pattern.name} does not say who may open it"
    return view.access


def address_of(pattern: URLPattern, code: str = "01-001") -> str:
    """The address of a pattern, with parts that exist and that every enterer may read."""
    parts = {
        "code": code,
        "encounter": "M0",
        "form": "mrss",
        "repeat": "0",
        "item": "face",
        "rule": "2-willing",
        "person": "the-monitor",
        "batch": "L1",
        "bag": "L1-1",
        "test": "cd73",
        "key": "1",
        "chain": "site-01",
        "site": "01",
        "seq": "1",
        "packet": "P1-01",
    }
    address = "/" + str(pattern.pattern)
    for kind, name in (c.strip("<>").split(":") for c in _parts_of(address)):
        address = address.replace(f"<{kind}:{name}>", parts[name])
    return address


def _parts_of(address: str) -> list[str]:
    return [p for p in address.split("/") if p.startswith("<")]


def asked_methods(access: Access) -> tuple[str, ...]:
    return tuple(m for m in ("GET", "POST") if m in access.methods)


def test_every_page_says_who_may_open_it() -> None:
    """A view without a declaration would be open to all: there is none."""
    for patterns in DOORS.values():
        assert all(isinstance(access_of(p), Access) for p in patterns)
        assert all(access_of(p).methods for p in patterns)


@pytest.mark.requirement("C27")
@pytest.mark.parametrize("door", DOORS)
def test_duties_are_those_of_the_roles(door: str) -> None:
    """The pages that do something, or show all, are declared for whom the trial needs, no more."""
    declared = {str(p.name): access_of(p).roles for p in DOORS[door]}

    assert {n: r for n, r in declared.items() if n in DUTIES} == {
        n: r for n, r in DUTIES.items() if n in declared
    }
    assert {n for n, r in declared.items() if r == ANYONE} == {
        "sign_in",
        "sign_out",
        "language",
        *OTHER_WAYS,
        *({"welcome"} if door == "site" else ()),
    }


@pytest.mark.requirement("C27", "C28", "C66")
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("door", DOORS)
def test_role_matrix(door: str, role: Role, trial: RunningTrial, sign_in: SignIn) -> None:
    """Admitted exactly where the page is declared for the role; else turned away, nothing done."""
    course.ordered(trial)
    client = sign_in(role, door=door)
    homes = {"sealed": UNBLINDED_ROLES, "site": BLINDED, "emergency": BREAK}
    at_home = role in homes[door]

    for pattern in DOORS[door]:
        access = access_of(pattern)
        if access.roles == ANYONE:
            continue
        for method in asked_methods(access):
            before = len(list(trial.store.read()))
            response = client.generic(method, address_of(pattern))
            page = read(response)
            is_elsewhere = said("wrong_door.title") in page.text
            turned_away = "EQ-W020" in page.codes or is_elsewhere
            assert turned_away != (at_home and role in access.roles), (pattern.name, method)
            if turned_away:
                assert response.status_code == 403
                assert len(list(trial.store.read())) == before


@pytest.mark.requirement("C65", "C66")
def test_nobody_blinded_opens_a_page_of_the_sealed_door() -> None:
    """By declaration too: the two doors share no role."""
    open_at = {
        door: {r for p in ps if (a := access_of(p)).roles != ANYONE for r in a.roles}
        for door, ps in DOORS.items()
    }

    assert open_at["sealed"] == set(UNBLINDED_ROLES)
    assert open_at["site"] == set(BLINDED)


@pytest.mark.requirement("C27")
@pytest.mark.parametrize("door", DOORS)
def test_a_stranger_is_sent_to_sign_in(
    door: str, trial: RunningTrial, behind: Callable[..., None]
) -> None:
    course.ordered(trial)
    behind(door)

    for pattern in DOORS[door]:
        access = access_of(pattern)
        for method in asked_methods(access):
            response = Client().generic(method, address_of(pattern))
            if access.roles != ANYONE:
                assert (response.status_code, response.headers["Location"]) == (302, "/sign-in/")


@pytest.mark.requirement("C27", "C31")
def test_an_account_without_a_role_opens_nothing(
    behind: Callable[..., None], accounts: object
) -> None:
    """Knowing a password is not enough: the role stands in the ledger."""
    from django.contrib.auth import get_user_model

    for pattern in DOORS["site"]:
        client = Client()
        client.force_login(get_user_model().objects.get(username="nobody"))
        for method in asked_methods(access_of(pattern)):
            response = client.generic(method, address_of(pattern))
            if response.status_code == 403:
                assert read(response).codes == {"EQ-C001"}
            else:  # the session is gone since
                assert response.status_code in (302, 422) or access_of(pattern).roles == ANYONE


@pytest.mark.requirement("C31")
def test_who_is_removed_is_out_at_the_next_request(trial: RunningTrial, sign_in: SignIn) -> None:
    """The live session ends, and the password opens nothing any more."""
    client = sign_in(Role.MONITOR)
    assert client.get("/").status_code == 200
    remove_person(
        trial,
        by=name_of(Role.ADMINISTRATOR),
        at=course.now(),
        person=name_of(Role.MONITOR),
        reason="left",
    )

    refused = client.get("/participants/")
    assert (refused.status_code, read(refused).codes) == (403, {"EQ-C001"})
    assert name_of(Role.MONITOR) in read(refused).text
    assert client.get("/participants/").headers["Location"] == "/sign-in/"
    again = client.post("/sign-in/", {"username": name_of(Role.MONITOR), "password": "x"})
    assert read(again).codes == {"EQ-W025"}


@pytest.mark.parametrize("door", DOORS)
def test_a_page_is_used_only_as_it_declares(
    door: str, trial: RunningTrial, sign_in: SignIn
) -> None:
    """What reads is not posted to, what acts is not fetched; the answer says what is allowed."""
    course.ordered(trial)
    for pattern in DOORS[door]:
        access = access_of(pattern)
        role = Role.INVESTIGATOR if access.roles == ANYONE else next(iter(access.roles))
        client = sign_in(role, door=door)
        for method in METHODS:
            if method in access.methods:
                continue
            response = client.generic(method, address_of(pattern))
            assert response.status_code == 405, (pattern.name, method)
            assert set(response.headers["Allow"].split(", ")) == access.methods
            if method != "HEAD":
                assert read(response).codes == {"EQ-W022"}


@pytest.mark.requirement("C36")
@pytest.mark.parametrize("door", DOORS)
def test_nothing_is_done_without_the_token_of_a_page(
    door: str, trial: RunningTrial, sign_in: SignIn
) -> None:
    """A post from elsewhere, or from a page that lay open for too long, does nothing."""
    course.ordered(trial)
    for pattern in DOORS[door]:
        access = access_of(pattern)
        if "POST" not in access.methods:
            continue
        role = Role.INVESTIGATOR if access.roles == ANYONE else next(iter(access.roles))
        client = sign_in(role, door=door, enforce_csrf_checks=True)
        before = len(list(trial.store.read()))
        response = client.post(address_of(pattern), {"answer": "yes"})
        assert (response.status_code, read(response).codes) == (403, {"EQ-W023"}), pattern.name
        assert len(list(trial.store.read())) == before

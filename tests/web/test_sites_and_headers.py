"""What a person of one site sees of another, and what surrounds every answer."""

import re
from urllib.parse import quote

import pytest
from django.test import Client

from equipoise.conduct import RunningTrial
from equipoise.study.roles import Role
from equipoise.web import settings as written
from equipoise.web.middleware import HEADERS

from . import course
from .conftest import PASSWORD, SignIn, said
from .reading import read

AT_02 = "only-at-02"
DOING = {
    **course.day("on"),
    **course.day(".on"),
    "answer": "yes",
    "reason": "as agreed",
    ".reason": "as agreed",
    "label": "12345678",
    "volume": "16.5",
    "weight": "71",
    "seen": "1",
}
"""What every page that acts wants to know."""


def pages_of(code: str) -> list[str]:
    """Every page of one participant, and what would act on them."""
    person = f"/participants/{code}/"
    form = f"{person}forms/screening/vital_signs/0/"
    return [
        person,
        *(
            person + act + "/"
            for act in (
                "eligibility",
                "judge/2-willing",
                "randomize",
                "end-screening",
                "withdraw",
                "complete",
                "encounters/M0/order",
                "encounters/M0/give",
                "encounters/M0/miss",
                "log/adverse_event/new",
            )
        ),
        form,
        form + "live/",
        form + "correct/weight/",
    ]


@pytest.mark.requirement("C27")
def test_another_site_does_not_exist(trial: RunningTrial, sign_in: SignIn) -> None:
    """For who works at one site a participant of another is as unknown as one never screened."""
    there = course.given(trial)
    client = sign_in(AT_02)

    entries = len(list(trial.store.read()))

    for address in pages_of(there):
        never = address.replace(there, "01-999")
        for response, other in (
            (client.get(address), client.get(never)),
            (client.post(address, DOING), client.post(never, DOING)),
        ):
            if response.status_code != 405:
                assert response.status_code == other.status_code == 404, address
                assert read(response).codes == read(other).codes == {"EQ-C003"}
                assert "R-0" not in read(response).text
    assert len(list(trial.store.read())) == entries


@pytest.mark.requirement("C27", "C66")
def test_no_list_names_a_participant_of_another_site(trial: RunningTrial, sign_in: SignIn) -> None:
    """Lists, events and the ledger are of one's own site; whoever sees all sites sees both."""
    stages = course.busy(trial)
    course.fallen_ill(trial, stages["elsewhere"], term="Herpes zoster")
    client = sign_in(AT_02)
    addresses = (
        "/",
        "/participants/",
        "/participants/?site=01",
        "/adverse-events/",
        "/ledger/",
        "/ledger/?page=2",
    )

    for address in addresses:
        text = client.get(address).content.decode()
        assert not re.search(r"01-\d{3}|site-01:|Deep vein", text), address
    filtered = read(client.get(f"/ledger/?participant={stages['given']}"))
    assert said("ledger.count", n=0) in filtered.text
    assert len(filtered.all("option")) == 1  # not even what happened
    assert stages["elsewhere"] in read(client.get("/participants/")).text
    assert "Herpes zoster" in read(client.get("/adverse-events/")).text
    assert stages["elsewhere"] in read(client.get("/ledger/")).text
    everywhere = sign_in(Role.DATA_MANAGER)
    assert "Deep vein thrombosis" in read(everywhere.get("/adverse-events/")).text
    assert {stages["given"], stages["elsewhere"]} <= set(
        re.findall(r"\d\d-\d{3}", read(everywhere.get("/participants/")).text)
    )


def test_one_screens_at_ones_own_site(trial: RunningTrial, sign_in: SignIn) -> None:
    """The form offers no other site, and a forged post to one is refused."""
    client = sign_in(AT_02)
    page = read(client.get("/screen/"))
    assert [e.get("value") for e in page.all("input", name="site")] == ["02"]
    assert page.value("site") == "02"

    refused = client.post("/screen/", {"site": "01", **course.day("on")})

    assert (refused.status_code, read(refused).codes) == (422, {"EQ-W008"})
    assert trial.state.participants == {}


ANSWERS = ("/", "/sign-in/", "/nowhere/", "/ledger/?page=x", "/participants/00-000/")


@pytest.mark.requirement("F27")
@pytest.mark.parametrize("address", ANSWERS)
def test_headers_shut_every_page_in(address: str, sign_in: SignIn) -> None:
    """No foreign script, frame or address; nothing is kept by browser or proxy."""
    for client in (sign_in(Role.MONITOR), Client()):
        headers = client.get(address).headers
        policy = dict(
            part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert all(headers[name] == value for name, value in HEADERS.items())


def test_pages_obey_their_own_policy(trial: RunningTrial, sign_in: SignIn) -> None:
    """Nothing on a page needs what the policy forbids: styles and scripts are files of ours."""
    code = course.given(trial)
    client = sign_in(Role.INVESTIGATOR)
    for address in ("/", f"/participants/{code}/", f"/participants/{code}/forms/M3/mrss/0/"):
        page = read(client.get(address))
        assert page.all("script"), address
        assert all(e.get("src").startswith("/static/") for e in page.all("script"))
        assert all(e.get("href").startswith("/static/") for e in page.all("link"))
        assert page.all("style") == []
        inline = [e for e in page.elements for a in e.attrs if a == "style" or a.startswith("on")]
        assert inline == []


def test_static_files_are_there_and_may_be_kept(sign_in: SignIn) -> None:
    """Every file that a page asks for is served by ourselves, under the digest of its content."""
    client = sign_in(Role.MONITOR)
    page = read(client.get("/"))
    addresses = [e.get("src") or e.get("href") for e in page.all("script", "link")]

    assert len(addresses) >= 4
    for address in addresses:
        response = client.get(address)
        assert response.status_code == 200, address
        assert "no-store" not in response.headers["Cache-Control"]
        assert sum(len(part) for part in response.streaming_content) > 100


def test_cookies_are_shut_in() -> None:
    """No script reads them, no other site sends them, and by default they need HTTPS."""
    client = Client()
    client.get("/sign-in/")
    assert written.SESSION_COOKIE_SECURE and written.CSRF_COOKIE_SECURE
    assert written.LANGUAGE_COOKIE_SECURE
    assert written.SESSION_COOKIE_NAME != written.CSRF_COOKIE_NAME


@pytest.mark.requirement("F27")
def test_every_cookie_that_is_set(sign_in: SignIn) -> None:
    """Session, token and language, after all that can set one."""
    client = sign_in(Role.COORDINATOR)
    client.post("/language/", {"language": "fr", "next": "/"})

    assert set(client.cookies) == {"equipoise_site", "equipoise_site_csrf", "django_language"}
    for cookie in client.cookies.values():
        assert cookie["httponly"], cookie.key
        assert cookie["samesite"] == "Strict", cookie.key


def test_signing_in_makes_a_new_session(sign_in: SignIn) -> None:
    """A session or a token that somebody planted before is worth nothing after."""
    client = sign_in(Role.MONITOR)
    before = client.cookies["equipoise_site"].value
    client.post("/sign-out/")
    client.post("/sign-in/", {"username": "the-auditor", "password": PASSWORD})

    assert client.cookies["equipoise_site"].value != before
    planted = Client()
    planted.cookies["equipoise_site"] = before
    assert planted.get("/").headers["Location"] == "/sign-in/"


def test_a_page_says_nothing_of_where_it_leads_back_to(sign_in: SignIn) -> None:
    """What stands in the address is shown as text, never as part of the page."""
    client = sign_in(Role.DATA_MANAGER)
    script = '"><script>alert(1)</script>'
    response = client.get(f"/ledger/?participant={quote(script)}&type={quote(script)}")

    page = read(response)
    assert "<script>alert" not in page.html
    assert page.one("input", id="participant").get("value") == script[:32]
    assert said("ledger.ok") in page.text

"""Coming in and going out, the language, and the pages for what goes wrong."""

import logging
from collections.abc import Callable

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import InterfaceError, OperationalError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, path

from equipoise.conduct import RunningTrial
from equipoise.study.roles import Role
from equipoise.web.doors import site
from equipoise.web.middleware import AgingSessions, QuietFormatter
from equipoise.web.pages import Visit, page

from . import course
from .conftest import PASSWORD, SignIn, said
from .reading import read


def log_in(client: Client, name: str, password: str) -> tuple[int, set[str]]:
    response = client.post("/sign-in/", {"username": name, "password": password})
    return response.status_code, read(response).codes if response.content else set()


@pytest.mark.requirement("C35")
@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("the-monitor", "wrong"),
        ("the-monitor", ""),
        ("", PASSWORD),
        ("unknown", PASSWORD),
        ("nobody", PASSWORD),
        ("THE-MONITOR", PASSWORD),
        ("the-monitor\x00", PASSWORD),
        ("m" * 100_000, "p" * 100_000),
    ],
)
def test_a_failure_does_not_say_what_was_wrong(
    name: str, password: str, behind: Callable[..., None]
) -> None:
    """Wrong name, wrong password or no role: the same words, and nobody is in."""
    client = Client()
    assert log_in(client, name, password) == (422, {"EQ-W025"})
    assert client.get("/").headers["Location"] == "/sign-in/"
    again = read(client.post("/sign-in/", {"username": name, "password": password}))
    assert again.one("input", id="password").get("value") == ""


def test_in_and_out(sign_in: SignIn) -> None:
    """Who is in needs no second door; after going out the old session opens nothing."""
    client = sign_in(Role.MONITOR)
    assert client.get("/sign-in/").headers["Location"] == "/"
    session = client.cookies["equipoise_site"].value
    assert client.post("/sign-out/").headers["Location"] == "/sign-in/"
    client.cookies["equipoise_site"] = session
    assert client.get("/").headers["Location"] == "/sign-in/"


@pytest.mark.parametrize(("door", "role"), [("site", Role.CELL_UNIT), ("sealed", Role.MONITOR)])
def test_the_wrong_door_leads_to_the_right_one(door: str, role: Role, sign_in: SignIn) -> None:
    client = sign_in(role, door=door)
    response = client.get("/")
    assert response.status_code == 403
    assert read(response).one("a", class_="button").get("href") == "https://other.example/"
    assert not read(response).all("nav")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_emergency_door_says_whom_it_is_for(sign_in: SignIn, language: str) -> None:
    """Neither that an unblinded role is blinded, nor that the sites' door takes it."""
    for role, leads_on in (
        (Role.CELL_UNIT, False),
        (Role.UNBLINDED_STATISTICIAN, False),
        (Role.ADMINISTRATOR, True),
        (Role.MONITOR, True),
    ):
        page = read(sign_in(role, door="emergency", language=language).get("/"))
        assert said("wrong_door.emergency", language=language) in page.text
        assert said("wrong_door.blinded", language=language) not in page.text
        links = [e.get("href") for e in page.all("a") if "button" in e.get("class").split()]
        assert links == (["https://other.example/"] if leads_on else [])


def test_a_door_that_knows_no_other(behind: Callable[..., None], sign_in: SignIn) -> None:
    behind("sealed", OTHER_DOOR="")
    assert said("wrong_door.ask") in read(sign_in(Role.MONITOR).get("/")).text


def test_a_rehearsal_shows_its_accounts_and_no_others(
    trial: RunningTrial, behind: Callable[..., None]
) -> None:
    """Each door those of its own roles; a live trial never shows any, whatever is configured."""
    behind("site", DEMO_PASSWORD=PASSWORD)
    shown = read(Client().get("/sign-in/"))
    assert PASSWORD in shown.text and "the-monitor" in shown.text
    assert "the-cell-unit" not in shown.text
    behind("sealed", DEMO_PASSWORD=PASSWORD)
    assert "the-cell-unit" in read(Client().get("/sign-in/")).text
    trial.store.realm = "live"  # type: ignore[misc]
    live = read(Client().get("/sign-in/"))
    assert PASSWORD not in live.text and "the-cell-unit" not in live.text
    assert said("layout.rehearsal") not in live.text


@pytest.mark.requirement("C44")
def test_a_rehearsal_says_so_on_every_page(trial: RunningTrial, sign_in: SignIn) -> None:
    client = sign_in(Role.MONITOR)
    for address in ("/", "/participants/", "/nowhere/"):
        assert said("layout.rehearsal") in read(client.get(address)).text


def test_the_language_is_kept(sign_in: SignIn) -> None:
    """The button leads back to the same page, in the other language, and it stays so."""
    client = sign_in(Role.MONITOR)
    at = "/participants/?site=01"
    asked = read(client.get(at))
    assert asked.value("next") == at
    response = client.post("/language/", {"language": "fr", "next": at})
    assert response.headers["Location"] == at
    page_ = read(client.get("/ledger/"))
    assert page_.one("html").get("lang") == "fr"
    assert client.cookies["django_language"]["max-age"] == 365 * 86400


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example/", "/\\evil.example", "evil", "", "\r\nX: 1"]
)
def test_the_language_leads_nowhere_else(back: str, sign_in: SignIn) -> None:
    client = sign_in(Role.MONITOR)
    response = client.post("/language/", {"language": "xx", "next": back})
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    assert client.cookies["django_language"].value == "en"


def test_an_address_that_is_no_page(sign_in: SignIn) -> None:
    for client in (sign_in(Role.MONITOR), Client()):
        for ask in (client.get, client.post):
            response = ask("/nowhere/")
            assert (response.status_code, read(response).codes) == (404, {"EQ-W021"})


@page(roles=[Role.MONITOR])
def fails(visit: Visit) -> None:
    """A page with a bug."""
    raise ValueError(f"secret value of {visit.person.name}")


class Broken:
    """A door with a page that fails."""

    urlpatterns: tuple[URLPattern, ...] = (*site.urlpatterns, path("fails/", fails, name="fails"))
    handler400, handler404, handler500 = site.handler400, site.handler404, site.handler500


def test_a_bug_tells_nothing(behind: Callable[..., None], sign_in: SignIn) -> None:
    """The page says that it failed; neither page nor log holds the value it failed at."""
    behind("site", ROOT_URLCONF=Broken)
    client = sign_in(Role.MONITOR)
    client.raise_request_exception = False
    response = client.get("/fails/")
    assert (response.status_code, read(response).codes) == (500, {"EQ-W024"})
    assert "secret" not in response.content.decode()
    assert "Traceback" not in response.content.decode()


def test_the_log_says_where_and_never_what() -> None:
    """Frames and the kind of error; the message may hold a value of a person."""
    try:
        raise ValueError("secret value")
    except ValueError as error:
        caught = (type(error), error, error.__traceback__)
    written = QuietFormatter().format(
        logging.LogRecord("x", logging.ERROR, "f.py", 1, "failed", None, caught)
    )
    assert "secret" not in written
    assert "ValueError" in written and "test_the_log_says_where_and_never_what" in written
    assert QuietFormatter().formatException("nothing") == ""


def test_a_host_that_is_not_ours(behind: Callable[..., None]) -> None:
    response = Client().get("/sign-in/", headers={"host": "evil.example"})
    assert (response.status_code, read(response).codes) == (400, {"EQ-W022"})


@pytest.mark.requirement("C36")
def test_a_page_of_before_the_session_ended(sign_in: SignIn, trial: RunningTrial) -> None:
    """With the token of its own page a post is taken, with that of another session it is not."""
    client = sign_in(Role.COORDINATOR, enforce_csrf_checks=True)
    token = read(client.get("/screen/")).all("input", name="csrfmiddlewaretoken")[0].get("value")
    posted = {"site": "01", **course.day("on")}
    refused = client.post("/screen/", {**posted, "csrfmiddlewaretoken": "x" * 64})
    assert (refused.status_code, read(refused).codes) == (403, {"EQ-W023"})
    assert client.post("/screen/", {**posted, "csrfmiddlewaretoken": token}).status_code == 302
    assert list(trial.state.participants) == ["01-001"]


@pytest.mark.parametrize("fault", [OperationalError, InterfaceError])
@pytest.mark.parametrize("is_masked", [True, False])
def test_a_session_that_cannot_be_kept_is_not_taken_for_one_signed_out(
    fault: type[Exception], is_masked: bool
) -> None:
    """The database went away while the page was made: that is said, not that somebody left."""

    class Session(SessionStore):
        def save(self, must_create: bool = False) -> None:  # noqa: ARG002 - Django's
            try:
                raise fault("the connection is closed")
            except fault:
                if is_masked:
                    raise UpdateError from None
                raise

    request = RequestFactory().get("/")
    request.session = Session("a" * 32)
    request.session._session_cache = {"who": "ann"}  # type: ignore[attr-defined]
    request.session.modified = True
    answer = AgingSessions(lambda _: HttpResponse()).process_response(request, HttpResponse())
    assert (answer.status_code, read(answer).codes) == (503, {"EQ-G053"})


def test_a_session_that_was_signed_out_elsewhere_meanwhile() -> None:
    """What Django says of it stands."""

    class Session(SessionStore):
        def save(self, must_create: bool = False) -> None:  # noqa: ARG002 - Django's
            raise UpdateError

    request = RequestFactory().get("/")
    request.session = Session("a" * 32)
    request.session._session_cache = {"who": "ann"}  # type: ignore[attr-defined]
    request.session.modified = True
    with pytest.raises(SessionInterrupted):
        AgingSessions(lambda _: HttpResponse()).process_response(request, HttpResponse())

"""Sessions at the three doors, as a thief of cookies meets them: real servers, plain HTTP."""

import http.client
from collections.abc import Callable
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

import pytest

from .conftest import Served
from .test_passkeys import named

DOORS = {"site": "investigator", "sealed": "cell_unit", "emergency": "investigator"}


class Browser:
    """Keeps cookies as a browser does, and follows nothing by itself."""

    def __init__(self, address: str) -> None:
        self.at = urlsplit(address)
        self.cookies: dict[str, str] = {}

    def ask(self, path: str, **posted: str) -> tuple[int, str]:
        """The status, and where it leads."""
        connection = http.client.HTTPConnection(self.at.hostname or "", self.at.port, timeout=30)
        kept = "; ".join(f"{n}={v}" for n, v in self.cookies.items())
        headers = {"Cookie": kept, "Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(posted) if posted else None
        connection.request("POST" if posted else "GET", path, body=body, headers=headers)
        answer = connection.getresponse()
        page = answer.read().decode()
        for line in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        connection.close()
        self.token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        return answer.status, answer.headers.get("Location") or ""

    def log_in(self, person: str, password: str) -> None:
        self.ask("/sign-in/")
        given = {"username": person, "password": password, "csrfmiddlewaretoken": self.token}
        assert self.ask("/sign-in/", **given) == (302, "/")

    @property
    def is_in(self) -> bool:
        return self.ask("/")[1] != "/sign-in/"


@pytest.fixture
def opened(served: Served) -> Callable[[str], Browser]:
    """A browser at a door, with the cookies that somebody else put there, if any."""

    def at(door: str, **planted: str) -> Browser:
        made = Browser(named(getattr(served, door)))
        made.cookies |= planted
        return made

    return at


@pytest.mark.requirement("C35", "C65")
@pytest.mark.timeout(300)
def test_a_session_opens_one_door_for_who_opened_it(
    served: Served, opened: Callable[..., Browser]
) -> None:
    """A name that was planted before the log-in is none afterwards; what one door gave opens no
    other, under whichever name; and who went out left nothing that comes in.
    """
    inside: dict[str, str] = {}
    for door, person in DOORS.items():
        name = f"equipoise_{door}"
        planted = "x" * 32
        victim = opened(door, **{name: planted})
        victim.log_in(person, served.password)
        inside[door] = victim.cookies[name]
        assert victim.is_in and inside[door] != planted
        assert not opened(door, **{name: planted}).is_in

        # One that the door itself gave before, to whoever planted it.
        thief = opened(door)
        thief.ask("/sign-in/")
        given = {"_kind": "sign_in", "csrfmiddlewaretoken": thief.token}
        assert thief.ask("/passkeys/options/", **given)[0] == 200
        before = thief.cookies[name]
        victim = opened(door, **{name: before})
        victim.log_in(person, served.password)
        assert victim.cookies[name] != before
        assert not opened(door, **{name: before}).is_in

    for other in DOORS:
        for door, session in inside.items():
            assert opened(other, **{f"equipoise_{other}": session}).is_in == (door == other)

    for door, session in inside.items():
        name = f"equipoise_{door}"
        leaving = opened(door, **{name: session})
        assert leaving.is_in
        leaving.ask("/work-list/" if door == "sealed" else "/")
        assert leaving.ask("/sign-out/", csrfmiddlewaretoken=leaving.token)[1] == "/sign-in/"
        assert not opened(door, **{name: session}).is_in

"""A browser without a screen: it follows the links of the site door, asks each of its addresses in
French or in English, and keeps every answer."""

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import NamedTuple

from equipoise.cli.demonstrating import PASSWORD
from equipoise.study.roles import Role

STARTS = ("/", "/ledger/?page=9&type=%00", "/nowhere/%E2%80%AE", "/people/")
MOST_LINKS = 25
PARTS = {
    "code": "01-001",
    "encounter": "M0",
    "form": "mrss",
    "repeat": "0",
    "item": "face",
    "rule": "2-willing",
    "person": "monitor",
    "key": "1",
    "chain": "site-01",
    "seq": "1",
    "packet": "P1-01",
}
"""What stands in the addresses of a whole rehearsal of the first study."""
WITHOUT_A_PAGE = {
    "sign_out": "a button; what follows is the page to log in",
    "language": "a choice; what follows is the page it was made on",
    "judge": "the answers on the page of eligibility",
    "receive": "a button on the page of adverse events",
    "ask_override": "a form on the page of the exception",
    "agree_override": "the same",
    "drop_override": "the same",
    "invite": "a button on the page of people",
    "live": "a part of a form while it is filled in, of what was posted",
    "passkey_options": "a script's question before a passkey is used",
    "passkey_sign_in": "a script's answer, signed by a device",
    "make_passkey": "the same, for a new one",
    "provider_afresh": "on to the provider, where there is one",
    "site_copy": "a button on the ledger's page; the search for words presses it",
}
"""Addresses that answer a POST alone, and why nobody opens them."""


class Answer(NamedTuple):
    """What a server said: the address that it led to with its headers, and the body."""

    head: str
    body: bytes

    @property
    def everything(self) -> bytes:
        return self.head.encode() + self.body


def find_addresses() -> dict[str, tuple[str, tuple[Role, ...]]]:
    """Every name of the site door that answers a GET: an address, and the blinded roles for it."""
    from equipoise.web.doors.site import urlpatterns
    from equipoise.web.pages import ANYONE, BLINDED, Page

    found, without = {}, set()
    for pattern in urlpatterns:
        assert isinstance(pattern.callback, Page) and pattern.name
        access = pattern.callback.access
        if "GET" not in access.methods:
            without.add(pattern.name)
            continue
        address = re.sub(r"<\w+:(\w+)>", lambda m: PARTS[m[1]], f"/{pattern.pattern}")
        roles = BLINDED if access.roles == ANYONE else access.roles & BLINDED
        found[pattern.name] = address, tuple(r for r in Role if r in roles)
    assert without == {*WITHOUT_A_PAGE}
    return found


def list_visits(role: Role) -> list[tuple[str, str]]:
    """The addresses that a role asks, each with its language: over the roles of a page both, and
    whoever is alone with it asks twice."""
    visits = []
    for place, (address, roles) in enumerate(find_addresses().values()):
        if role in roles:
            turn = place + roles.index(role)
            languages = ("en", "fr") if len(roles) == 1 else (("en", "fr")[turn % 2],)
            visits += [(address, language) for language in languages]
    return visits


def crawl(
    site: str,
    person: str,
    *,
    n_pages: int,
    visits: Sequence[tuple[str, str]] = (),
    posts: Sequence[str] = (),
) -> dict[str, Answer]:
    """Sign in, follow links from the first pages, make the visits and press these buttons; the
    answers by address."""
    browser = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    )
    page = fetch(browser, f"{site}/sign-in/")
    form = {"csrfmiddlewaretoken": token_of(page), "username": person, "password": PASSWORD}
    data = urllib.parse.urlencode(form).encode()
    seen = {"/sign-in/": page, "sign in": fetch(browser, f"{site}/sign-in/", data)}
    waiting = list(STARTS)
    while waiting and len(seen) < n_pages + 2:
        path = waiting.pop(0)
        if path not in seen:
            seen[path] = fetch(browser, site + path)
            found = re.findall(r'href="(/[^"#]*)', seen[path].body.decode(errors="replace"))
            # Deep pages before the many alike: forms and eligibility of a few participants.
            links = sorted((f for f in found if f not in seen), key=len, reverse=True)
            waiting += links[:MOST_LINKS]
    for path, language in visits:
        seen[f"{language} {path}"] = fetch(browser, site + path, language=language)
    for path in posts:
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": token_of(seen["/"])}).encode()
        seen[path] = fetch(browser, site + path, data)
    return seen


def token_of(page: Answer) -> str:
    """What a page lets its forms be sent with."""
    found: list[str] = re.findall(_TOKEN, page.body.decode())
    return found[0]


_TOKEN = r'name="csrfmiddlewaretoken" value="([^"]+)"'


def fetch(
    browser: urllib.request.OpenerDirector,
    url: str,
    data: bytes | None = None,
    *,
    language: str = "en",
) -> Answer:
    """One answer, whatever its status."""
    said = {"Referer": url, "Accept-Language": language}
    try:
        answer = browser.open(urllib.request.Request(url, data, said), timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return Answer(f"{answer.status} {answer.url}\n{answer.headers}", answer.read())

"""A browser without a screen, which follows the links of the site door and keeps every answer."""

import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import NamedTuple

from equipoise.cli.demonstrating import PASSWORD

STARTS = ("/", "/ledger/?page=9&type=%00", "/nowhere/%E2%80%AE", "/people/")
MOST_LINKS = 25


class Answer(NamedTuple):
    """What a server said: the address that it led to with its headers, and the body."""

    head: str
    body: bytes

    @property
    def everything(self) -> bytes:
        return self.head.encode() + self.body


def crawl(site: str, person: str, *, n_pages: int, posts: Sequence[str] = ()) -> dict[str, Answer]:
    """Sign in, follow links from the first pages, press these buttons; the answers by address."""
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
    for path in posts:
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": token_of(seen["/"])}).encode()
        seen[path] = fetch(browser, site + path, data)
    return seen


def token_of(page: Answer) -> str:
    """What a page lets its forms be sent with."""
    found: list[str] = re.findall(_TOKEN, page.body.decode())
    return found[0]


_TOKEN = r'name="csrfmiddlewaretoken" value="([^"]+)"'


def fetch(browser: urllib.request.OpenerDirector, url: str, data: bytes | None = None) -> Answer:
    """One answer, whatever its status."""
    try:
        answer = browser.open(urllib.request.Request(url, data, {"Referer": url}), timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return Answer(f"{answer.status} {answer.url}\n{answer.headers}", answer.read())

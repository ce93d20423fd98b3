"""A person at a door, without a browser: opens a page, fills in a form of it, sends it."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlencode, urljoin

from tests.web.reading import Reading

Fields = list[tuple[str, str]]
FIELDS = ("input", "select", "textarea", "button")


class Visitor:
    """One person's session at one door; `page` is what they see at `path`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}
        self.path, self.status, self.page = "/", 0, Reading("")

    def go(self, path: str) -> Reading:
        """Open a page, wherever it leads."""
        self._ask("GET", path, [])
        return self.page

    def send(self, path: str, answers: Mapping[str, str]) -> Reading:
        """Open a page, fill in the form that asks for this, send it; other fields stay as found."""
        self.go(path)
        to, held = next((to, held) for to, names, held in self._forms() if answers.keys() <= names)
        self._ask("POST", to, _with(held, answers))
        return self.page

    def press(self, action: str, **answers: str) -> Reading:
        """Press the button of this page that does `action`."""
        held = next(held for to, _, held in self._forms() if to == action)
        self._ask("POST", action, _with(held, answers))
        return self.page

    def actions(self) -> list[str]:
        """What the buttons of this page do."""
        return [to for to, _, _ in self._forms()]

    def _forms(self) -> Iterator[tuple[str, set[str], Fields]]:
        """Where each form of the page goes, what it asks for, and what its fields hold."""
        for form in self.page.all("form", method="post"):
            if not form.is_in("main"):
                continue
            fields = [e for e in self.page.all(*FIELDS) if form in e.within and e.get("name")]
            held = [
                (e.get("name"), e.text if e.tag == "textarea" else e.get("value"))
                for e in fields
                if e.get("type") not in ("radio", "checkbox") or "checked" in e.attrs
                if e.tag != "button"
            ]
            yield form.get("action") or self.path, {e.get("name") for e in fields}, held

    def _ask(self, method: str, path: str, fields: Fields) -> None:
        while True:
            self.path = path
            cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            headers = {"Cookie": cookies, "Origin": f"http://127.0.0.1:{self.port}"}
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
                connection.request(method, path, urlencode(fields), headers)
                answer = connection.getresponse()
                for cookie in answer.msg.get_all("Set-Cookie") or []:
                    name, _, value = cookie.partition(";")[0].partition("=")
                    self.cookies[name] = value
                self.status, self.page = answer.status, Reading(answer.read().decode())
            if answer.status != 302:
                return
            method, path, fields = "GET", urljoin(path, answer.headers["Location"]), []


def _with(held: Fields, answers: Mapping[str, str]) -> Fields:
    return [*((name, value) for name, value in held if name not in answers), *answers.items()]

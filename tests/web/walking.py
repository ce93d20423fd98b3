"""A walk through a door: every page that its links and its addresses lead to."""

import base64
import html
import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from django.test import Client
from msgspec import Struct

from equipoise.conduct import RunningTrial

from .reading import Reading


class Seen(Struct, frozen=True):
    """An answer, whole."""

    address: str
    status: int
    headers: str
    body: str
    cookies: str

    @property
    def page(self) -> Reading:
        return Reading(self.body)

    @property
    def everything(self) -> str:
        return "\n".join((self.address, str(self.status), self.headers, self.cookies, self.body))


def ask(client: Client, address: str, method: str = "GET", data: object = None) -> Seen:
    """One question and its whole answer; a page that fails fails the test."""
    response = client.post(address, data) if method == "POST" else client.get(address)
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    cookies = "\n".join(c.OutputString() for c in client.cookies.values())
    is_paper = response.headers.get("Content-Type") == "application/pdf"
    body = b"" if response.streaming or is_paper else response.content
    return Seen(f"{method} {address}", response.status_code, headers, body.decode(), cookies)


def walk(client: Client, addresses: Iterable[str] = ("/",)) -> Iterator[Seen]:
    """Follow every link from these addresses, each once; of what repeats in a page, one."""
    waiting, known = list(addresses), {_kind(a) for a in addresses}
    while waiting:
        seen = ask(client, waiting.pop())
        yield seen
        for link in _LINK.findall(seen.body):
            address = html.unescape(link).partition("#")[0]
            if _kind(address) not in known:
                known.add(_kind(address))
                waiting.append(address)


_LINK = re.compile(r'(?:href|hx-get)="(/(?!/|static/)[^"]*)')


def _kind(address: str) -> str:
    return re.sub(r"/(correct|judge)/[\w-]+/", r"/\1/", address)


def every_address(trial: RunningTrial) -> Iterator[str]:
    """The addresses of the site door, for everybody in the trial and all that is entered."""
    yield from ("/", "/participants/", "/screen/", "/adverse-events/", "/ledger/", "/people/")
    yield from ("/deviations/", "/audit-trail/", "/unblindings/", "/end-of-blind/", "/amendment/")
    yield from ("/audit-trail/review/", "/audit-trail/reviews/")
    for subject in trial.state.participants.values():
        person = f"/participants/{subject.code}/"
        yield person
        for act in (
            "eligibility",
            "randomize",
            "exception",
            "deviation",
            "unblinding",
            "end-screening",
            "withdraw",
            "complete",
            "stop-treatment",
            "resume-treatment",
            "sign",
        ):
            yield f"{person}{act}/"
        yield f"{person}judge/E6/anew/"
        for encounter in trial.study.infusion_encounters:
            acts = ("order", "start", "end", "give", "miss")
            yield from (f"{person}encounters/{encounter}/{a}/" for a in acts)
        for encounter, form, repeat in subject.forms:
            record = f"{person}forms/{encounter or '-'}/{form}/{repeat}/"
            yield record
            first = next(iter(trial.study.forms[form].items))
            yield f"{record}correct/{first}/"


def traces(word: str) -> set[str]:
    """How a word could stand in a page without being read at once."""
    raw = word.encode()
    found = {word, word[::-1], raw.hex(), raw[::-1].hex()}
    for shift, start in ((0, 0), (1, 2), (2, 3)):
        padded = b"\0" * shift + raw
        whole = len(padded) // 3 * 3
        found.add(base64.b64encode(padded[:whole]).decode()[start:])
    return {t.lower() for t in found}


def find_traces(text: str, words: Iterable[str]) -> list[str]:
    """The words that leave a trace in a text: plain, escaped or encoded."""
    lowered = [way.lower() for way in {text, html.unescape(text), unquote(text)}]
    return [word for word in words if any(t in way for t in traces(word) for way in lowered)]

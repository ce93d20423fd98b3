"""Every page as a screen reader meets it, in French and in English: structure and words."""

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest

from equipoise.conduct import RunningTrial
from equipoise.study.roles import Role
from equipoise.web.running import cell_unit
from equipoise.web.texts import WORDS

from . import course, walking
from .conftest import SignIn
from .reading import Element, Reading

WALKS = [
    ("site", Role.INVESTIGATOR),
    ("site", Role.DATA_MANAGER),
    ("site", Role.AUDITOR),
    ("site", Role.OUTCOME_ASSESSOR),
    ("sealed", Role.CELL_UNIT),
    ("sealed", Role.UNBLINDED_STATISTICIAN),
    ("emergency", Role.SAFETY_OFFICER),
]


BREAK = {"reason": "Shock", "request": "r1", "is_read": "y"}


def refusals(trial: RunningTrial) -> list[tuple[str, dict[str, str]]]:
    """Posts that are refused, so that pages with problems are read too."""
    codes = list(trial.state.participants)
    person, ordered = f"/participants/{codes[0]}", f"/participants/{codes[-1]}"
    return [
        ("/screen/", {}),
        (f"{person}/end-screening/", {}),
        (f"{person}/withdraw/", {"on.day": "31", "on.month": "2"}),
        (f"{person}/sign/", {"password": "x"}),
        (f"{person}/judge/E6/", {}),
        (f"{person}/forms/screening/demography/0/", {"height": "tall", ".on.day": "31"}),
        (f"{person}/forms/screening/mrss/0/", {"face": "9", "chest.not_done": "yes"}),
        (f"{ordered}/encounters/M0/order/", course.day("on")),
        (f"/work-list/{codes[-1]}/M0/", {"bag": "none"}),
        (f"{person}/", {"question": "infusion:M0", "request": "r", "is_read": "y"}),
        (f"{person}/", {**BREAK, "question": "infusion:M0"}),
        (f"{person}/", {**BREAK, "question": "arm", "request": "r2", "is_read": ""}),
        ("/stock/receive/", {"bags": "x"}),
        ("/stock/L1/release/", {}),
        (f"/work-list/{codes[-1]}/M0/verify/", {}),
        ("/nowhere/", {}),
    ]


def walk(
    trial: RunningTrial, sign_in: SignIn, where: tuple[str, Role], language: str
) -> Iterator[walking.Seen]:
    """A trial with somebody at several stages, walked through."""
    code = course.given(trial)
    course.fallen_ill(trial, code)
    course.consented(trial)
    course.ordered(trial)
    door, role = where
    client = sign_in(role, door=door, language=language)
    if door == "sealed":
        unit = cell_unit()
        course.stocked(unit)
        course.composed(unit, course.ordered(trial))
    starts = {
        "site": list(walking.every_address(trial)),
        "sealed": ["/", "/work-list/", "/trace/?q=D1"],
        "emergency": ["/", f"/participants/{code}/", "/participants/09-001/"],
    }[door]
    yield from walking.walk(client, starts)
    for address, data in refusals(trial):
        yield walking.ask(client, address, "POST", data)


def faults(page: Reading) -> Iterator[str]:
    """What a page does that a screen reader, or a strict parser, stumbles over."""
    yield from page.faults
    ids = [e.get("id") for e in page.elements if e.get("id")]
    yield from (f"id twice: {i}" for i in set(ids) if ids.count(i) > 1)
    yield from unnamed(page)
    yield from out_of_order(page)
    for table in page.all("table"):
        heads = [e for e in page.all("th") if table in e.within]
        if not heads or any(e.get("scope") not in ("row", "col") for e in heads):
            yield f"table without scope: {table!r}"
    for element in page.elements:
        for name in ("aria-describedby", "aria-labelledby", "for"):
            yield from (
                f"{name} points nowhere: {i}" for i in element.get(name).split() if i not in ids
            )
        address = element.get("href")
        if address.startswith("#") and address[1:] not in ids:
            yield f"link points nowhere: {address}"


def unnamed(page: Reading) -> Iterator[str]:
    """Controls, groups, links and pictures that have no name to be read out."""
    named = {e.get("for") for e in page.all("label")}
    for e in page.all("input", "select", "textarea"):
        if e.get("type") != "hidden" and e.get("id") not in named and not e.is_in("label"):
            yield f"no label: {e!r}"
    for e in page.all("fieldset"):
        if not [x for x in page.all("legend") if x.within[0] is e and x.text]:
            yield f"no legend: {e!r}"
    for e in page.all("a", "button", "summary", "th", "legend", "label"):
        if not e.text:
            yield f"no words: {e!r}"
    for e in page.all("svg"):
        if not (
            e.get("aria-label")
            or e.get("aria-labelledby")
            or [x for x in page.all("title") if e in x.within]
        ):
            yield f"no name: {e!r}"


def out_of_order(page: Reading) -> Iterator[str]:
    """Headings go down by one at a time; only the summary of problems stands before the first."""

    def is_alert(e: Element) -> bool:
        return any(x.get("role") == "alert" for x in e.within)

    levels = [int(e.tag[1]) for e in page.all("h1", "h2", "h3", "h4") if not is_alert(e)]
    if levels.count(1) != 1 or levels[0] != 1:
        yield f"headings: {levels}"
    yield from (f"heading h{a} then h{b}" for a, b in pairwise(levels) if b > a + 1)


@pytest.mark.parametrize(("where", "language"), [(w, "fr") for w in WALKS] + [(WALKS[0], "en")])
def test_every_page_can_be_read_out(
    where: tuple[str, Role], language: str, trial: RunningTrial, sign_in: SignIn
) -> None:
    """Names, labels, legends, scopes, headings, ids, the skip link, the language, the title."""
    found: dict[str, list[str]] = {}
    n_pages = 0
    for seen in walk(trial, sign_in, where, language):
        if not seen.body:
            continue
        n_pages += 1
        page = seen.page
        wrong = list(faults(page))
        if page.one("html").get("lang") != language:
            wrong.append("language")
        if page.all("a")[0].get("href") != "#main" or page.one("main").get("id") != "main":
            wrong.append("no skip link")
        if page.all("title")[0].text == "· Equipoise":
            wrong.append("no title")
        slips = ["{{", "Traceback", "Undefined"]
        if language == "fr":  # in English a choice may be called so
            slips.append("None")
            wrong += english_in(page)
        wrong += [w for w in slips if w in bare(page)]
        if wrong:
            found[seen.address] = wrong
    assert n_pages >= 10
    assert found == {}


def bare(page: Reading) -> str:
    """The text without what the ledger quotes."""
    text = page.one("body").text
    for quoted in filter(None, (e.text for e in page.all("pre"))):
        text = text.replace(quoted, " ")
    return text


ENGLISH = sorted(
    {
        text.en.rstrip(".:")
        for group in WORDS.values()
        for text in group.values()
        if text.en != text.fr and "{" not in text.en and len(text.en) > 3
    }
)
FRENCH = " ".join(text.fr for group in WORDS.values() for text in group.values()).lower()


def english_in(page: Reading) -> list[str]:
    """Words of the interface that are there in English, as the whole of an element's text."""
    texts = {e.text.rstrip(".:") for e in page.elements if not e.get("lang")}
    return [
        w for w in ENGLISH if w in texts and not re.search(rf"\b{re.escape(w.lower())}\b", FRENCH)
    ]


def test_the_search_for_faults_can_fail() -> None:
    """A page with one of each fault: each is found."""
    html = """<html><body><h2>Late</h2><h4>Deeper</h4><input id="a"><p id="a"></p><a href="#x"></a>
    <table><tr><th>Head</th></tr></table><fieldset></fieldset><svg></svg><b></body></html>"""
    told = " ".join(faults(Reading(html)))
    for fault in (
        "id twice: a",
        "no label",
        "points nowhere: #x",
        "no words",
        "table without scope",
        "no legend",
        "no name",
        "headings: [2, 4]",
        "h2 then h4",
        "closes nothing",
    ):
        assert fault in told, fault
    english = Reading("<html><body><p>Log out</p><p>None</p><pre>{{ }}</pre></body></html>")
    assert english_in(english) == ["Log out"]
    assert "None" in bare(english) and "{{" not in bare(english)

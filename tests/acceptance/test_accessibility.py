"""Every kind of page through the rules of axe (WCAG 2.2, levels A and AA), in a real browser."""

import re
from importlib import resources
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from equipoise.study.roles import UNBLINDED_ROLES, Role

from .conftest import Served
from .test_browser import browser, sign_in  # noqa: F401 - a fixture

AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text()
RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"
LOOK = f"() => axe.run(document, {{runOnly: {RULES}, resultTypes: ['violations']}})"
CLINICAL = {Role.COORDINATOR, Role.INVESTIGATOR, Role.OUTCOME_ASSESSOR, Role.DATA_MANAGER}
ROLES = {
    "clinical": CLINICAL,
    "oversight": set(Role) - CLINICAL - UNBLINDED_ROLES,
    "unblinded": UNBLINDED_ROLES,
}
LEAST_SEEN = {"clinical": 15, "oversight": 15, "unblinded": 8}
LINKS = "links => links.map(a => a.href)"


def kind_of(address: str) -> str:
    """What pages differ by: their address without the participant, the visit and the form."""
    parts = urlsplit(address).path.split("/")
    named = [re.sub(r"^(M\d+|[LR]\d+|\d+|\w+-\d+)$", "*", part) for part in parts]
    return "/".join(named[:5])


def violations_of(page: Page) -> list[str]:
    """What axe finds, each with the first element that it concerns."""
    page.evaluate(AXE)
    found = page.evaluate(LOOK)["violations"]
    return [f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:200]}" for v in found]


@pytest.mark.requirement("D26")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("who", ROLES)
def test_no_page_breaks_a_rule_of_axe(
    who: str,
    browser: Browser,  # noqa: F811
    served: Served,
) -> None:
    """Each role signs in and follows links; of each kind of page the first one is looked at."""
    seen, found = set[str](), dict[str, str]()
    for role in sorted(ROLES[who]):
        site = served.sealed if role in UNBLINDED_ROLES else served.site
        page = sign_in(browser, served, role.value, door=site)
        main_pages = page.eval_on_selector_all("nav a[href]", LINKS)
        seen -= {kind_of(address) for address in main_pages}  # they show each role other things
        waiting = [site + "/", *main_pages]
        while waiting:
            address = waiting.pop(0)
            if kind_of(address) in seen:
                continue
            seen.add(kind_of(address))
            page.goto(address)
            for violation in violations_of(page):
                found.setdefault(violation.split()[0], f"{address} {violation}")
            links = page.eval_on_selector_all("main a[href], nav a[href]", LINKS)
            waiting += [link for link in links if link.startswith(site) and "#" not in link]
        page.context.close()

    assert found == {}
    assert len(seen) > LEAST_SEEN[who]


def test_a_page_that_breaks_a_rule_is_found(browser: Browser, served: Served) -> None:  # noqa: F811
    """The same look at a page from which a label was taken."""
    page = browser.new_page()
    page.goto(f"{served.site}/sign-in/")
    assert violations_of(page) == []
    page.evaluate("document.querySelectorAll('label').forEach(l => l.remove())")
    assert any(v.startswith("label ") for v in violations_of(page))
    page.close()

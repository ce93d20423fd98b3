"""A newcomer's way through the trial, in a real browser."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from equipoise.study.forms import Form
from equipoise.study.study import Study

from .conftest import Served

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# An eligible woman of the first study, by route 5a: early disease, mRSS 22, anemia.
ANSWERS: Mapping[str, Mapping[str, object]] = {
    "consent": {
        "version": "1.0",
        "insurance": True,
        "guardianship": "none",
        "in_other_trial": False,
    },
    "demography": {"birth_month": "1980-05", "sex": "female", "height": 165, "may_conceive": False},
    "ssc_history": {
        "renal_crisis": False,
        "hemolytic_anemia": False,
        "renal_insufficiency": False,
        "heart_failure": False,
    },
    "medical_history": {"neoplasm": False, "myelodysplasia": False},
    "acr_eular": {"proximal_skin": True, "better_explained": False},
    "vital_signs": {"weight": "70,0"},
    "laboratory": {
        "hemoglobin": "10,2",
        "crp": 12,
        "neutrophils": 4.2,
        "platelets": 250,
        "lymphocytes": 1.4,
        "alt": 25,
        "alt_upper": 40,
        "ast": 25,
        "ast_upper": 40,
        "gfr": 95,
        "creatinine": 70,
        "hiv": "negative",
    },
    "lung_function": {"fvc": 92, "dlco": 85, "dlco_corrected": 88, "ild": False},
    "heart": {
        "lvef": 60,
        "spap": 25,
        "rhc_done": False,
        "mri_done": False,
        "rhythm": False,
        "av_block": "none",
        "effusion": "none",
    },
}


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


def sign_in(browser: Browser, served: Served, person: str, *, door: str = "") -> Page:
    page = browser.new_context(locale="en-GB").new_page()
    page.set_default_timeout(30_000)
    page.goto((door or served.site) + "/sign-in/")
    page.fill("#username", person)
    page.fill("#password", served.password)
    page.click("button.button")
    page.wait_for_url(lambda url: "/sign-in/" not in url)
    return page


def choose(page: Page, name: str, value: object) -> None:
    page.check(f'input[type=radio][name="{name}"][value="{value}"]')


def put(page: Page, form: Form, name: str, value: object) -> None:
    """Answer one item as a person would."""
    kind = form.items[name].type
    if kind == "boolean":
        choose(page, name, "yes" if value else "no")
    elif kind in ("choice", "scale"):
        choose(page, name, value)
    elif kind in ("date", "month"):
        parts = str(value).split("-")
        for part, digits in zip(("year", "month", "day"), parts, strict=False):
            page.fill(f'[name="{name}.{part}"]', digits)
    else:
        page.fill(f'[name="{name}"]', str(value))


def plausible(form: Form, name: str, today: dt.date) -> object:
    """An unremarkable answer for an item that a test says nothing about."""
    item = form.items[name]
    low, high = item.usual or item.range or (1, 1)
    return {
        "boolean": False,
        "choice": next(iter(item.choices), ""),
        "scale": round(low),
        "number": (low + high) / 2,
        "integer": round((low + high) / 2),
        "date": today.isoformat(),
        "month": (today - dt.timedelta(days=300)).isoformat()[:7],
        "text": "R1",
    }[item.type]


def enter(
    page: Page,
    served: Served,
    form: Form,
    code: str,
    *,
    encounter: str = "screening",
    **answers: object,
) -> None:
    """Open a form, answer everything that is asked, save."""
    today = dt.datetime.now(dt.UTC).date()
    page.goto(f"{served.site}/participants/{code}/forms/{encounter}/{form.form}/0/")
    put_date(page, today)
    given = {**ANSWERS.get(form.form, {}), **answers}
    for name in form.items:
        slot = page.locator(f'[name="{name}"], [name="{name}.year"]')
        if slot.count() and (form.items[name].required or name in given):
            put(page, form, name, given.get(name, plausible(form, name, today)))
            if form.items[name].type in ("boolean", "choice"):
                page.wait_for_timeout(400)
    page.click("form button.button:has-text('Save')")
    expect(page.locator(".errors")).to_have_count(0)


def put_date(page: Page, today: dt.date) -> None:
    for part, digits in zip(("year", "month", "day"), today.isoformat().split("-"), strict=True):
        page.fill(f'[name=".on.{part}"]', digits)


@pytest.mark.requirement("C27", "C65", "F05")
@pytest.mark.timeout(280)
def test_from_screening_to_the_bag(browser: Browser, served: Served, study: Study) -> None:
    """A coordinator screens, sees why a criterion is unknown, completes it and randomizes.

    The cell unit, at its own door, sees what to infuse; no blinded page says it.
    """
    coordinator = sign_in(browser, served, "coordinator")
    investigator = sign_in(browser, served, "investigator")
    expect(coordinator.locator("body")).to_contain_text("Rehearsal")

    code = screen_somebody(coordinator, served)

    for form in study.forms_at("screening"):
        page = coordinator if "coordinator" in form.by else investigator
        answers: dict[str, object] = {}
        if form.map:
            answers = {
                n: 2 if n.startswith(("f", "h")) else 1 for n in form.items if form.items[n].area
            }
        if form.form != "laboratory":
            enter(page, served, form, code, **answers)

    eligibility = f"{served.site}/participants/{code}/eligibility/"
    coordinator.goto(eligibility)
    expect(coordinator.locator("main")).to_contain_text("Hemoglobin")
    expect(coordinator.locator("main")).to_contain_text("missing")
    laboratory = study.forms["laboratory"]
    enter(coordinator if "coordinator" in laboratory.by else investigator, served, laboratory, code)

    investigator.goto(eligibility)
    while (unanswered := investigator.locator('form[action*="/judge/"]')).count():
        question = unanswered.first
        rule = (question.get_attribute("action") or "").rstrip("/").rpartition("/")[2]
        answer = "no" if rule.startswith("E") else "yes"
        question.locator(f'button[value="{answer}"]').click()
        investigator.wait_for_load_state()

    coordinator.goto(f"{served.site}/participants/{code}/randomize/")
    coordinator.click("form button.button >> nth=-1")
    coordinator.wait_for_load_state()
    coordinator.goto(f"{served.site}/participants/{code}/")
    expect(coordinator.locator("main")).to_contain_text(re.compile(r"R-\d{3}"))

    enter(coordinator, served, study.forms["vital_signs"], code, encounter="M0")
    coordinator.goto(f"{served.site}/participants/{code}/encounters/M0/order/")
    expect(coordinator.locator("main")).to_contain_text("1.4 × 10⁸")
    coordinator.click("form button.button >> nth=-1")

    cell_unit = sign_in(browser, served, "cell_unit", door=served.sealed)
    cell_unit.goto(f"{served.sealed}/work-list/")
    row = cell_unit.locator("section.due", has_text=code)
    products = [p.label.en for p in study.treatments.products.values()]
    expect(row).to_contain_text(re.compile("|".join(map(re.escape, products))))
    expect(row).to_contain_text("1.4 × 10⁸")

    for blinded in (coordinator, investigator):
        refused = blinded.goto(f"{served.sealed}/work-list/")
        assert refused is not None
        assert "work-list" not in blinded.url or refused.status in (401, 403)


def screen_somebody(page: Page, served: Served) -> str:
    """A new person at site 01."""
    page.goto(f"{served.site}/screen/")
    page.check('input[name="site"][value="01"]') if page.locator(
        'input[name="site"]'
    ).count() else page.select_option('[name="site"]', "01")
    page.click("form button.button >> nth=-1")
    return re.findall(r"01-\d{3}", page.url + page.inner_text("h1"))[0]


@pytest.mark.requirement("F05")
def test_a_value_saved_elsewhere_shows_on_the_open_page(
    browser: Browser, served: Served, study: Study
) -> None:
    """The investigator has the criteria open while the coordinator enters: no reload, what was
    opened stays open, and nothing is swapped away under the pointer."""
    coordinator = sign_in(browser, served, "coordinator")
    investigator = sign_in(browser, served, "investigator")
    code = screen_somebody(coordinator, served)
    enter(coordinator, served, study.forms["consent"], code)
    address = f"{served.site}/participants/{code}/eligibility/"
    investigator.goto(address)
    investigator.evaluate("document.body.dataset.same = 'page'")
    expect(investigator.locator("#c-I3")).to_contain_text("Month of birth")
    investigator.click("#d-I5 > summary")
    investigator.focus("#s-I5")

    investigator.hover("#y-I6")
    enter(coordinator, served, study.forms["demography"], code)
    investigator.wait_for_timeout(5000)
    expect(investigator.locator("#c-I3")).to_contain_text("Unknown")
    investigator.mouse.move(0, 0)

    expect(investigator.locator("#c-I3.fine")).to_contain_text("Met", timeout=15_000)
    expect(investigator.locator("#d-I5")).to_have_attribute("open", "")
    expect(investigator.locator("#s-I5")).to_be_focused()
    assert investigator.evaluate("document.body.dataset.same") == "page"

    plain = browser.new_context(
        locale="en-GB",
        java_script_enabled=False,
        storage_state=investigator.context.storage_state(),
    ).new_page()
    plain.goto(address)
    expect(plain.locator("#c-I3.fine")).to_contain_text("Met")
    plain.click("#y-I6")
    expect(plain.locator("#c-I6.fine")).to_contain_text("Met")


def test_french_and_a_phone(browser: Browser, served: Served) -> None:
    """The same pages in French, on a narrow screen, without sideways scrolling."""
    page = browser.new_context(locale="fr-FR", viewport={"width": 390, "height": 800}).new_page()
    page.goto(f"{served.site}/sign-in/")
    page.fill("#username", "investigator")
    page.fill("#password", served.password)
    page.click("button.button")
    page.wait_for_url(lambda url: "/sign-in/" not in url)
    paths = ["/", "/participants/", "/adverse-events/"]
    page.goto(f"{served.site}/participants/")
    somebody = page.locator('a[href*="/participants/0"]').first.get_attribute("href")
    for path in (*paths, f"{somebody}eligibility/"):
        page.goto(served.site + path)
        assert page.get_attribute("html", "lang") == "fr"
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, (path, width)

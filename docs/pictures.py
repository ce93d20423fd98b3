"""Takes the pictures of the README and the tutorial from a running rehearsal: `make pictures`."""

import datetime as dt
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from equipoise.cli.demonstrating import PASSWORD, find_ports, make_accounts, serve_doors
from equipoise.cli.folders import first_study, load_checked
from equipoise.cli.rehearsing import rehearse_into

HERE = Path(__file__).parent / "pictures"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
AREAS = {"face": 2, "chest": 1, "abdomen": 0}
SIDES = {"fingers": 3, "hand": 2, "forearm": 2, "upper_arm": 1, "thigh": 1, "leg": 1, "foot": 0}


def main() -> None:
    """Rehearse, serve, and photograph."""
    study = load_checked(first_study())
    today = dt.datetime.now(dt.UTC).date()
    with ExitStack() as running:
        directory = Path(running.enter_context(tempfile.TemporaryDirectory()))
        store = directory / "trial.db"
        start = today - dt.timedelta(weeks=70)
        rehearse_into(study, store, seed=1, start=start, until=today)
        make_accounts(study, store)
        site, sealed, _ = serve_doors(running, first_study(), store, port=find_ports(18765))
        playwright = running.enter_context(sync_playwright())
        path = next(p for n in ("chromium", "google-chrome") if (p := shutil.which(n)))
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        take(browser, site, sealed)


def take(browser: Browser, site: str, sealed: str) -> None:
    """The overview, a person who is screened, the skin score, what the cell unit sees."""
    page = sign_in(browser, site, "investigator")
    page.goto(f"{site}/")
    shoot(page, "overview", height=900)
    page.goto(f"{site}/screen/")
    if page.locator('input[name="site"]').count():
        page.check('input[name="site"][value="01"]')
    else:
        page.select_option('[name="site"]', "01")
    page.click("main form button.button >> nth=-1")
    code = page.inner_text("h1").split()[-1]
    page.goto(f"{site}/participants/{code}/eligibility/")
    shoot(page, "eligibility", height=1000)
    page.goto(f"{site}/participants/{code}/forms/screening/mrss/0/")
    for box in page.locator("input[type=radio]").all():
        name, value = box.get_attribute("name") or "", box.get_attribute("value")
        wanted = AREAS.get(name, next((v for k, v in SIDES.items() if k in name), 0))
        if value == str(wanted) and name != "foot_left":
            box.check(force=True)
    page.wait_for_timeout(600)
    shoot(page, "skin-score", height=1000)
    unit = sign_in(browser, sealed, "cell_unit")
    unit.goto(f"{sealed}/work-list/")
    shoot(unit, "work-list", height=700)


def sign_in(browser: Browser, door: str, person: str) -> Page:
    """A page of somebody who has logged in."""
    page = browser.new_context(locale="en-GB", viewport={"width": 1180, "height": 900}).new_page()
    page.goto(f"{door}/sign-in/")
    page.fill("#username", person)
    page.fill("#password", PASSWORD)
    page.click("button.button")
    page.wait_for_url(lambda url: "/sign-in/" not in url)
    return page


def shoot(page: Page, name: str, *, height: int) -> None:
    """The top of a page."""
    page.set_viewport_size({"width": 1180, "height": height})
    page.evaluate("window.scrollTo(0, 0)")
    page.screenshot(path=HERE / f"{name}.png")
    print(HERE / f"{name}.png")


if __name__ == "__main__":
    main()

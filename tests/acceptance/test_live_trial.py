"""The first participant of a live trial, from a folder with every decision taken to an infusion.

Real processes and the pages alone: nobody has anything but the commands and what the doors show.
"""

import datetime as dt
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from msgspec import Struct

from equipoise.cli.demonstrating import find_ports
from equipoise.cli.folders import load_checked
from equipoise.study.study import Study
from tests.deciding import decide
from tests.postgres import APP, running_server
from tests.web.course import answers, day, typed

from .conftest import FOLDER
from .visiting import Visitor

PROGRAM = Path(sys.executable).with_name("equipoise")
PASSWORD = "a sentence of no great beauty 7"
ADMINISTRATOR = "a.first"
STAFF = {
    "c.one": "coordinator",
    "i.two": "investigator",
    "o.three": "outcome_assessor",
    "u.four": "cell_unit",
    "u.five": "cell_unit",
}
TODAY = dt.datetime.now(dt.UTC).date()
CODE = re.compile(r"\b([0-9a-z]{6}-[0-9a-f]{32})\b")


class Place(Struct, frozen=True):
    """Where the trial is kept, and how its owner makes it there."""

    store: str
    owner: str = ""


@pytest.fixture(params=["PostgreSQL", *(["a file"] if os.environ.get("EQUIPOISE_NIGHTLY") else [])])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "a file":
        yield Place(str(tmp_path / "trial.db"))
        return
    with running_server() as server:
        schema = server.create_schema()
        yield Place(schema.app, schema.owner)


def equipoise(*words: object) -> str:
    ran = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, (words, ran.stdout, ran.stderr)
    return ran.stdout


@contextmanager
def running(*words: object) -> Iterator[None]:
    here = {**os.environ, "EQUIPOISE_TIME_ZONE": "UTC"}
    process = subprocess.Popen([PROGRAM, *map(str, words)], env=here)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0


def wait_for(port: int) -> None:
    for _ in range(1200):
        try:
            Visitor(port).go("/sign-in/")
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nobody answers at {port}")


class Trial(Struct, frozen=True):
    """A served trial, and who is logged in where."""

    study: Study
    people: dict[str, Visitor]


@contextmanager
def opened(place: Place, tmp_path: Path) -> Iterator[Trial]:
    """Make the ledger and the vault, open, serve both doors, let people in: as the how-to says."""
    folder, keep, vault, sock = (tmp_path / n for n in ("study", "keep", "vault", "v.sock"))
    shutil.copytree(FOLDER, folder)
    decide(folder)
    (tmp_path / "cells").mkdir()
    study = load_checked(folder)
    where = ["--store", place.store, "--vault", sock]
    if place.owner:
        equipoise(
            "ledger", "create", place.owner, "--study", folder, "--realm", "live", "--role", APP
        )
        where += ["--keep", keep]
    equipoise("vault", vault, "--create", folder, "--realm", "live")
    site = find_ports(24_000)
    doors = ["serve", folder, *where, "--port"]
    sealed = ["--door", "sealed", "--cells", tmp_path / "cells" / "cells.db"]
    with ExitStack() as stack:
        stack.enter_context(running("vault", vault, "--socket", sock))
        while not sock.exists():
            time.sleep(0.05)
        said = equipoise(
            "open", folder, *where, "--administrator", ADMINISTRATOR, "--name", "First"
        )
        stack.enter_context(running(*doors, site, "--token", vault / "assign.token"))
        cells = vault / "cells.token"
        stack.enter_context(running(*doors, site + 1, "--token", cells, *sealed))
        wait_for(site)
        wait_for(site + 1)
        people = let_in(study, said, site=site)
        yield Trial(study, people)


def let_in(study: Study, said: str, *, site: int) -> dict[str, Visitor]:
    """The administrator gives roles and records trainings; each chooses a password."""
    administrator = enter(site, ADMINISTRATOR, code_in(said), door=site)
    people = {ADMINISTRATOR: administrator}
    for name, role in STAFF.items():
        asked = {"person": name, "name": name.title(), "role": role}
        code = code_in(administrator.send("/people/add/", asked).html)
        for training in study.identity.training:
            administrator.send(f"/people/{name}/train/", {"training": training})
        door = site + 1 if role == "cell_unit" else site
        people[name] = enter(site, name, code, door=door)
    return people


def code_in(text: str) -> str:
    found = CODE.search(text)
    assert found is not None, text
    return found[1]


def enter(site: int, name: str, code: str, *, door: int) -> Visitor:
    chosen = {"username": name, "code": code, "password": PASSWORD, "again": PASSWORD}
    Visitor(site).send("/welcome/", chosen)
    visitor = Visitor(door)
    visitor.send("/sign-in/", {"username": name, "password": PASSWORD})
    assert visitor.path != "/sign-in/", visitor.page.text
    return visitor


def fill_in(trial: Trial, code: str, encounter: str, *forms: str) -> None:
    """Enter the forms of a visit, each by who may; unremarkable values."""
    by_role = {role: trial.people[name] for name, role in STAFF.items()}
    for form in trial.study.forms_at(encounter):
        if forms and form.form not in forms:
            continue
        given = answers(form) | ({"hiv": "negative"} if form.form == "laboratory" else {})
        person = next(by_role[r] for r in form.by if r in by_role)
        address = f"/participants/{code}/forms/{encounter}/{form.form}/0/"
        page = person.send(address, typed(form, given) | day(".on"))
        assert person.status == 200 and not page.codes, (form.form, page.text)


def judge(investigator: Visitor, code: str) -> None:
    """Answer what only a physician can, from the page that asks it."""
    page = f"/participants/{code}/eligibility/"
    investigator.go(page)
    for action in [a for a in investigator.actions() if "/judge/" in a]:
        investigator.go(page)
        against = action.split("/")[-2].startswith("E")
        investigator.press(action, answer="no" if against else "yes")
        assert not investigator.page.codes


def stock(trial: Trial, unit: Visitor, n_bags: int) -> None:
    """A batch of each product, tested, released and declared."""
    unit.send("/stock/donor/", {"donor": "D1", "donation": "0000000000001"})
    for name, product in trial.study.treatments.products.items():
        batch = f"L-{name}"
        received = {"product": name, "batch": batch, "shipment": "S1", "is_intact": "yes"}
        received["bags"] = " ".join(f"{batch}-{n}" for n in range(10, 10 + n_bags))
        received |= {"donors": "D1", "millions": "10"} if product.active else {}
        unit.send("/stock/receive/", received | day("expires_on", TODAY + dt.timedelta(400)))
        for test in product.specification:
            if test.at == "release":
                good = test.equals or ("100" if test.at_least else "0")
                unit.send(f"/stock/{batch}/result/{test.id}/", {"result": good})
        unit.send(f"/stock/{batch}/release/", {})
    unit.go("/stock/")
    unit.press("/stock/declare/")
    assert not unit.page.codes, unit.page.text


def prepare(trial: Trial, unit: Visitor, second: Visitor, *, work: str) -> str:
    """Thaw and count, compute, compute again, hand out; gives back the label that is on the bag."""
    unit.go(work)
    is_counted = trial.study.treatments.products["cells"].label.en in unit.page.text
    for bag in [e.get("value") for e in unit.page.all("input", name="bag")][:2]:
        unit.press(f"{work}thaw/", bag=bag)
        unit.press(f"{work}thaw/")  # the page asks whether it is taken out now
        if is_counted:
            unit.send(f"{work}count/", {"bag": bag, "millions_per_ml": "10", "viability": "85"})
        unit.go(work)
    (label,) = set(re.findall(r"\b[0-9]{8}\b", unit.press(work).text))
    # 140 million viable cells of 10 million a mL, 85 in a hundred alive: 16.47 mL.
    same = {"target_cells": "140000000", "drawn_ml": "16.5", "n_bags": "2"}
    assert "EQ-B" not in second.send(f"{work}verify/", same).text
    unit.go(work)
    unit.press(f"{work}hand-out/", is_checked="yes")
    assert not unit.page.codes, unit.page.text
    return label


@pytest.mark.timeout(900)
@pytest.mark.requirement("C41", "F05", "C74")
def test_the_first_participant(place: Place, tmp_path: Path) -> None:
    """Screened, found eligible, randomized, and given what the number stands for."""
    with opened(place, tmp_path) as trial:
        coordinator, investigator = trial.people["c.one"], trial.people["i.two"]
        unit, second = trial.people["u.four"], trial.people["u.five"]
        coordinator.send("/screen/", {"site": "01"})
        code = coordinator.path.split("/")[2]
        fill_in(trial, code, "screening")
        judge(investigator, code)
        eligibility = coordinator.go(f"/participants/{code}/eligibility/").text
        assert "Eligible as of" in eligibility and "open decisions" not in eligibility

        randomize = f"/participants/{code}/randomize/"
        coordinator.go(randomize)
        assert coordinator.press(randomize).codes == {"EQ-B056"}  # nothing is declared yet
        stock(trial, unit, n_bags=24)
        coordinator.go(randomize)
        assert "number R-001" in coordinator.press(randomize).text

        fill_in(trial, code, "M0", "vital_signs")
        coordinator.send(f"/participants/{code}/encounters/M0/order/", day("on"))
        label = prepare(trial, unit, second, work=f"/work-list/{code}/M0/")
        give = f"/participants/{code}/encounters/M0/give/"
        now = dt.datetime.now(dt.UTC)
        started = f"{now - dt.timedelta(minutes=1):%H:%M}"
        bedside = {"scanned": code, "volume": "50", "started": started, "stopped": f"{now:%H:%M}"}
        bedside |= {"second": "c.one", "password": PASSWORD} | day("on")
        other = f"{(int(label) + 1) % 10**8:08d}"
        assert investigator.send(give, bedside | {"label": other}).codes == {"EQ-C065"}
        page = investigator.send(give, bedside | {"label": label}).text
        assert f"Given 1.4 × 10⁸ viable cells, 50 mL, label {label}" in page.replace("\u00a0", " ")
        compared = ["--store", place.store, "--token", tmp_path / "vault" / "assign.token"]
        equipoise("vault", "compare", tmp_path / "v.sock", *compared)
    for ledger in (place.store, tmp_path / "cells" / "cells.db"):
        assert "all chains hold" in equipoise("ledger", "verify", "--store", ledger)

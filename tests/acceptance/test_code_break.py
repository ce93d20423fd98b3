"""At night: the site door is down, the ledger is away, and a physician must know."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from equipoise.cli.demonstrating import PASSWORD, find_ports, wait_until_ready
from equipoise.cli.rehearsing import running_vault
from equipoise.cli.trials import running_trial
from equipoise.conduct import list_unblindings
from equipoise.ledger import open_store
from equipoise.study.study import Study
from equipoise.vault import VaultClient, read_token

from .conftest import FOLDER, Served
from .test_browser import browser  # noqa: F401 - a fixture

RUN = [sys.executable, "-c", "import sys; from equipoise.cli import main; sys.exit(main())"]
LIMIT_SECONDS = 60.0
WAIT_SECONDS = 60.0


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def emergency_door(store: Path, vault: Path, socket_path: Path, **given: str) -> Iterator[str]:
    """The emergency door alone, as an operator starts it; what is given goes to its environment."""
    port = find_ports(41_000 + os.getpid() % 10_000)
    url = f"http://127.0.0.1:{port}"
    words = ["serve", str(FOLDER), "--store", str(store), "--vault", str(socket_path)]
    words += ["--token", str(vault / "emergency.token"), "--door", "emergency"]
    environment = {**os.environ, **{f"EQUIPOISE_{name}": value for name, value in given.items()}}
    server = subprocess.Popen([*RUN, *words, "--port", str(port)], env=environment)
    try:
        wait_until_ready(f"{url}/sign-in/", server)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=30)


def ask(page: Page, reason: str) -> str:
    """Give the reason, confirm, and read the answer."""
    page.fill("#reason", reason)
    page.check("#is_read")
    page.click("button.grave")
    return page.inner_text(".contents")


def knows(folder: Path, table: str) -> bool:
    """Whether the door took the accounts, which it does last."""
    if not (folder / "trial.roster.json").exists():
        return False
    (accounts,) = folder.glob("emergency-*.db")
    with closing(sqlite3.connect(f"file:{accounts}?mode=ro", uri=True)) as users:
        return bool(users.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def move_all_else(here: Path, elsewhere: Path) -> None:
    """Take the ledger and the accounts away from under the door."""
    elsewhere.mkdir()
    for file in [p for p in here.iterdir() if p.name.startswith("trial") and p.is_file()]:
        file.rename(elsewhere / file.name)


def breaks_in(store: Path) -> list[bytes]:
    with closing(open_store(store, read_only=True)) as ledger:
        return [e.body or b"" for e in ledger.read() if e.type == "CodeBroken"]


@pytest.mark.requirement("C68", "C55", "C67", "F30")
@pytest.mark.timeout(300)
def test_the_code_is_broken_while_all_else_is_away(
    young_trial: Path,
    study: Study,
    tmp_path: Path,
    browser: Browser,  # noqa: F811
) -> None:
    """Under a minute from log-in to the answer, then to the arm; recorded when the ledger is back.

    The door had seen the ledger once. Then the ledger's file and the accounts are moved away.
    """
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    shutil.copytree(young_trial, here)
    store, vault = here / "trial.db", here / "trial.vault"
    person = running_trial(store, study=study).state.randomized[0]
    with (
        running_vault(vault) as process,
        emergency_door(store, vault, process.socket_path) as url,
    ):
        nature = VaultClient(process.socket_path, read_token(vault, "nature"))
        arm = study.identity.arms[nature.nature(person.number)]
        wait_until(lambda: knows(here, "auth_user"))
        move_all_else(here, elsewhere)

        page = browser.new_context(locale="en-GB").new_page()
        page.goto(f"{url}/sign-in/")
        began = time.monotonic()
        page.fill("#username", "investigator")
        page.fill("#password", PASSWORD)
        page.click("button.button")
        page.fill("#participant", person.code)
        page.click("main button.button")
        page.check("#q-1")
        told = ask(page, "Shock during the infusion")
        assert time.monotonic() - began < LIMIT_SECONDS
        assert told == study.treatments.products[next(iter(arm.gives.values()))].label.en
        assert ask(page, "A second drug must be chosen") == arm.label.en

        for file in elsewhere.iterdir():
            file.rename(here / file.name)
        wait_until(lambda: breaks_in(store))
    register = list_unblindings(running_trial(store, study=study).state)
    assert [(u.question, u.stamp.by) for _, u in register] == [("", "investigator")]
    assert not re.search(rb"cells|placebo|infusions", b" ".join(breaks_in(store)))


@pytest.mark.requirement("C68")
def test_the_demo_serves_the_third_door(served: Served) -> None:
    """The same process serves people of two roles, and nobody else."""
    with urllib.request.urlopen(f"{served.emergency}/sign-in/", timeout=30) as page:
        assert b"code-break" in page.read()

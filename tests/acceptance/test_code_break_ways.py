"""At night without a password: with a passkey, or through the provider, by keyboard alone."""

import datetime as dt
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from equipoise.cli.demonstrating import PASSWORD, find_ports, wait_until_ready
from equipoise.cli.folders import kept_beside
from equipoise.cli.rehearsing import running_vault
from equipoise.cli.serving import Keys, door_settings
from equipoise.cli.trials import running_trial
from equipoise.conduct import RunningTrial, record_means
from equipoise.ledger import open_store
from equipoise.study.study import Study
from equipoise.vault import VaultClient, read_token
from equipoise.web.identity.provider import means_of
from equipoise.web.server import start_server

from ..web.provider import CLIENT, SECRET, running_provider
from .conftest import FOLDER
from .test_accessibility import violations_of
from .test_code_break import LIMIT_SECONDS, emergency_door, knows, move_all_else, wait_until
from .test_passkeys import (
    Authenticator,
    log_in,
    make_passkey,
    named,
    page,  # noqa: F401 - a fixture
)

PERSON = "investigator"


class Night:
    """A trial of one's own, and what one infusion of its first participant held."""

    def __init__(self, young_trial: Path, folder: Path, study: Study) -> None:
        self.here, self.elsewhere, self.study = folder / "here", folder / "elsewhere", study
        shutil.copytree(young_trial, self.here)
        self.store, self.vault = self.here / "trial.db", self.here / "trial.vault"
        self.code = running_trial(self.store, study=study).state.randomized[0].code

    def truth(self, socket_path: Path) -> str:
        state = running_trial(self.store, study=self.study).state
        nature = VaultClient(socket_path, read_token(self.vault, "nature"))
        arm = self.study.identity.arms[nature.nature(state.participants[self.code].number)]
        return self.study.treatments.products[next(iter(arm.gives.values()))].label.en


@pytest.fixture
def night(young_trial: Path, tmp_path: Path, study: Study) -> Night:
    return Night(young_trial, tmp_path, study)


@contextmanager
def site_door(night: Night, socket_path: Path) -> Iterator[str]:
    """The sites' door, as long as the main service is up."""
    kept, port = kept_beside(night.store), find_ports(42_000 + os.getpid() % 10_000)
    keys = Keys(None, None, socket_path, night.vault / "assign.token")
    settings = door_settings(FOLDER, store=night.store, keys=keys, kept=kept, door="site")
    with start_server(settings, host="127.0.0.1", port=port) as server:
        wait_until_ready(f"http://127.0.0.1:{port}/sign-in/", server)
        yield f"http://localhost:{port}"


def press(page: Page, role: str, name: str) -> None:  # noqa: F811
    """As who has no mouse: to it with Tab, and Enter."""
    wanted = page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]
    for _ in range(30):
        page.keyboard.press("Tab")
        if wanted.evaluate("e => e === document.activeElement"):
            break
    else:
        raise AssertionError(f"no Tab leads to {name}")
    page.keyboard.press("Enter")


def break_code(page: Page, code: str) -> str:  # noqa: F811
    """From the first page behind the door to the answer, by keyboard."""
    page.locator("#participant").focus()
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    page.locator("#q-1").focus()
    page.keyboard.press("Space")
    page.locator("#reason").focus()
    page.keyboard.type("Shock during the infusion")
    page.locator("#is_read").focus()
    page.keyboard.press("Space")
    page.locator("button.grave").focus()
    page.keyboard.press("Enter")
    return page.inner_text(".contents")


@pytest.mark.requirement("C68", "C55", "F30")
@pytest.mark.timeout(300)
def test_a_passkey_breaks_the_code_while_all_else_is_away(night: Night, page: Page) -> None:  # noqa: F811
    """Made at the sites' door; then that is down, the ledger and the accounts are moved away."""
    device = Authenticator(page)
    with running_vault(night.vault) as process:
        with site_door(night, process.socket_path) as site:
            log_in(page, site, PERSON, PASSWORD)
            make_passkey(page, site, PASSWORD)
        truth = night.truth(process.socket_path)
        with emergency_door(night.store, night.vault, process.socket_path) as url:
            wait_until(lambda: knows(night.here, "identity_passkey"))
            move_all_else(night.here, night.elsewhere)
            page.goto(f"{named(url)}/sign-in/")
            assert violations_of(page) == []
            began = time.monotonic()
            device.recognize(is_owner=False)
            press(page, "button", "Log in with a passkey")
            expect(page.get_by_role("alert")).to_contain_text("No passkey was given")
            device.recognize(is_owner=True)
            page.reload()
            press(page, "button", "Log in with a passkey")
            page.wait_for_url(f"{named(url)}/")
            assert break_code(page, night.code) == truth
            assert time.monotonic() - began < LIMIT_SECONDS


@pytest.mark.requirement("C68", "C55", "F30", "F55")
@pytest.mark.timeout(300)
def test_through_the_provider_or_told_that_it_is_away(
    night: Night,
    page: Page,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Passwords are off at the other doors. Once the provider is away, one's password still counts
    here, and the page that says so offers it.
    """
    secret = tmp_path / "oidc.secret"
    secret.write_text(SECRET)
    with running_vault(night.vault) as process, ExitStack() as still:
        truth = night.truth(process.socket_path)
        with running_provider() as provider:
            bind_account(night, provider.address)
            given = {
                "OIDC_ISSUER": provider.address,
                "OIDC_CLIENT": CLIENT,
                "OIDC_SECRET": str(secret),
                "OIDC_NAME": "the hospital",
                "PASSWORDS": "off",
            }
            door = emergency_door(night.store, night.vault, process.socket_path, **given)
            url = still.enter_context(door)
            wait_until(lambda: knows(night.here, "auth_user"))
            move_all_else(night.here, night.elsewhere)
            page.goto(f"{url}/sign-in/")
            assert violations_of(page) == []
            began = time.monotonic()
            press(page, "link", "Log in at the hospital")
            page.locator("#name").focus()
            page.keyboard.type(PERSON)
            page.keyboard.press("Enter")
            page.wait_for_url(f"{url}/")
            assert break_code(page, night.code) == truth
            assert time.monotonic() - began < LIMIT_SECONDS
            press(page, "button", "Log out")
        began = time.monotonic()
        press(page, "link", "Log in at the hospital")
        expect(page.get_by_role("alert")).to_contain_text("does not answer")
        assert violations_of(page) == []
        page.locator("#username").focus()
        page.keyboard.type(PERSON)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{url}/")
        page.goto(f"{url}/participants/{night.code}/")
        expect(page.locator("#reason")).to_be_visible()
        assert time.monotonic() - began < LIMIT_SECONDS


def bind_account(night: Night, issuer: str) -> None:
    """What a first log-in through the provider at the sites' door leaves in the ledger."""
    store = open_store(night.store)
    means = means_of({"iss": issuer, "sub": f"id-of-{PERSON}"})
    trial = RunningTrial(night.study, store)
    now = dt.datetime.now(dt.UTC)
    record_means(trial, at=now, person=PERSON, means=means, is_added=True)
    store.close()

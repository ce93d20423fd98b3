"""Passkeys and a log-in elsewhere in a real browser, whose authenticator is Chromium's own."""

import datetime as dt
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, Page, expect, sync_playwright

from equipoise import conduct
from equipoise.cli.demonstrating import find_ports, wait_until_ready
from equipoise.cli.folders import kept_beside
from equipoise.cli.trials import running_trial
from equipoise.conduct import RunningTrial
from equipoise.conduct.parts import Infusion
from equipoise.ledger import open_store
from equipoise.study.study import Study
from equipoise.web.server import start_server

from ..web.course import answers
from ..web.provider import CLIENT, SECRET, Provider, running_provider
from .conftest import FOLDER, Served
from .test_accessibility import violations_of
from .test_browser import FLAGS

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


MAKE_ONE = """() => navigator.credentials.create({publicKey: {
  challenge: new Uint8Array(32), rp: {name: "x", id: location.hostname},
  user: {id: new Uint8Array(16), name: "x", displayName: "x"},
  pubKeyCredParams: [{type: "public-key", alg: -7}]}})"""


@pytest.fixture
def page(chromium: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = opened.new_context(locale="en-GB").new_page()
        page.set_default_timeout(30_000)
        yield page
        opened.close()


class Authenticator:
    """The device in the browser."""

    def __init__(self, page: Page) -> None:
        self.wire = page.context.new_cdp_session(page)
        self.wire.send("WebAuthn.enable")
        made = self.wire.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        self.id = made["authenticatorId"]

    @property
    def keys(self) -> list[dict[str, Any]]:
        found = self.wire.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return list(found["credentials"])

    def recognize(self, is_owner: bool) -> None:
        """Whether the device knows the finger on it from now on."""
        given = {"authenticatorId": self.id, "isUserVerified": is_owner}
        self.wire.send("WebAuthn.setUserVerified", given)


def named(address: str) -> str:
    """The address of a door with a name, to which passkeys can be bound; a number is none."""
    return address.replace("127.0.0.1", "localhost")


def log_in(page: Page, door: str, person: str, password: str) -> None:
    page.goto(f"{door}/sign-in/")
    page.fill("#username", person)
    page.fill("#password", password)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in/" not in url)


def make_passkey(page: Page, door: str, password: str) -> None:
    page.goto(f"{door}/passkeys/add/")
    page.fill("#password", password)
    page.keyboard.press("Enter")
    page.fill("#name", "My telephone")
    assert violations_of(page) == []
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("My telephone")
    assert violations_of(page) == []


@pytest.mark.requirement("C19", "C35")
def test_with_a_passkey_alone(served: Served, study: Study, page: Page) -> None:
    """Made by keyboard alone, in with it, and a casebook signed; a strange finger does neither."""
    device, door = Authenticator(page), named(served.site)
    log_in(page, door, "investigator", served.password)
    make_passkey(page, door, served.password)
    (key,) = device.keys
    assert (key["isResidentCredential"], key["rpId"]) == (True, "localhost")

    page.get_by_role("button", name="Log out").click()
    button = page.get_by_role("button", name="Log in with a passkey")
    device.recognize(is_owner=False)
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("No passkey was given")
    assert violations_of(page) == []
    device.recognize(is_owner=True)
    button.click()
    page.wait_for_url(f"{door}/")

    code = next(iter(running_trial(served.store, study=study).state.randomized)).code
    page.goto(f"{door}/participants/{code}/sign/")
    assert violations_of(page) == []
    page.get_by_role("button", name="Sign, with a passkey").click()
    page.wait_for_url(f"{door}/participants/{code}/")
    signature = running_trial(served.store, study=study).state.participants[code].signature
    assert signature is not None
    assert (signature.stamp.by, device.keys[0]["signCount"] > key["signCount"]) == (
        "investigator",
        True,
    )


@pytest.mark.requirement("C19")
def test_where_the_browser_gives_no_passkey_the_page_says_which_address_does(
    served: Served, page: Page
) -> None:
    """At a number Chromium itself refuses; at the address that the page names it makes one."""
    Authenticator(page)
    log_in(page, served.site, "investigator", served.password)
    with pytest.raises(Error, match=r"SecurityError|invalid domain"):
        page.evaluate(MAKE_ONE)
    page.goto(f"{served.site}/passkeys/")
    told = page.get_by_role("alert").inner_text()
    assert violations_of(page) == []
    (address,) = re.findall(r"http://localhost:\d+", told)
    assert address == named(served.site)
    log_in(page, address, "investigator", served.password)
    make_passkey(page, address, served.password)


@pytest.mark.requirement("F24", "C18")
def test_the_second_person_at_an_infusion_holds_a_finger_to_the_screen_of_the_first(
    served: Served, study: Study, page: Page
) -> None:
    """By keyboard alone; with a strange finger nothing is recorded."""
    device, door, code = Authenticator(page), named(served.site), prepare(served, study)
    log_in(page, door, "coordinator", served.password)
    make_passkey(page, door, served.password)
    page.get_by_role("button", name="Log out").click()
    log_in(page, door, "investigator", served.password)
    page.goto(f"{door}/participants/{code}/encounters/M3/start/")
    assert violations_of(page) == []
    given = {"scanned": code, "label": "12345678"}
    for name, value in given.items():
        page.locator(f"#f-{name}").focus()
        page.keyboard.type(value)
    button = page.get_by_role("button", name="with a passkey of the second person")

    def infusion() -> Infusion:
        state = running_trial(served.store, study=study).state
        return state.participants[code].infusions["M3"]

    device.recognize(is_owner=False)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="No passkey was given")).to_be_visible()
    assert infusion().status == "prepared"
    device.recognize(is_owner=True)
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"{door}/participants/{code}/")
    assert (infusion().status, infusion().checked_by) == ("started", "coordinator")


def prepare(served: Served, study: Study) -> str:
    """Somebody randomized, whose second infusion is at the bedside today."""
    store = open_store(served.store)
    trial = RunningTrial(study, store)
    now = dt.datetime.now(dt.UTC)
    waiting = (p for p in trial.state.randomized if p.is_in_trial and "M3" not in p.infusions)
    code = next(waiting).code
    about = {"at": now, "participant": code, "encounter": "M3"}
    form = study.forms["vital_signs"]
    by = form.by[0].value
    conduct.submit_form(trial, **about, by=by, form=form.form, on=now.date(), values=answers(form))
    conduct.order_infusion(trial, **about, by="coordinator", on=now.date())
    conduct.prepare_infusion(trial, **about, by="cell_unit", label="12345678")
    store.close()
    return code


def test_the_cell_unit_comes_in_with_a_passkey_at_its_own_door(served: Served, page: Page) -> None:
    """The key that the device made for this door opens it, and the device counted its use."""
    device = Authenticator(page)
    door = named(served.sealed)
    log_in(page, door, "cell_unit", served.password)
    make_passkey(page, door, served.password)
    (key,) = device.keys
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Log in with a passkey").click()
    page.wait_for_url(f"{door}/work-list/")
    expect(page.get_by_role("heading", name="Work list")).to_be_visible()
    assert device.keys[0]["signCount"] > key["signCount"]


def test_without_script_the_password_still_signs(served: Served, study: Study, page: Page) -> None:
    """No button that would do nothing is shown."""
    assert page.context.browser is not None
    bare = page.context.browser.new_context(java_script_enabled=False, locale="en-GB").new_page()
    door = named(served.site)
    log_in(bare, door, "investigator", served.password)
    bare.goto(f"{door}/passkeys/add/")
    bare.fill("#password", served.password)
    bare.keyboard.press("Enter")
    expect(bare.get_by_text("This browser makes no passkeys")).to_be_visible()
    expect(bare.get_by_role("button", name="Make the passkey")).to_be_hidden()
    code = next(iter(running_trial(served.store, study=study).state.randomized)).code
    bare.goto(f"{door}/participants/{code}/sign/")
    bare.fill("#password", served.password)
    bare.get_by_role("button", name="Sign", exact=True).click()
    bare.wait_for_url(f"{door}/participants/{code}/")
    assert running_trial(served.store, study=study).state.participants[code].signature


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


@pytest.fixture
def door_with_provider(served: Served, provider: Provider, tmp_path: Path) -> Iterator[str]:
    """A site door that knows the provider, and no password, at another site than it."""
    port = find_ports(40_000 + os.getpid() % 10_000)
    secret = tmp_path / "oidc.secret"
    secret.write_text(SECRET)
    given = {
        "STUDY": str(FOLDER),
        "STORE": str(served.store),
        "ACCOUNTS": str(kept_beside(served.store).accounts),
        "DOOR": "site",
        "SECRET": str(kept_beside(served.store).secret("site")),
        "ORIGIN": f"http://localhost:{port}",
        "PASSWORDS": "off",
        "OIDC_ISSUER": provider.address,
        "OIDC_CLIENT": CLIENT,
        "OIDC_SECRET": str(secret),
        "OIDC_NAME": "the hospital",
    }
    settings = {f"EQUIPOISE_{name}": value for name, value in given.items()}
    with start_server(settings, host="127.0.0.1", port=port) as server:
        wait_until_ready(f"http://127.0.0.1:{port}/sign-in/", server)
        yield settings["EQUIPOISE_ORIGIN"]


@pytest.mark.requirement("C20", "C23")
def test_in_and_signed_through_the_provider(
    served: Served, study: Study, door_with_provider: str, page: Page
) -> None:
    """Cookies that no other site may cause to be sent, and a policy that lets no form leave."""
    told: list[str] = []
    page.on("console", lambda said: told.append(said.text))
    page.goto(f"{door_with_provider}/sign-in/")
    expect(page.locator("#password")).to_have_count(0)
    assert violations_of(page) == []
    page.get_by_role("link", name="Log in at the hospital").click()
    page.fill("#name", "investigator")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{door_with_provider}/")

    code = next(iter(running_trial(served.store, study=study).state.randomized)).code
    page.goto(f"{door_with_provider}/participants/{code}/sign/")
    page.get_by_role("button", name="Sign, with a new log-in at the hospital").click()
    page.fill("#name", "investigator")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You have shown who you are")).to_be_visible()
    assert violations_of(page) == []
    state = running_trial(served.store, study=study).state
    assert state.participants[code].signature is None
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(f"{door_with_provider}/participants/{code}/")
    signature = running_trial(served.store, study=study).state.participants[code].signature
    assert signature is not None
    assert signature.stamp.by == "investigator"
    assert not [words for words in told if "Content Security Policy" in words]

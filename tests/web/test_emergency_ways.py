"""In at the emergency door as at the others: with a passkey, or through the provider."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from equipoise.conduct import RunningTrial
from equipoise.study.roles import Role
from equipoise.web.running import running_trial
from equipoise.web.server import use_accounts
from equipoise.web.standby.keeping import copy_accounts
from equipoise.web.standby.roster import roster_of, write_roster

from . import course, test_elsewhere, test_passkeys
from .authenticating import ORIGIN, Device
from .conftest import PASSWORD, SignIn, name_of, said
from .provider import Provider
from .reading import read
from .test_elsewhere import provider, settings_of  # noqa: F401 - fixtures
from .test_structure import english_in, faults

INVESTIGATOR = name_of(Role.INVESTIGATOR)


@pytest.fixture(autouse=True)
def no_keys(behind: Callable[..., None]) -> Iterator[None]:
    from equipoise.web.identity.models import Passkey, Ticket

    yield
    Passkey.objects.all().delete()
    Ticket.objects.all().delete()


@pytest.fixture
def at_night(
    trial: RunningTrial, behind: Callable[..., None], vault_folder: Path
) -> Callable[..., None]:
    """Before the emergency door, whose roster was taken anew."""

    def go(**settings: object) -> None:
        write_roster(vault_folder / "roster.json", roster_of(trial, at=course.now()))
        behind("emergency", **{"ORIGIN": ORIGIN, **settings})

    return go


def answer_to(client: Client, code: str) -> set[str]:
    """What the page of a code-break offers to ask, once somebody is in."""
    page = read(client.get(f"/participants/{code}/"))
    return {e.get("value") for e in page.all("input", name="question")}


@pytest.mark.requirement("C68", "C55")
def test_a_passkey_of_the_sites_door_breaks_a_code(
    trial: RunningTrial, sign_in: SignIn, at_night: Callable[..., None]
) -> None:
    """Nothing is recorded for it; whoever has another role comes to the wrong door."""
    code = course.randomized(trial)
    device = test_passkeys.enroll(sign_in(Role.INVESTIGATOR))
    theirs = test_passkeys.enroll(sign_in(Role.MONITOR))
    n_entries = len(list(trial.store.read()))
    at_night()
    assert said("passkey.sign_in") in read(Client().get("/sign-in/")).text
    client, codes = test_passkeys.come_in(device)
    assert codes == set()
    assert "infusion:M0" in answer_to(client, code)
    client, _ = test_passkeys.come_in(theirs)
    assert client.get(f"/participants/{code}/").status_code == 403
    assert len(list(trial.store.read())) == n_entries


@pytest.mark.requirement("C22", "C31")
def test_a_copied_passkey_opens_nothing_in_an_emergency(
    sign_in: SignIn, at_night: Callable[..., None]
) -> None:
    """The door says so; nothing is on record here, so it does not say that it was taken away."""
    device = test_passkeys.enroll(sign_in(Role.INVESTIGATOR))
    at_night()
    assert test_passkeys.come_in(device)[1] == set()
    assert test_passkeys.come_in(device, step=-1)[1] == {"EQ-W101"}
    assert test_passkeys.come_in(device, step=5)[1] == set()


@pytest.mark.requirement("C31")
def test_a_passkey_counts_as_the_roster_says(
    sign_in: SignIn, behind: Callable[..., None], at_night: Callable[..., None]
) -> None:
    """Given up at the sites' door: what it opened here ends, and it opens nothing any more."""
    client = sign_in(Role.INVESTIGATOR)
    device = test_passkeys.enroll(client)
    at_night()
    inside, _ = test_passkeys.come_in(device)
    assert inside.get("/").status_code == 200
    behind("site", ORIGIN=ORIGIN)
    (address,) = {
        a.get("href")
        for a in read(client.get("/passkeys/")).all("a")
        if "/remove/" in a.get("href")
    }
    client.post(address, {"password": PASSWORD})
    at_night()
    assert inside.get("/").headers["Location"] == "/sign-in/"
    assert not running_trial().state.people[INVESTIGATOR].means


@pytest.mark.requirement("C68", "C23")
def test_through_the_provider_breaks_a_code_once_the_account_is_known(
    *,
    trial: RunningTrial,
    provider: Provider,  # noqa: F811
    settings_of: Callable[[str], dict[str, Any]],  # noqa: F811
    behind: Callable[..., None],
    at_night: Callable[..., None],
) -> None:
    """At this door no account is bound: it must have been, at the sites' one."""
    code = course.randomized(trial)
    at_night(**settings_of(provider.address))
    client, codes = test_elsewhere.come_in()
    assert codes == {"EQ-W100"}
    assert client.get("/").headers["Location"] == "/sign-in/"

    behind("site", **settings_of(provider.address))
    assert test_elsewhere.come_in()[1] == set()
    at_night(**settings_of(provider.address))
    client, codes = test_elsewhere.come_in()
    assert codes == set()
    assert "infusion:M0" in answer_to(client, code)


@pytest.mark.requirement("C68", "F55")
@pytest.mark.parametrize("language", ["en", "fr"])
def test_where_the_provider_is_away_the_other_ways_stay(
    language: str,
    sign_in: SignIn,
    settings_of: Callable[[str], dict[str, Any]],  # noqa: F811
    at_night: Callable[..., None],
) -> None:
    """The page says so, with the password and the passkey beside it; both let in, off or not."""
    from django.core.cache import cache

    cache.clear()
    device = test_passkeys.enroll(sign_in(Role.INVESTIGATOR))
    at_night(**settings_of("http://127.0.0.1:9"), PASSWORDS=True)
    client = Client(HTTP_ACCEPT_LANGUAGE=language)
    answer = client.get("/sign-in/elsewhere/")
    page = read(answer)
    assert (answer.status_code, page.codes) == (502, {"EQ-W052"})
    wrong = list(faults(page)) + (english_in(page) if language == "fr" else [])
    assert wrong == []
    assert page.one("input", id="password")
    assert said("passkey.sign_in", language=language) in page.text
    given = {"username": INVESTIGATOR, "password": PASSWORD}
    assert Client().post("/sign-in/", given).headers["Location"] == "/"
    assert test_passkeys.come_in(device)[1] == set()


@pytest.mark.requirement("C68", "C55")
def test_the_door_takes_passkeys_as_it_takes_passwords(
    sign_in: SignIn, accounts: Path, tmp_path: Path, behind: Callable[..., None]
) -> None:
    """Copied with their owners; a counter does not go back; one that is gone there goes here."""
    from django.contrib.auth import get_user_model

    from equipoise.web.identity.models import Passkey
    from equipoise.web.server import prepare_accounts

    behind("site", ORIGIN=ORIGIN)
    device: Device = test_passkeys.enroll(sign_in(Role.INVESTIGATOR))
    there = Passkey.objects.get()
    prepare_accounts(tmp_path / "emergency.db", {})
    try:
        copy_accounts(accounts)
        here = Passkey.objects.get()
        assert here.user.get_username() == INVESTIGATOR
        assert get_user_model().objects.get(username=INVESTIGATOR).check_password(PASSWORD)
        names = ("name", "domain", "handle", "credential", "public_key", "sign_count")
        assert [getattr(here, n) for n in names] == [getattr(there, n) for n in names]
        Passkey.objects.update(sign_count=there.sign_count + 7)
        copy_accounts(accounts)
        assert Passkey.objects.get().sign_count == there.sign_count + 7
        with closing(sqlite3.connect(accounts)) as source, source:
            source.execute("DELETE FROM identity_passkey")
        copy_accounts(accounts)
        assert not Passkey.objects.exists()
    finally:
        use_accounts(accounts)
    assert device.id

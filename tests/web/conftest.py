"""A trial in memory with its vault, behind both doors, and people to knock at them."""

import datetime as dt
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import django
import pytest
from django.test import Client
from django.test.utils import override_settings

from equipoise.conduct import (
    SIGNERS,
    Person,
    RunningTrial,
    accept_accountability,
    declare_supply,
    open_trial,
)
from equipoise.conduct.cells import CellUnit
from equipoise.ledger import MemoryStore
from equipoise.rehearsal import prepare_rehearsal_vault
from equipoise.study.load import load_study
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.vault import LocalVault, VaultClient, read_token
from equipoise.web.running import use_cells, use_trial
from equipoise.web.server import MODULE, prepare_accounts, use_accounts
from equipoise.web.standby.roster import RosteredTrial, roster_of, write_roster
from equipoise.web.texts import WORDS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", MODULE)
django.setup()

FOLDER = Path(__file__).parents[2] / "studies" / "nct06722105"
PASSWORD = "long enough to type"
OPENED_AT = dt.datetime(2026, 1, 5, 8, 0, tzinfo=dt.UTC)
SignIn = Callable[..., Client]


def name_of(role: Role) -> str:
    return f"the-{role.value.replace('_', '-')}"


TRAINED: dict[str, dt.date | None] = {"gcp": None, "protocol": None}
SECOND = "second-of-the-cell-unit"
PEOPLE = (
    *(
        Person(name_of(role), f"Somebody {i}", role.value, trained=TRAINED)
        for i, role in enumerate(Role)
    ),
    Person("only-at-02", "Somebody of site 02", Role.COORDINATOR.value, ("02",), trained=TRAINED),
    Person(SECOND, "Somebody else of the cell unit", Role.CELL_UNIT.value, trained=TRAINED),
)


@pytest.fixture(scope="session")
def study() -> Study:
    study = load_study(FOLDER).study
    assert study is not None
    return study


QUICK = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""Hashing is slow on purpose; no test here is about that."""


@pytest.fixture(scope="session")
def accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The accounts of everybody; a name without a role too."""
    path = tmp_path_factory.mktemp("accounts") / "accounts.db"
    with override_settings(PASSWORD_HASHERS=QUICK):
        prepare_accounts(path, dict.fromkeys([p.person for p in PEOPLE] + ["nobody"], PASSWORD))
    return path


@pytest.fixture(autouse=True)
def quick_passwords(accounts: Path) -> Iterator[None]:
    """Here, and in no test of another folder, which may run in the same process.

    Such a test may have turned this process to other accounts, too.
    """
    use_accounts(accounts)
    with override_settings(PASSWORD_HASHERS=QUICK):
        yield


def open_here(study: Study, folder: Path, *, seed: int = 5) -> RunningTrial:
    """A study in a rehearsal, with the vault of the site door in a folder of its own."""
    prepare_rehearsal_vault(study, folder, seed=seed)
    assigning = VaultClient(LocalVault(folder), read_token(folder, "assign"))
    opened = RunningTrial(study, MemoryStore(study.identity.study, "rehearsal"), assigning)
    open_trial(opened, at=OPENED_AT, people=PEOPLE)
    for role in SIGNERS:
        accept_accountability(opened, by=name_of(role), at=OPENED_AT, statement="It binds me")
    unit, until = name_of(Role.CELL_UNIT), dt.date(2100, 1, 1)
    declare_supply(opened, by=unit, at=OPENED_AT, places=18, until_on=until)
    return opened


@pytest.fixture
def vault_folder(tmp_path: Path) -> Path:
    return tmp_path / "vault"


@pytest.fixture
def trial(study: Study, vault_folder: Path) -> Iterator[RunningTrial]:
    """The first study, opened in a rehearsal, with the vault of the site door."""
    opened = open_here(study, vault_folder)
    vault = opened.vault
    yield opened
    assert isinstance(vault, VaultClient)
    vault._door.close()  # type: ignore[attr-defined]


def sealed_side(trial: RunningTrial, folder: Path) -> RunningTrial:
    """The same trial as the cell unit's process holds it: with the token for contents."""
    assert isinstance(trial.vault, VaultClient)
    contents = VaultClient(trial.vault._door, read_token(folder, "cells"))
    return RunningTrial(trial.study, trial.store, contents)


def emergency_side(trial: RunningTrial, folder: Path) -> RosteredTrial:
    """The door for code-breaks: the people of a roster, and a token for one break at a time."""
    assert isinstance(trial.vault, VaultClient)
    roster = folder / "roster.json"
    write_roster(roster, roster_of(trial, at=OPENED_AT))
    breaking = VaultClient(trial.vault._door, read_token(folder, "emergency"))
    return RosteredTrial(trial.study, breaking, roster)


@pytest.fixture
def unit(trial: RunningTrial, vault_folder: Path) -> CellUnit:
    """The cell unit's own record of the trial, empty."""
    sealed = sealed_side(trial, vault_folder)
    assert sealed.vault is not None
    store = MemoryStore(trial.store.study, "rehearsal")
    return CellUnit(sealed, store, sealed.vault.contents)


@pytest.fixture
def behind(
    trial: RunningTrial, accounts: Path, vault_folder: Path, unit: CellUnit
) -> Iterator[Callable[..., None]]:
    """Go behind a door: `behind("site")`, `behind("sealed")` or `behind("emergency")`."""
    from axes.models import AccessAttempt

    AccessAttempt.objects.all().delete()  # the accounts are shared by all tests
    sides = {
        "site": trial,
        "sealed": unit.trial,
        "emergency": emergency_side(trial, vault_folder),
    }
    entered: list[override_settings] = []

    def enter(door: str, **more: object) -> None:
        while entered:
            entered.pop().disable()
        settings = at_door(door, **more)
        settings.enable()
        entered.append(settings)
        use_trial(sides[door])
        use_cells(unit if door == "sealed" else None)

    enter("site")
    yield enter
    while entered:
        entered.pop().disable()
    use_trial(None)
    use_cells(None)


def at_door(door: str, **more: object) -> override_settings:
    """The settings of a process that serves one door, without HTTPS."""
    known = {
        "DOOR": door,
        "ROOT_URLCONF": f"equipoise.web.doors.{door}",
        "ALLOWED_HOSTS": ["testserver"],
        "SESSION_COOKIE_SECURE": False,
        "CSRF_COOKIE_SECURE": False,
        "ORIGIN": "http://testserver",
        "OTHER_DOOR": "https://other.example/",
        "TIME_ZONE": "UTC",  # the day of these tests, at whatever hour they run
    }
    return override_settings(**{**known, **more})


def enter_as(who: Role | str, *, language: str = "en", **options: object) -> Client:
    """A client of somebody who has logged in, by role or by name."""
    made = Client(**options)  # type: ignore[arg-type]
    made.cookies["django_language"] = language
    name = name_of(who) if isinstance(who, Role) else who
    given = {"username": name, "password": PASSWORD}
    if options.get("enforce_csrf_checks"):
        made.get("/sign-in/")
        given["csrfmiddlewaretoken"] = made.cookies["equipoise_site_csrf"].value
    assert made.post("/sign-in/", given).status_code == 302
    return made


@pytest.fixture
def sign_in(behind: Callable[..., None]) -> SignIn:
    """Log in, at another door if one is named: `sign_in(Role.CELL_UNIT, door="sealed")`."""

    def client(who: Role | str, *, door: str = "", **options: object) -> Client:
        if door:
            behind(door)
        return enter_as(who, **options)  # type: ignore[arg-type]

    return client


def said(key: str, *, language: str = "en", **values: object) -> str:
    """A word of the interface."""
    group, _, name = key.partition(".")
    text = WORDS[group][name].say("fr" if language == "fr" else "en")
    return text.format_map(values) if values else text

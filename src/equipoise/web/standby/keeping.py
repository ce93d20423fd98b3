"""Keeping ready: the roster and the accounts are taken anew, and breaks brought to the ledger.

All of it is done beside the door, in a thread of its own: whatever hangs or is away, the door
answers. What could not be recorded is tried again until it is.
"""

import datetime as dt
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections
from django.utils import timezone
from msgspec import Struct

from equipoise.conduct import RunningTrial, find_unplaced, record_breaks
from equipoise.ledger import is_address, open_store
from equipoise.problems import Refused
from equipoise.study.study import Study
from equipoise.vault import Vault
from equipoise.web.standby.roster import roster_of, write_roster

EVERY_SECONDS = 20.0
_COPIED = ("credential", "public_key", "sign_count", "handle", "domain", "name")
_KEYS = "SELECT username, {} FROM identity_passkey JOIN auth_user ON auth_user.id = user_id"
_log = logging.getLogger(__name__)


class Sources(Struct, frozen=True, kw_only=True):
    """Where the door takes from, and where it keeps what it took."""

    study: Study
    store: str | Path
    accounts: str | Path
    roster: Path


class Keeper:
    """Takes people and passwords while the ledger is there, and records what the vault broke."""

    def __init__(self, sources: Sources, vault: Vault) -> None:
        self._sources = sources
        self._vault = vault
        self._trial: RunningTrial | None = None
        self._news = Event()
        self._owes = True

    def start(self) -> None:
        """Keep up from now on, as long as this process lives."""
        Thread(target=self._run, daemon=True, name="keeper").start()

    def tell(self) -> None:
        """A code was broken: bring it to the ledger as soon as that answers."""
        self._owes = True
        self._news.set()

    def keep_up(self, now: dt.datetime) -> bool:
        """Once: people, breaks, accounts, each for itself. False if one is away; nothing is lost.

        People come first: who was removed does not stay because something else cannot be read.
        """
        done = [
            self._try("people", lambda: self._take_people(now)),
            self._try("breaks", lambda: self._bring_breaks(now)),
            self._try("accounts", lambda: copy_accounts(self._sources.accounts)),
        ]
        return all(done)

    def _try(self, what: str, act: Callable[[], None]) -> bool:
        try:
            act()
        except Exception as error:  # whatever broke, the door stays open and this tries again
            codes = [p.code for p in error.problems] if isinstance(error, Refused) else []
            _log.warning("%s not kept up: %s %s", what, type(error).__name__, " ".join(codes))
            return False
        return True

    @contextmanager
    def _opened(self) -> Iterator[RunningTrial]:
        """The trial, opened anew after anything went wrong with it."""
        sources, trial = self._sources, self._trial
        self._trial = None
        if trial is None:
            trial = RunningTrial(sources.study, open_store(sources.store), self._vault)
        yield trial
        self._trial = trial

    def _take_people(self, now: dt.datetime) -> None:
        with self._opened() as trial:
            write_roster(self._sources.roster, roster_of(trial, at=now))

    def _bring_breaks(self, now: dt.datetime) -> None:
        if not self._owes:
            return
        self._owes = False
        try:
            with self._opened() as trial:
                breaks = self._vault.breaks()
                record_breaks(trial, breaks, at=now)
                for found in find_unplaced(trial.state, breaks):
                    _log.warning("%s %s", found.code, found.where)
        except Exception:
            self._owes = True
            raise

    def _run(self) -> None:
        while True:
            self.keep_up(dt.datetime.now(dt.UTC))
            connections.close_all()
            self._news.wait(EVERY_SECONDS)
            self._news.clear()


def copy_accounts(source: str | Path) -> None:
    """Let those who have an account at the site door come in with the same password or passkey."""
    if is_address(source):
        import psycopg  # noqa: PLC0415 - only where accounts are there

        accounts: Any = psycopg.connect(str(source), connect_timeout=5)
    else:
        accounts = sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=5)
    with closing(accounts):
        users = accounts.execute("SELECT username, password FROM auth_user").fetchall()
        keys = accounts.execute(_KEYS.format(", ".join(_COPIED))).fetchall()
    _keep_passwords(users)
    _keep_passkeys(keys)


def _keep_passwords(rows: Iterable[tuple[str, str]]) -> None:
    users = get_user_model().objects
    known = dict(users.values_list("username", "password"))
    for name, password in rows:
        if known.get(name) != password:
            users.update_or_create(username=name, defaults={"password": password})


def _keep_passkeys(rows: Iterable[tuple[Any, ...]]) -> None:
    """The same passkeys as there; a counter that went on here does not go back."""
    from equipoise.web.identity.models import Passkey  # noqa: PLC0415 - Django is set up by now

    users, known = get_user_model().objects, {k.credential: k for k in Passkey.objects.all()}
    for owner, *values in rows:
        given = dict(zip(_COPIED, values, strict=True))
        mine = known.pop(given["credential"], None)
        if mine is not None:
            given["sign_count"] = max(given["sign_count"], mine.sign_count)
        if mine is None or any(getattr(mine, name) != value for name, value in given.items()):
            given |= {"user": users.get(username=owner), "made_at": timezone.now()}
            name = given.pop("credential")
            Passkey.objects.update_or_create(credential=name, defaults=given)
    Passkey.objects.filter(pk__in=[gone.pk for gone in known.values()]).delete()


_keeper: list[Keeper] = []


def use_keeper(keeper: Keeper | None) -> None:
    """The keeper of this process from now on."""
    _keeper[:] = [keeper] if keeper else []


def tell_keeper() -> None:
    """Tell the keeper of this process, if there is one, that a code was broken."""
    for keeper in _keeper:
        keeper.tell()

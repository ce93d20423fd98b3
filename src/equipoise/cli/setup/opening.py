"""Opening a trial with its first administrator, and codes for a password made at the server."""

import datetime as dt
from contextlib import closing
from pathlib import Path

from equipoise.cli.folders import check_empty, kept_with, load_checked, refuse_taken
from equipoise.cli.serving import Keys, accounts_of, ensure_accounts
from equipoise.cli.trials import trial_on
from equipoise.conduct import SYSTEM, Person, RunningTrial, View, open_trial, record_invitation
from equipoise.conduct.acts.people import find_active
from equipoise.ledger import MemoryStore, Realm, is_address, open_store, without_password
from equipoise.problems import Refused, problem
from equipoise.study.roles import Role
from equipoise.vault import VaultClient


def open_new_trial(
    directory: Path, *, store: str | Path, keys: Keys, realm: str, person: tuple[str, str]
) -> str:
    """Open a trial in a new ledger; gives back the code for its administrator's first password.

    Raises:
        Refused: something is there, the accounts have people in them, the folder is not ready, or
            the vault is not its own.
    """
    from equipoise.web.server import fingerprint_of, has_people, invite

    study, vault = load_checked(directory), VaultClient(keys.socket)
    kept = kept_with(store, keys.keep, study=study.identity.study)
    accounts = keys.accounts or kept.accounts
    refuse_taken(store, *([accounts] if is_address(store) else []))
    kind: Realm = "live" if realm == "live" else "rehearsal"
    administrator = Person(person[0], person[1], Role.ADMINISTRATOR.value)
    # All that can be refused is refused before there is a file.
    rehearsed = RunningTrial(study, MemoryStore(study.identity.study, kind), vault)
    open_trial(rehearsed, at=dt.datetime.now(dt.UTC), people=(administrator,))
    check_empty(store, study=study, realm=kind)
    ensure_accounts(accounts, kept)
    if has_people(accounts):
        place = without_password(accounts)
        raise Refused([problem("EQ-X930", place, place=place)])
    with closing(open_store(store, study=study.identity.study, realm=kind, create=True)) as ledger:
        trial = RunningTrial(study, ledger, vault)
        open_trial(trial, at=dt.datetime.now(dt.UTC), people=(administrator,))
        code = invite(accounts, person[0], secret=kept.secret("site"))
        at, name = dt.datetime.now(dt.UTC), person[0]
        record_invitation(trial, at=at, person=name, code=fingerprint_of(code))
    return code


def invite_at_server(directory: Path, *, store: str | Path, keys: Keys, person: str) -> str:
    """Make a code for somebody's password, at the server; it is on record before it is shown.

    Raises:
        Refused: the person has no role.
    """
    from equipoise.web.server import fingerprint_of, invite

    study = load_checked(directory)
    kept = kept_with(store, keys.keep, study=study.identity.study)
    accounts = accounts_of(keys, kept, door="site")
    with closing(open_store(store)) as ledger:
        trial = trial_on(ledger, store, study=study)
        find_active(View(study, trial.state, SYSTEM), person)  # before there is an account
        ensure_accounts(accounts, kept)
        code = invite(accounts, person, secret=kept.secret("site"))
        at = dt.datetime.now(dt.UTC)
        record_invitation(trial, at=at, person=person, code=fingerprint_of(code))
    return code

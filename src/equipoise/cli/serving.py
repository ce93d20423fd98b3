"""Starting the doors and the vault."""

import datetime as dt
import fcntl
import os
import secrets
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import click

from equipoise.cli.answering import DONE
from equipoise.cli.folders import load_checked, not_writable
from equipoise.cli.trials import running_trial
from equipoise.conduct import Person, RunningTrial, open_trial
from equipoise.ledger import MemoryStore, Realm, open_store
from equipoise.problems import Refused, problem
from equipoise.rehearsal import vault_contents
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.vault import VaultClient, create_vault, serve_vault

FROM_OUTSIDE = (
    "EQUIPOISE_HOSTS",
    "EQUIPOISE_HTTPS",
    "EQUIPOISE_TIME_ZONE",
    "EQUIPOISE_ORIGIN",
    "EQUIPOISE_PASSKEY_DOMAIN",
    "EQUIPOISE_PASSWORDS",
    "EQUIPOISE_OIDC_ISSUER",
    "EQUIPOISE_OIDC_CLIENT",
    "EQUIPOISE_OIDC_SECRET",
    "EQUIPOISE_OIDC_CLAIM",
    "EQUIPOISE_OIDC_SCOPES",
    "EQUIPOISE_OIDC_NAME",
)
"""What a door takes from the environment of `equipoise serve`: how it is reached, who comes in."""


def keep_vault(directory: Path, *, socket: Path | None, study: Path | None, realm: str) -> int:
    """Make the vault if a study is given, then answer until told to stop."""
    if study is None and socket is None:
        raise click.UsageError("Nothing to do: give --create, --socket or both.")
    if study is not None:
        made = vault_contents(load_checked(study))
        root = create_vault(
            directory,
            made.specification,
            contents=made.contents,
            realm="live" if realm == "live" else "rehearsal",
        )
        click.echo(f"Commitment to the allocation: {root}")
    if socket is not None:
        if not socket.absolute().parent.is_dir():
            raise not_writable(socket, FileNotFoundError("no such folder"))
        serve_vault(directory, socket)
    return DONE


def open_new_trial(
    directory: Path, *, store: Path, socket: Path, realm: str, person: tuple[str, str]
) -> str:
    """Open a trial in a new ledger; gives back the code for its administrator's first password.

    Raises:
        Refused: something is there, the folder is not ready, or the vault is not its own.
    """
    from equipoise.web.server import invite

    if store.exists():
        raise Refused([problem("EQ-X901", str(store), path=str(store))])
    study, vault = load_checked(directory), VaultClient(socket)
    kind: Realm = "live" if realm == "live" else "rehearsal"
    administrator = Person(person[0], person[1], Role.ADMINISTRATOR.value)
    # All that can be refused is refused before there is a file.
    rehearsed = RunningTrial(study, MemoryStore(study.identity.study, kind), vault)
    open_trial(rehearsed, at=dt.datetime.now(dt.UTC), people=(administrator,))
    with closing(open_store(store, study=study.identity.study, realm=kind, create=True)) as ledger:
        trial = RunningTrial(study, ledger, vault)
        open_trial(trial, at=dt.datetime.now(dt.UTC), people=(administrator,))
    ensure_accounts(accounts_beside(store))
    return invite(accounts_beside(store), person[0], secret=secret_beside(store, door="site"))


def serve_door(
    directory: Path, *, store: Path, socket: Path, token: Path, door: str, host: str, port: int
) -> int:
    """Serve one door until told to stop.

    Raises:
        Refused: folder, store and vault are not of one trial, or the server did not start.
    """
    from equipoise.web.server import serve

    check_trial(load_checked(directory), store, socket=socket)
    check_token(VaultClient(socket, token.read_text().strip()), door=door, token=token)
    ensure_accounts(accounts_beside(store))
    settings = door_settings(directory, store=store, socket=socket, token=token, door=door)
    settings |= {name: os.environ[name] for name in FROM_OUTSIDE if name in os.environ}
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server ends with this process
    try:
        status = serve(settings, host=host, port=port)
    except KeyboardInterrupt:
        return DONE
    if status:
        url = f"http://{host}:{port}"
        raise Refused([problem("EQ-X902", url, url=url)])
    return DONE


def ensure_accounts(accounts: Path) -> None:
    """Make the accounts file, or bring it up to date; two doors start at once."""
    from equipoise.web.server import prepare_accounts

    with accounts.with_name(accounts.name + ".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        prepare_accounts(accounts, {})


def check_trial(study: Study, store: Path, *, socket: Path) -> None:
    """The store is this study's, and the vault that answers holds the list it committed to.

    Raises:
        Refused: one of them is not.
    """
    committed = running_trial(store, study=study).state.commitment
    if committed not in ("", VaultClient(socket).commitment()):
        raise Refused([problem("EQ-V015", str(socket))])


def check_token(vault: VaultClient, *, door: str, token: Path) -> None:
    """The token opens what this door asks, and nothing that the other one does.

    The vault is asked with empty words: what it allows it then refuses as incomplete.

    Raises:
        Refused: the blinded process would hold the cell unit's capability, or another mistake.
    """
    allowed = {
        "site": _is_allowed(lambda: vault.assign("", stratum="", proof="")),
        "sealed": _is_allowed(lambda: vault.contents("", "")),
    }
    if [name for name, is_allowed in allowed.items() if is_allowed] != [door]:
        raise Refused([problem("EQ-X904", str(token), door=door)])


def _is_allowed(ask: Callable[[], str]) -> bool:
    try:
        ask()
    except Refused as refused:
        return "EQ-V001" not in {p.code for p in refused.problems}
    return True


def door_settings(
    directory: Path, *, store: Path, socket: Path, token: Path, door: str, other_door: str = ""
) -> dict[str, str]:
    """The environment of a web process; each door knows its own capability alone."""
    secret = secret_beside(store, door=door)
    return {
        "EQUIPOISE_STUDY": str(directory.resolve()),
        "EQUIPOISE_STORE": str(store.resolve()),
        "EQUIPOISE_ACCOUNTS": str(accounts_beside(store).resolve()),
        "EQUIPOISE_VAULT": str(socket),
        "EQUIPOISE_TOKEN": str(token.resolve()),
        "EQUIPOISE_DOOR": door,
        "EQUIPOISE_SECRET": str(secret.resolve()),
        "EQUIPOISE_OTHER_DOOR": other_door,
    }


def secret_beside(store: Path, *, door: str) -> Path:
    """The file with the key of a door's sessions and codes, made where there is none."""
    secret = store.with_name(store.name.removesuffix(".db") + f".{door}.secret")
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(48))
    return secret


def accounts_beside(store: Path) -> Path:
    """The file of users and sessions of a store."""
    return store.with_name(store.name.removesuffix(".db") + ".accounts.db")

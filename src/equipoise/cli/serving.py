"""Starting the doors and the vault."""

import secrets
from pathlib import Path

import click

from equipoise.cli.answering import DONE
from equipoise.cli.folders import load_checked
from equipoise.rehearsal import vault_contents
from equipoise.vault import create_vault, serve_vault


def keep_vault(directory: Path, *, socket: Path | None, study: Path | None, realm: str) -> int:
    """Make the vault if a study is given, then answer until told to stop."""
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
        serve_vault(directory, socket)
    return DONE


def serve_door(
    directory: Path, *, store: Path, socket: Path, token: Path, door: str, host: str, port: int
) -> int:
    """Serve one door until told to stop."""
    from equipoise.web.server import serve

    load_checked(directory)
    serve(
        door_settings(directory, store=store, socket=socket, token=token, door=door),
        host=host,
        port=port,
    )
    return DONE


def door_settings(
    directory: Path, *, store: Path, socket: Path, token: Path, door: str, other_door: str = ""
) -> dict[str, str]:
    """The environment of a web process; each door knows its own capability alone."""
    secret = store.with_name(store.name.removesuffix(".db") + f".{door}.secret")
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(48))
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


def accounts_beside(store: Path) -> Path:
    """The file of users and sessions of a store."""
    return store.with_name(store.name.removesuffix(".db") + ".accounts.db")

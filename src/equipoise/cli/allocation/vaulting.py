"""Commands that keep a vault: serve it, a new key, copies, its log, and what a restore needs."""

import datetime as dt
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equipoise.cli.answering import DONE, as_json, json_option
from equipoise.cli.keeping import FOLDER, NEW_FILE, OLD_FILE, VAULT, StorePlace, store_option
from equipoise.problems import Refused, problem

if TYPE_CHECKING:
    from equipoise.vault import VaultClient
    from equipoise.vault.server import Serve

PLACE = click.Path(file_okay=False, path_type=Path)
MOST_PORT = 65535


class ServesFirst(click.Group):
    """`equipoise vault DIR` serves: a first word that is no command is a folder."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """The command named first, or `serve` for a folder."""
        if args and args[0] not in self.commands:
            return "serve", self.commands["serve"], args
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """An option before the folder belongs to `serve` as well."""
        if args and args[0].startswith("--") and args[0] != "--help":
            args = ["serve", *args]
        return super().parse_args(ctx, args)


class Address(StorePlace):
    """The address of a database, without a password; a path is none."""

    def takes(self, place: str) -> bool:
        """That it is one."""
        if not super().takes(place):
            self.fail(f"{place!r} is no postgresql:// address.")
        return True


ADDRESS = Address()


class Admission(click.Path):
    """`CAPABILITY=CERTIFICATE`: a word of the tokens, and a file in PEM."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """The two parts."""
        from equipoise.vault.protocol import EVERY

        capability, _, path = os.fspath(value).partition("=")
        if capability not in EVERY or not path:
            self.fail(f"{value!r}: write one of {', '.join(sorted(EVERY))}, '=', a file.", param)
        return capability, super().convert(path, param, ctx)


def read_listening(*, listen: str | None, **files: Any) -> "Serve | None":
    """The way to answer over TLS; nothing if no option asks for it.

    Raises:
        Refused: an option is missing, or the address is none.
    """
    from equipoise.vault.remote.listening import Listening, listening

    given = {"listen": listen, **files}
    if not any(given.values()):
        return None
    missing = [f"--{name.replace('_', '-')}" for name, value in given.items() if not value]
    if missing or listen is None:
        raise Refused([problem("EQ-V197", missing=", ".join(missing))])
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > MOST_PORT:
        raise Refused([problem("EQ-V193", listen, place=listen, detail="HOST:PORT")])
    admitted = files.pop("admit")
    told = Listening(host=host.strip("[]"), port=int(port), admitted=admitted, **files)
    return partial(listening, told=told)


by_option = click.option("--by", required=True, help="Who does it: it stands in the vault's log.")
reason_option = click.option("--reason", required=True, help="Why; it stands there too.")


@click.group(cls=ServesFirst)
def vault() -> None:
    """Keep the sealed allocation: make it once, then answer on a Unix socket or over TLS."""


@vault.command()
@click.argument("directory", type=PLACE)
@click.option("--socket", type=click.Path(path_type=Path), help="Where to listen.")
@click.option("--create", "study", type=FOLDER, help="Make the vault of this study folder first.")
@click.option(
    "--realm",
    type=click.Choice(["rehearsal", "live"]),
    help="For --create, which needs it: a vault is of one realm for ever.",
)
@click.option(
    "--list",
    "signed",
    type=OLD_FILE,
    help="For --create of a study whose scheme is `imported`: the list that was signed.",
)
@click.option("--store", type=ADDRESS, help="For --create: keep the list in this database instead.")
@click.option("--owner", type=ADDRESS, help="For --store: who makes the tables; live needs it.")
@click.option("--listen", metavar="HOST:PORT", help="Where to answer over TLS as well.")
@click.option("--certificate", type=OLD_FILE, help="For --listen: the vault's own, in PEM.")
@click.option("--key", type=OLD_FILE, help="For --listen: the key of that certificate.")
@click.option("--clients-ca", type=OLD_FILE, help="For --listen: who signs the callers' own.")
@click.option(
    "--admit",
    multiple=True,
    metavar="CAPABILITY=CERTIFICATE",
    type=Admission(exists=True, dir_okay=False, path_type=Path),
    help="For --listen, at least one: whose certificate opens which capability, as "
    "assign=site.pem, cells=sealed.pem, emergency=emergency.pem.",
)
def serve(
    directory: Path,
    socket: Path | None,
    study: Path | None,
    realm: str | None,
    signed: Path | None,
    store: str | None,
    owner: str | None,
    **over_tls: Any,
) -> int:
    """Make a vault, serve it, or both; the word `serve` may be left out."""
    from equipoise.cli.serving import keep_vault
    from equipoise.vault.stores.seam import Place

    place = None if store is None else Place(store, owner or "")
    beside = read_listening(**over_tls)
    return keep_vault(
        directory,
        socket=socket,
        study=study,
        realm=realm,
        signed=signed,
        place=place,
        beside=beside,
    )


@vault.command()
@click.argument("directory", type=FOLDER)
@click.option("--to", type=NEW_FILE, help="Where the new key goes, if not into the folder.")
@click.option("--tokens", "is_all", is_flag=True, help="Make every token anew as well.")
@click.option("--owner", type=ADDRESS, help="For a vault in a database: its owner's address.")
@by_option
@reason_option
def rotate(directory: Path, to: Path | None, is_all: bool, owner: str, by: str, reason: str) -> int:
    """Seal everything under a new key; the old one opens nothing. Stop the vault first."""
    from equipoise.vault.keeping.rotating import rotate_key

    rotate_key(directory, by=by, reason=reason, at=_now(), to=to, is_all=is_all, owner=owner or "")
    where = to or directory / "vault.key"
    click.echo(f"Sealed anew. The new key is in {where}; back it up apart from the vault.")
    return DONE


@vault.command()
@click.argument("directory", type=FOLDER)
@click.option("-o", "--output", required=True, type=NEW_FILE, help="The copy: a new file.")
def backup(directory: Path, output: Path) -> int:
    """Copy the vault without its key, while it answers or not."""
    from equipoise.vault.keeping.copying import back_up_vault

    back_up_vault(directory, output)
    click.echo(f"Copied to {output}. The key is not in it.")
    return DONE


@vault.command()
@click.argument("copy", type=OLD_FILE)
@click.argument("directory", type=PLACE)
@by_option
@reason_option
def restore(copy: Path, directory: Path, by: str, reason: str) -> int:
    """Make a vault of a backup; put its key in place first."""
    from equipoise.vault.keeping.copying import restore_vault

    missing = restore_vault(copy, directory, by=by, reason=reason, at=_now())
    click.echo(f"Restored in {directory}. It assigns nothing before `equipoise vault compare`.")
    if missing:
        click.echo(f"Not there: {', '.join(missing)}. Make them with `equipoise vault rotate`.")
    return DONE


@vault.command()
@click.argument("socket", type=VAULT)
@store_option
@click.option("--token", required=True, type=OLD_FILE, help="The file assign.token.")
def compare(socket: str | Path, store: str | Path, token: Path) -> int:
    """Hold the ledger's numbers against those of a running vault, after a restore."""
    from equipoise.cli.serving import compare_numbers
    from equipoise.cli.trials import running_trial

    trial = running_trial(store, read_only=True)
    client = client_by(socket, token)
    n_beyond = compare_numbers(trial, client)
    n = len(trial.state.randomized)
    click.echo(f"{n} numbers of the ledger are the vault's; {n_beyond} are in the vault alone.")
    return DONE


@vault.command()
@click.argument("socket", type=VAULT)
@click.option("--token", required=True, type=OLD_FILE, help="The file audit.token.")
@click.option("--after", default=0, show_default=True, help="Entries after this number.")
@json_option
def log(socket: str | Path, token: Path, after: int, is_json: bool) -> int:
    """What the vault was asked, by whom, when, why and whether it answered; never the answers."""
    client = client_by(socket, token)
    entries = client.read_log(after=after)
    report = client.verify()
    lines = [
        {
            "seq": e.seq,
            "at": e.at.isoformat(),
            "type": e.type,
            "by": e.by,
            "reason": e.reason,
            "body": (e.body or b"").decode(),
            "digest": e.digest,
        }
        for e in entries
    ]
    if is_json:
        as_json({"ok": report.ok, "entries": lines})
        return DONE
    for line in lines:
        click.echo("  ".join(str(line[k]) for k in ("seq", "at", "type", "by", "reason", "body")))
    click.echo("The list and the log are as they were made." if report.ok else "Not sound:")
    for found in report.problems:
        click.echo(str(found))
    return DONE if report.ok else 1


def client_by(socket: str | Path, token: Path) -> "VaultClient":
    """A running vault, asked with the token in a file."""
    from equipoise.vault import VaultClient

    return VaultClient(socket, token.read_text(encoding="ascii").strip())


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)

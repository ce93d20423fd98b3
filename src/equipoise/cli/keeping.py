"""Commands on the record: verify, export and seal the ledger; tables and reports."""

import datetime as dt
import os
from abc import ABC, abstractmethod
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import click

from equipoise.cli.answering import (
    DONE,
    PROBLEMS,
    as_json,
    json_option,
    problem_rows,
    show_problems,
    telling_time,
)
from equipoise.ledger.addresses import has_password, is_address, without_password
from equipoise.problems import LANGUAGES, Language, Problem, Refused, problem

N_SHOWN = 20
by_option = click.option(
    "--by",
    default="",
    help="Who takes it out of the trial, for the record; needed in a live one, and to open the "
    "code.",
)


class PathOrAddress(click.Path, ABC):
    """A path, or an address that stays the text that it is."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """The address as it is, or the path."""
        place = os.fspath(value)
        return place if self.takes(place) else super().convert(value, param, ctx)

    @abstractmethod
    def takes(self, place: str) -> bool:
        """Whether it is an address; Refused if it is one that may not be used."""


class StorePlace(PathOrAddress):
    """A SQLite file that is there, or the address of a PostgreSQL database."""

    def takes(self, place: str) -> bool:
        """Whether it is the address of a database.

        Raises:
            Refused: it holds a password, which the list of processes shows to everybody.
        """
        if is_address(place) and has_password(place):
            raise Refused([problem("EQ-X926", without_password(place))])
        return is_address(place)


STORE = StorePlace(exists=True, dir_okay=False, path_type=Path)
store_option = click.option(
    "--store",
    required=True,
    type=STORE,
    help="The ledger: a SQLite file or a postgresql:// address.",
)


class VaultPlace(PathOrAddress):
    """The Unix socket of a running vault, or its `tls://` address."""

    def takes(self, place: str) -> bool:
        """Whether it is the address of a vault on another machine.

        Raises:
            Refused: something of it is missing.
        """
        from equipoise.vault.remote.calling import is_remote, read_remote

        if is_remote(place):
            read_remote(place)
        return is_remote(place)


FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
OLD_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
VAULT = VaultPlace(path_type=Path)
vault_option = click.option(
    "--vault",
    "socket",
    required=True,
    type=VAULT,
    help="A running `equipoise vault`: its socket, or tls://HOST:PORT?certificate=…&key=…&ca=… "
    "for one on another machine.",
)


keep_option = click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of this trial's other files; beside a ledger in a file by default.",
)
vault_folder_option = click.option(
    "--vault",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="The vault's folder: opens the code. Needs the data to be locked.",
)
cells_option = click.option(
    "--cells",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="The cell unit's ledger, for what was received; cells.db beside the vault by default.",
)


@click.group()
def ledger() -> None:
    """Create, verify, seal, archive, back up, restore and look into the ledger."""


@ledger.command()
@store_option
@click.option(
    "--against", default="", help="A seal that somebody kept: of any moment, or a site's."
)
@json_option
def verify(store: str | Path, against: str, is_json: bool) -> int:
    """Check every chain, digest and seal on record; name the first bad entry."""
    from equipoise.ledger import verify as verify_ledger

    with telling_time("verifying"):
        found = verify_ledger(store, against=against, now=dt.datetime.now(dt.UTC))
    warnings = [p for p in found.problems if p.severity == "warning"]
    if not is_json:
        show_problems(warnings[:N_SHOWN])
    if len(warnings) > N_SHOWN and not is_json:
        click.echo(f"... and {len(warnings) - N_SHOWN} more warnings: see --json", err=True)
    if is_json:
        bad = found.first_bad
        as_json(
            {
                "ok": found.ok,
                "entries": found.entries,
                "seal": found.seal,
                "first_bad": None
                if bad is None
                else {"chain": bad.chain, "seq": bad.seq, "code": bad.code, "message": bad.message},
                "warnings": problem_rows(warnings),
            }
        )
    elif found.first_bad is None:
        click.echo(f"{found.entries} entries, all chains hold. Seal {found.seal}")
        if against:
            click.echo(f"The record gave the seal {against}: nothing before it was rewritten.")
    else:
        bad = found.first_bad
        click.echo(f"{bad.code}  {bad.chain}:{bad.seq}  {bad.message}", err=True)
    return DONE if found.ok else PROBLEMS


@ledger.command()
@store_option
@click.option("--by", required=True, help="Who seals: a person of the trial.")
@click.option("--reason", default="interval", show_default=True, help="Why.")
def seal(store: str | Path, by: str, reason: str) -> int:
    """Record the heads of all chains under one root, and print it."""
    from equipoise.cli.trials import running_trial
    from equipoise.conduct import seal_trial

    root = seal_trial(running_trial(store), by=by, at=dt.datetime.now(dt.UTC), reason=reason)
    click.echo(root)
    return DONE


authority_option = click.option(
    "--authority",
    required=True,
    type=OLD_FILE,
    help="The root certificates that are believed: a PEM file.",
)


@ledger.command()
@store_option
@click.option("--by", required=True, help="Who asks: a person of the trial.")
@click.option("--url", required=True, help="The service that the sponsor names (RFC 3161).")
@authority_option
def stamp(store: str | Path, by: str, url: str, authority: Path) -> int:
    """Seal the ledger, and have a service of others sign that the seal was there, and when."""
    from equipoise.cli.trials import running_trial
    from equipoise.conduct import record_time_stamp, seal_trial
    from equipoise.exchange.time_stamps import ask_time_stamp, load_authorities

    trusted = load_authorities(authority.read_bytes())
    trial = running_trial(store)
    root = seal_trial(trial, by=by, at=dt.datetime.now(dt.UTC), reason="time stamp")
    with telling_time("asking"):
        stamped = ask_time_stamp(root, url=url, authorities=trusted)
    record_time_stamp(
        trial,
        by=by,
        at=dt.datetime.now(dt.UTC),
        root=root,
        service=url,
        stamped_at=stamped.at,
        token=b64encode(stamped.token).decode(),
    )
    click.echo(f"{root}\nThere at {stamped.at.isoformat()}, says {url}")
    return DONE


@ledger.command()
@store_option
@authority_option
@json_option
def stamps(store: str | Path, authority: Path, is_json: bool) -> int:
    """Check every time stamp of the ledger against the authorities that are believed."""
    from equipoise.cli.trials import running_trial
    from equipoise.exchange.time_stamps import check_time_stamp, load_authorities

    trusted = load_authorities(authority.read_bytes())
    found: list[dict[str, object]] = []
    wrong: list[Problem] = []
    for seal in running_trial(store, read_only=True).state.seals:
        for at, token in seal.time_stamps:
            try:
                check_time_stamp(seal.root, b64decode(token), authorities=trusted)
            except Refused as refused:
                wrong += refused.problems
            else:
                found.append({"seal": seal.root, "at": at.isoformat()})
    if is_json:
        as_json({"ok": not wrong, "stamps": found, "problems": problem_rows(wrong)})
    else:
        for row in found:
            click.echo(f"{row['seal']}  {row['at']}")
        show_problems(wrong)
    return PROBLEMS if wrong else DONE


@ledger.command()
@click.argument("directory", type=FOLDER)
@store_option
@click.option("--entry", required=True, help="The entry, such as site-01:57.")
@click.option("--drop", multiple=True, help="An item of the form that is to be emptied, if any.")
@click.option("--by", required=True, help="Who orders it: an investigator of the site.")
@click.option("--reason", required=True, help="Why; it stays in the ledger.")
def redact(
    directory: Path, store: str | Path, entry: str, drop: tuple[str, ...], by: str, reason: str
) -> int:
    """Take a personal datum out of an entry and its reason; the chain still verifies and tells it.

    Of forms, corrections, deviations, missed encounters, stops of treatment, infusions entered from
    paper, ends of participation and unblindings.
    """
    from equipoise.cli.folders import load_checked
    from equipoise.cli.trials import running_trial
    from equipoise.conduct import redact_entry

    chain, _, seq = entry.rpartition(":")
    if not chain or not seq.isdecimal():
        raise click.BadParameter("such as site-01:57", param_hint="--entry")
    trial = running_trial(store, study=load_checked(directory))
    at = dt.datetime.now(dt.UTC)
    made = redact_entry(trial, by=by, at=at, reason=reason, chain=chain, seq=int(seq), drop=drop)
    click.echo(f"Taken out, as {made[0].chain}:{made[0].seq} orders. Archives keep theirs.")
    return DONE


@click.command()
@click.argument("directory", type=FOLDER)
@store_option
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="New folder.")
@vault_folder_option
@cells_option
@by_option
def export(
    directory: Path,
    store: str | Path,
    output: Path,
    vault: Path | None,
    cells: Path | None,
    by: str,
) -> int:
    """Write one CSV table a form, and deviations, populations, signatures, reviews; a manifest.

    With --vault, after the lock, also each infusion as randomized, as dispensed and as received.
    """
    if vault is not None and not by:
        raise Refused([problem("EQ-X900")])
    from equipoise.cli.copying.listing import list_all
    from equipoise.cli.copying.recording import take_copy
    from equipoise.cli.folders import load_checked
    from equipoise.cli.reporting import list_received
    from equipoise.cli.trials import form_rows, running_trial
    from equipoise.exchange import refuse_filled, write_form_tables
    from equipoise.ledger import merkle_root

    study = load_checked(directory)
    trial = running_trial(store, study=study, read_only=not by)
    taking = take_copy(trial, by=by, kind="tables", is_by_arm=vault is not None)
    refuse_filled(output)  # before the vault is asked, which logs it
    opened = [] if vault is None else [list_received(trial, vault=vault, cells=cells, by=by)]
    root = merkle_root(trial.store.heads())
    write_form_tables(
        study,
        form_rows(study, trial.state),
        output,
        realm=trial.realm,
        seal=root,
        listings=(*list_all(study, trial), *opened),
        **taking._asdict(),
    )
    click.echo(f"Written to {output}. Seal {root}")
    return DONE


@click.command()
@click.argument("directory", type=FOLDER)
@store_option
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="HTML file, a new one."
)
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@vault_folder_option
@cells_option
@by_option
@click.option("--dummy", type=int, help="By arms that mean nothing, drawn with this seed.")
def report(
    directory: Path,
    store: str | Path,
    output: Path,
    language: Language,
    vault: Path | None,
    cells: Path | None,
    by: str,
    dummy: int | None,
) -> int:
    """Write the report: flow, baseline, course, adverse events. Blinded without --vault."""
    from equipoise.cli.copying.recording import take_copy
    from equipoise.cli.folders import load_checked
    from equipoise.cli.reporting import write_trial_report
    from equipoise.cli.trials import running_trial

    if vault is not None and not by:
        raise Refused([problem("EQ-X900")])
    study = load_checked(directory)
    trial = running_trial(store, study=study, read_only=not by)
    write_trial_report(
        trial,
        output,
        language=language,
        vault=vault,
        cells=cells,
        by=by,
        dummy_seed=dummy,
        taking=take_copy(trial, by=by, kind="report", is_by_arm=vault is not None),
    )
    click.echo(f"Written: {output}")
    return DONE

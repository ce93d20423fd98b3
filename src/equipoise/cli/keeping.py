"""Commands on the record: verify, export and seal the ledger; tables and reports."""

import datetime as dt
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from equipoise.cli.answering import DONE, PROBLEMS, as_json, json_option
from equipoise.ledger.opening import is_address
from equipoise.problems import LANGUAGES, Language, Refused, problem


class StorePlace(click.Path):
    """A SQLite file that is there, or the address of a PostgreSQL database."""

    def convert(
        self,
        value: str | os.PathLike[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """The address as it is, or the path of the file."""
        place = os.fspath(value)
        return place if is_address(place) else super().convert(value, param, ctx)


STORE = StorePlace(exists=True, dir_okay=False, path_type=Path)
store_option = click.option(
    "--store",
    required=True,
    type=STORE,
    help="The ledger: a SQLite file or a postgresql:// address.",
)


@click.group()
def ledger() -> None:
    """Verify, export and seal the ledger."""


@ledger.command()
@store_option
@json_option
def verify(store: str | Path, is_json: bool) -> int:
    """Check every chain, digest and seal; name the first bad entry."""
    from equipoise.ledger import verify as verify_ledger

    found = verify_ledger(store)
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
            }
        )
    elif found.first_bad is None:
        click.echo(f"{found.entries} entries, all chains hold. Seal {found.seal}")
    else:
        bad = found.first_bad
        click.echo(f"{bad.code}  {bad.chain}:{bad.seq}  {bad.message}", err=True)
    return DONE if found.ok else PROBLEMS


@ledger.command("export")
@store_option
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="File to write."
)
def export_ledger(store: str | Path, output: Path) -> int:
    """Write the whole ledger as JSON Lines, with a verifier beside it that needs nothing else."""
    from equipoise.exchange import write_ledger_archive
    from equipoise.ledger import open_store

    with closing(open_store(store, read_only=True)) as opened:
        n_entries = write_ledger_archive(opened, output)
    verifier = output.with_name("verify_archive.py")
    click.echo(f"{n_entries} entries in {output}. Verify with: python3 {verifier} {output}")
    return DONE


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


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@store_option
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="New folder.")
def export(directory: Path, store: str | Path, output: Path) -> int:
    """Write one CSV table a form, the deviations, populations and signatures, and a manifest."""
    from equipoise.cli.folders import load_checked
    from equipoise.cli.trials import (
        deviation_listing,
        form_rows,
        population_listing,
        running_trial,
        signature_listing,
    )
    from equipoise.exchange import write_form_tables
    from equipoise.ledger import merkle_root

    study = load_checked(directory)
    trial = running_trial(store, study=study, read_only=True)
    root = merkle_root(trial.store.heads())
    rows = form_rows(study, trial.state)
    state = trial.state
    listings = (
        deviation_listing(state),
        population_listing(study, state),
        signature_listing(trial),
    )
    write_form_tables(study, rows, output, realm=trial.realm, seal=root, listings=listings)
    click.echo(f"Written to {output}. Seal {root}")
    return DONE


@click.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@store_option
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="HTML file, a new one."
)
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@click.option(
    "--vault",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="The vault's folder: opens the code. Needs the data to be locked.",
)
@click.option("--by", default="", help="Who opens the code.")
@click.option("--dummy", type=int, help="By arms that mean nothing, drawn with this seed.")
def report(
    directory: Path,
    store: str | Path,
    output: Path,
    language: Language,
    vault: Path | None,
    by: str,
    dummy: int | None,
) -> int:
    """Write the report: flow, baseline, course, adverse events. Blinded without --vault."""
    from equipoise.cli.folders import load_checked
    from equipoise.cli.reporting import write_trial_report
    from equipoise.cli.trials import running_trial

    if vault is not None and not by:
        raise Refused([problem("EQ-X900")])
    study = load_checked(directory)
    trial = running_trial(store, study=study, read_only=True)
    write_trial_report(trial, output, language=language, vault=vault, by=by, dummy_seed=dummy)
    click.echo(f"Written: {output}")
    return DONE

"""Commands on the record for those who keep it: archive, backup, restore, and looking back."""

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

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
from equipoise.cli.keeping import (
    FOLDER,
    STORE,
    StorePlace,
    by_option,
    ledger,
    store_option,
)
from equipoise.ledger.addresses import is_address, without_password
from equipoise.problems import Refused, problem

if TYPE_CHECKING:
    from equipoise.ledger import Realm
    from equipoise.web.tables.comparing import Compared

OUTPUT = click.Path(path_type=Path)


@ledger.command()
@click.argument("address", type=StorePlace())
@click.option("--study", "directory", required=True, type=FOLDER, help="The study folder.")
@click.option(
    "--realm",
    type=click.Choice(["rehearsal", "live"]),
    default="live",
    show_default=True,
    help="Live: participants are real.",
)
@click.option(
    "--role", required=True, help="Who will write to it; made if there is none. Not its owner."
)
def create(address: str, directory: Path, realm: str, role: str) -> int:
    """Make the tables of a ledger in PostgreSQL, once, as the owner of the schema."""
    from equipoise.cli.folders import load_checked
    from equipoise.ledger import as_role, create_ledger
    from equipoise.web.server import use_django

    if not is_address(address):
        raise Refused([problem("EQ-X928", address, place=address)])
    study, place = load_checked(directory).identity.study, without_password(address)
    kind: Realm = "live" if realm == "live" else "rehearsal"
    if not create_ledger(address, study=study, realm=kind, app_role=role):
        raise Refused([problem("EQ-X929", place, place=place)])
    use_django()
    from equipoise.web.tables.opening import make_as_owner

    make_as_owner(address)
    click.echo(f"The {realm} ledger of {study} is in {place}. {role} may read and add to it.")
    click.echo(f"Let {role} log in (a password in ~/.pgpass, or the server's own way), then:")
    click.echo(f'equipoise open {directory} --store "{as_role(address, role)}" --realm {realm} \\')
    click.echo("  --keep FOLDER --vault SOCKET --administrator USER --name NAME")
    return DONE


@ledger.command("export")
@store_option
@click.option(
    "--study",
    "directories",
    multiple=True,
    type=FOLDER,
    help="A study folder by which the trial went, to be kept with it; of an amended trial each.",
)
@click.option(
    "--lacking", multiple=True, help="The digest of a study folder that nobody has any more."
)
@click.option("--site", default="", help="One site's complete copy: its chain and the control one.")
@click.option(
    "--made-at",
    default="",
    help="When it is made, to stand in it. Without: same ledger, same bytes.",
)
@click.option("-o", "--output", required=True, type=OUTPUT, help="Zip file to write, a new one.")
@by_option
@click.option("--trial", type=STORE, help="Of the cell unit's ledger: the trial's, for --by.")
@json_option
def export_ledger(
    store: str | Path,
    directories: tuple[Path, ...],
    lacking: tuple[str, ...],
    site: str,
    made_at: str,
    output: Path,
    by: str,
    trial: str | Path | None,
    is_json: bool,
) -> int:
    """Write the ledger as one file that verifies itself with Python alone: python3 FILE."""
    from equipoise.cli.copying.packing import beside
    from equipoise.cli.copying.recording import archiving, digest_of_file
    from equipoise.conduct.events import program
    from equipoise.ledger import Making, write_archive

    making = Making(
        site=site,
        chains=(f"site-{site}", "control") if site else (),
        made_by=program(),
        made_at=made_at,
        **beside(store, directories, lacking=lacking)._asdict(),
    )
    with telling_time("exporting"), archiving(store, by=by, site=site, trial=trial) as made:
        told = write_archive(made.store, output, making=making, finish=made.finish)
    studies = sorted({n.split("/")[1] for n in told.members if n.startswith("study/")})
    answer = {"entries": told.n_entries, "seal": told.seal, "sha256": digest_of_file(output)}
    if is_json:
        as_json({**answer, "studies": studies})
    else:
        click.echo(f"Study folders in it: {', '.join(studies) or 'none; --study puts them in'}")
        click.echo(f"{told.n_entries} entries in {output}. Verify with: python3 {output}")
        click.echo(f"Seal {told.seal}\nSHA-256 of the file {answer['sha256']}")
    return DONE


@ledger.command()
@store_option
@click.option("-o", "--output", required=True, type=OUTPUT, help="File to write, a new one.")
@json_option
def backup(store: str | Path, output: Path, is_json: bool) -> int:
    """Copy the ledger while it is in use, check the copy, and print its seal to keep elsewhere."""
    from equipoise.ledger import open_store, write_backup

    with telling_time("backing up"), closing(open_store(store, read_only=True)) as opened:
        found = write_backup(opened, output)
    if is_json:
        as_json({"entries": found.entries, "seal": found.seal})
    else:
        click.echo(f"{found.entries} entries in {output}, checked. Keep this seal elsewhere:")
        click.echo(found.seal)
    return DONE


@ledger.command()
@store_option
@click.option("--check", "compares", is_flag=True, help="Change nothing; compare row for row.")
@click.option(
    "--make",
    "makes",
    is_flag=True,
    help="As the owner of a PostgreSQL ledger: make the tables, empty, for the role that records.",
)
@json_option
def rebuild(store: str | Path, compares: bool, makes: bool, is_json: bool) -> int:
    """Write the read tables again from the ledger. They hold nothing that is not in it.

    All at once: stopped half way, it leaves them as they were. Who records waits meanwhile.
    """
    if makes:
        return _make_tables(store)
    from equipoise.cli.rehearsing import show_progress
    from equipoise.cli.trials import open_ledger, read_tables

    began = time.perf_counter()
    tables = read_tables(open_ledger(store))
    label = "Comparing" if compares else "Rebuilding"
    with show_progress(is_shown=not is_json, label=label) as show:
        if compares:
            from equipoise.web.tables.comparing import compare

            compared = compare(tables, progress=lambda n, total: show(n, total, ""))
        else:
            n_entries = tables.rebuild(progress=lambda n, total: show(n, total, ""))
    seconds = time.perf_counter() - began
    if compares:
        return _tell_compared(compared, seconds, is_json=is_json)
    if is_json:
        as_json({"entries": n_entries, "seconds": seconds})
    else:
        click.echo(f"{n_entries} entries in the read tables, in {seconds:.1f} s.")
    return DONE


def _make_tables(store: str | Path) -> int:
    from equipoise.web.server import use_django

    if not is_address(store):
        raise click.BadParameter("--make is for the owner of a PostgreSQL ledger")
    use_django()
    from equipoise.web.tables.opening import make_as_owner

    make_as_owner(str(store))
    click.echo("The read tables are there, empty. Whoever opens the ledger next fills them.")
    return DONE


def _tell_compared(compared: "Compared", seconds: float, *, is_json: bool) -> int:
    wrong = [
        problem("EQ-G042", table=d.table, there=_row(d.there), rebuilt=_row(d.rebuilt))
        for d in compared.differences
    ]
    answer = {"ok": not wrong, "rows": compared.n_rows, "behind": compared.n_behind}
    if is_json:
        as_json({**answer, "seconds": seconds, "problems": problem_rows(wrong)})
    else:
        show_problems(wrong)
        click.echo(
            f"{compared.n_rows} rows, {'not all ' if wrong else ''}as the ledger gives them."
        )
        if compared.n_behind:
            click.echo(f"{compared.n_behind} entries are not in the tables yet.")
    return PROBLEMS if wrong else DONE


def _row(values: tuple[object, ...] | None) -> str:
    return "nothing" if values is None else ", ".join("" if v is None else str(v) for v in values)

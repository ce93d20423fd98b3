"""Commands that run a trial: rehearse it, serve it, keep its vault, show it."""

from pathlib import Path

import click
from msgspec import to_builtins

from equipoise.cli.answering import DONE, as_json, json_option, say_uncounted
from equipoise.cli.keeping import (
    FOLDER,
    NEW_FILE,
    OLD_FILE,
    STORE,
    StorePlace,
    keep_option,
    store_option,
    vault_option,
)
from equipoise.ledger.addresses import without_password

new_store_option = click.option(
    "--store",
    required=True,
    type=StorePlace(dir_okay=False, path_type=Path),
    help="The ledger to write: a new file, or an empty postgresql:// one.",
)
accounts_option = click.option(
    "--accounts",
    type=StorePlace(dir_okay=False, path_type=Path),
    envvar="EQUIPOISE_ACCOUNTS",
    show_envvar=True,
    help="Users and sessions, if not in a file of --keep: another one, or a postgresql:// address.",
)


@click.command()
@click.argument("directory", type=FOLDER)
@new_store_option
@keep_option
@click.option("--seed", default=1, show_default=True, help="Another seed, another trial.")
@click.option(
    "--readings",
    "compares",
    is_flag=True,
    help="Count for whom each other reading of an open decision matters.",
)
@json_option
def rehearse(
    directory: Path,
    store: str | Path,
    keep: Path | None,
    seed: int,
    compares: bool,
    is_json: bool,
) -> int:
    """Run one whole virtual trial through the same acts as a real one."""
    from equipoise.cli.folders import kept_with, load_checked
    from equipoise.cli.rehearsing import count_readings, rehearse_into, show_progress
    from equipoise.eligibility import find_uncounted

    study = load_checked(directory)
    kept = kept_with(store, keep, study=study.identity.study)
    with show_progress(is_shown=not is_json) as progress:
        done = rehearse_into(study, store, seed=seed, kept=kept, progress=progress)
    answer = {
        "screened": done.screened,
        "randomized": done.randomized,
        "by_arm": done.by_arm,
        "completed": done.completed,
        "entries": done.entries,
        "seal": done.seal,
        "seconds": done.seconds,
    }
    effects = count_readings(study, store) if compares else ()
    uncounted = find_uncounted(study, [(e.decision, e.option) for e in effects]) if compares else ()
    if is_json:
        more = {"readings": to_builtins(effects), "not_executable": to_builtins(uncounted)}
        as_json(answer | (more if compares else {}))
        return DONE
    click.echo(
        f"{done.screened} screened, {done.randomized} randomized, {done.completed} completed; "
        f"{done.entries} entries in {done.seconds:.1f} s. Seal {done.seal}"
    )
    for arm, n in done.by_arm.items():
        click.echo(f"  {arm}: {n}")
    for effect in effects:
        told = [f"{n} by {criterion}" for criterion, n in effect.criteria.items()]
        told += [f"{n} {move}" for move, n in effect.moves.items()]
        matters = f"{effect.people} of {done.screened} screened: {', '.join(told)}"
        whom = matters if effect.people else "nobody"
        click.echo(f"{effect.decision} read as {effect.option} matters for {whom}")
    say_uncounted(uncounted)
    return DONE


@click.command()
@click.argument("directory", type=FOLDER)
@click.option(
    "--store",
    required=True,
    type=StorePlace(dir_okay=False, path_type=Path),
    help="The ledger: a file or a postgresql:// address. The emergency door opens without it.",
)
@keep_option
@accounts_option
@vault_option
@click.option(
    "--token",
    required=True,
    type=OLD_FILE,
    help="The capability of this door: assign.token for site, cells.token for sealed, "
    "emergency.token for emergency.",
)
@click.option(
    "--door",
    type=click.Choice(["site", "sealed", "emergency"]),
    default="site",
    show_default=True,
    help="Which side of the blind this process serves, or where the code is broken.",
)
@click.option(
    "--cells",
    type=NEW_FILE,
    help="For sealed: the cell unit's own ledger, made if need be; cells.db beside the token.",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8765, show_default=True)
def serve(
    directory: Path,
    store: str | Path,
    keep: Path | None,
    accounts: str | Path | None,
    socket: str | Path,
    token: Path,
    door: str,
    cells: Path | None,
    host: str,
    port: int,
) -> int:
    """Serve one door of a trial: the blinded site, the sealed one, or the code-break."""
    from equipoise.cli.serving import Keys, serve_door

    if door != "emergency":
        STORE.convert(store, None, click.get_current_context())  # it must be there
    keys = Keys(keep, accounts, socket, token)
    return serve_door(
        directory, store=store, keys=keys, door=door, host=host, port=port, cells=cells
    )


@click.command("open")
@click.argument("directory", type=FOLDER)
@new_store_option
@keep_option
@accounts_option
@vault_option
@click.option("--administrator", required=True, help="User name of the first administrator.")
@click.option("--name", required=True, help="Their full name.")
@click.option(
    "--realm",
    type=click.Choice(["rehearsal", "live"]),
    default="live",
    show_default=True,
    help="Live: participants are real. It needs every decision made.",
)
def open_command(
    directory: Path,
    store: str | Path,
    keep: Path | None,
    accounts: str | Path | None,
    socket: str | Path,
    administrator: str,
    name: str,
    realm: str,
) -> int:
    """Open a trial on its reviewed folder, with its first administrator, who adds the others."""
    from equipoise.cli.serving import Keys
    from equipoise.cli.setup.opening import open_new_trial

    keys = Keys(keep, accounts, socket)
    code = open_new_trial(
        directory, store=store, keys=keys, realm=realm, person=(administrator, name)
    )
    click.echo(
        f"The trial is open in {without_password(store)}. Serve the site door; within three days"
    )
    click.echo(f"{administrator} chooses a password at its page /welcome/ with this code:")
    click.echo(code)
    return DONE


@click.command()
@click.argument("directory", type=FOLDER)
@store_option
@keep_option
@accounts_option
@click.option("--person", required=True, help="User name of somebody with a role.")
def invite(
    directory: Path,
    store: str | Path,
    keep: Path | None,
    accounts: str | Path | None,
    person: str,
) -> int:
    """Make a code for somebody's password, where no second administrator can make it.

    The trial must hold the same folder. It is on record that the code was made at the server.
    """
    from equipoise.cli.serving import Keys
    from equipoise.cli.setup.opening import invite_at_server

    keys = Keys(keep, accounts, "")
    code = invite_at_server(directory, store=store, keys=keys, person=person)
    click.echo(f"Within three days {person} chooses a password at /welcome/ with this code:")
    click.echo(code)
    return DONE


@click.command()
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Where the demo keeps its files.",
)
@click.option("--study", type=FOLDER, help="Another study folder than the first study's.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another trial.")
@click.option(
    "--port",
    default=8765,
    show_default=True,
    help="The site door; the next one is sealed, the third breaks codes.",
)
@click.option("--fresh", is_flag=True, help="Rehearse anew even if the demo is there.")
@click.option(
    "--recruiting", is_flag=True, help="Open the trial while half of the places are free."
)
@click.option("--headless", is_flag=True, help="Open no browser.")
@json_option
def demo(
    directory: Path,
    study: Path | None,
    seed: int,
    port: int,
    fresh: bool,
    recruiting: bool,
    headless: bool,
    is_json: bool,
) -> int:
    """Rehearse the first study and open it in the browser, with a log-in for each role."""
    from equipoise.cli.demonstrating import run_demo

    return run_demo(
        directory,
        folder=study,
        seed=seed,
        port=port,
        is_fresh=fresh,
        is_recruiting=recruiting,
        is_headless=headless,
        is_json=is_json,
    )


@click.group("cells")
def cells_group() -> None:
    """Ask the cell unit's own ledger. What it answers tells who got what: for the sealed side."""


CELLS = click.option(
    "--cells",
    required=True,
    type=OLD_FILE,
    help="The cell unit's own ledger.",
)


@cells_group.command()
@click.argument("directory", type=FOLDER)
@click.argument("name")
@store_option
@CELLS
@json_option
def trace(directory: Path, name: str, store: str | Path, cells: Path, is_json: bool) -> int:
    """From a donor, a batch or a participant NAME the whole way, both ways."""
    from equipoise.cli.tracing import trace_cells

    found = trace_cells(directory, name, store=store, cells=cells)
    if is_json:
        as_json({"name": name, "found": to_builtins(found)})
        return DONE
    if not found:
        click.echo(f"Nothing leads from or to {name}.")
    for one in found:
        given = one.given_on or ("not given" if one.is_in_trial else "not in the trial")
        donors = " ".join(one.donors) or "-"
        click.echo(
            f"{donors}  {one.batch}  {' '.join(filter(None, (one.bag, one.scan)))}  {one.label}  "
            f"{one.participant} {one.encounter}  {given}"
        )
    return DONE


@cells_group.command()
@click.argument("directory", type=FOLDER)
@store_option
@CELLS
@json_option
def balance(directory: Path, store: str | Path, cells: Path, is_json: bool) -> int:
    """Where every bag of every batch is; none may be missing from the sum."""
    from equipoise.cli.tracing import balance_cells

    found = balance_cells(directory, store=store, cells=cells)
    if is_json:
        told = {n: {"sent": b.sent, "lost": b.lost, **b.by_status} for n, b in found.items()}
        as_json({"batches": told})
        return DONE
    for batch, one in found.items():
        parts = ", ".join(f"{n} {status}" for status, n in sorted(one.by_status.items()))
        click.echo(f"{batch}: {one.sent} sent = {parts}; {one.lost} lost")
    return DONE

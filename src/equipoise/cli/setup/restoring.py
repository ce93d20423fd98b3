"""Commands that bring the record back from a file, and open randomization again afterwards."""

import datetime as dt
import time
from functools import partial
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
    show_table,
    telling_time,
)
from equipoise.cli.keeping import (
    N_SHOWN,
    OLD_FILE,
    STORE,
    VAULT,
    StorePlace,
    ledger,
    store_option,
)
from equipoise.ledger.addresses import without_password
from equipoise.problems import natural_order

if TYPE_CHECKING:
    from equipoise.ledger import Restored, Store

CLOSED = "Nobody is randomized in it until `equipoise ledger confirm` or `attest-gap`."
new_store_option = click.option(
    "--store",
    required=True,
    type=StorePlace(path_type=Path),
    help="The new ledger: a file that is not there, or an empty postgresql:// one.",
)


@ledger.command("import")
@click.argument("archive", type=OLD_FILE)
@new_store_option
@click.option(
    "--moved-from",
    "origin",
    type=STORE,
    help="The ledger that is moved and stays unused: it must have the same heads.",
)
@json_option
def import_ledger(
    archive: Path, store: str | Path, origin: str | Path | None, is_json: bool
) -> int:
    """Fill a new ledger from an archive, a site's too, for reading or to move it.

    Nobody is randomized in it until `confirm` or `attest-gap`, as after `restore`; but with
    --moved-from, where the ledger that it comes from shows that nothing is missing.
    """
    from equipoise.cli.copying.recording import digest_of_file
    from equipoise.conduct.events import CopyMade, from_entry
    from equipoise.ledger import Entry, check_moved, import_archive

    def tells_of_it(entry: Entry) -> bool:
        event = from_entry(entry.type, entry.body) if entry.body else None
        return isinstance(event, CopyMade) and event.digest == digest_of_file(archive)

    def close_or_compare(filled: "Store", is_complete: bool) -> None:
        if origin is None:
            _close_randomization(filled, source=archive.name, is_complete=is_complete)
        else:
            check_moved(filled, origin, tells_of_it=tells_of_it)

    with telling_time("importing"):
        done = import_archive(archive, store, finish=close_or_compare)
    if is_json:
        as_json({"entries": done.n_restored})
        return DONE
    click.echo(f"{done.n_restored} entries in {without_password(store)}.")
    click.echo(CLOSED if origin is None else "They are those of the ledger that it comes from.")
    return DONE


@ledger.command()
@click.argument("source", type=OLD_FILE)
@new_store_option
@click.option("--up-to-damage", is_flag=True, help="Restore each chain up to its first damage.")
@json_option
def restore(source: Path, store: str | Path, up_to_damage: bool, is_json: bool) -> int:
    """Fill a new ledger from a backup or an archive, and tell what is lost and who is concerned.

    Nobody is randomized afterwards until `confirm` or `attest-gap` has shown that nothing is lost.
    """
    from equipoise.ledger import restore as restore_ledger

    began = time.perf_counter()
    close = partial(_close_randomization, source=source.name)
    with telling_time("restoring"):
        done = restore_ledger(source, store, up_to_damage=up_to_damage, finish=close)
    seconds = time.perf_counter() - began
    if is_json:
        as_json(_restored_answer(done, seconds))
    else:
        _show_restored(done, store, seconds=seconds)
    return DONE if done.ok else PROBLEMS


@ledger.command()
@store_option
@click.option("--seal", "root", required=True, help="The latest seal that anybody kept elsewhere.")
@click.option("--by", required=True, help="Who confirms: a person of the trial.")
@click.option("--vault", "socket", type=VAULT, help="The running vault: it knows every number.")
@click.option("--token", type=OLD_FILE, help="The file assign.token.")
def confirm(
    store: str | Path, root: str, by: str, socket: str | Path | None, token: Path | None
) -> int:
    """After a restore: the latest seal that anybody kept elsewhere shows that nothing was lost.

    The vault must agree: no number was given that the ledger does not have.
    """
    from equipoise.cli.trials import running_trial
    from equipoise.conduct import confirm_restore
    from equipoise.vault import VaultClient

    vault = None
    if socket and token:
        vault = VaultClient(socket, token.read_text(encoding="ascii").strip())
    trial = running_trial(store, vault=vault)
    confirm_restore(trial, by=by, at=dt.datetime.now(dt.UTC), root=root)
    click.echo("The ledger is whole. Randomization is open again.")
    return DONE


@ledger.command("attest-gap")
@store_option
@click.option(
    "--by", required=True, help="Who attests: two people, in two roles, one after another."
)
@click.option("--reason", required=True, help="What was looked into, and with what result.")
def attest(store: str | Path, by: str, reason: str) -> int:
    """After a restore: what may be missing was looked into; two people must say so."""
    from equipoise.cli.trials import running_trial
    from equipoise.conduct import attest_gap

    trial = running_trial(store)
    attest_gap(trial, by=by, at=dt.datetime.now(dt.UTC), reason=reason)
    is_open = trial.state.restored is None
    click.echo(
        "Attested by two. Randomization is open again."
        if is_open
        else "Attested. A second person in another role attests before randomization opens."
    )
    return DONE


def _close_randomization(filled: "Store", is_complete: bool, *, source: str) -> None:
    from equipoise.cli.trials import record_alone
    from equipoise.conduct import RunningTrial, record_restored
    from equipoise.conduct.cells.door import CHAIN

    if set(filled.heads()) == {CHAIN}:  # the cell unit's own: nobody is randomized there
        return
    trial, at = RunningTrial(record_alone(filled), filled), dt.datetime.now(dt.UTC)
    record_restored(trial, at=at, source=source, is_complete=is_complete)


def _restored_answer(done: "Restored", seconds: float) -> dict[str, object]:
    """Neither seal nor digests: what confirms the restore has to come from elsewhere."""
    bad = done.found.first_bad
    return {
        "ok": done.ok,
        "entries": done.found.entries,
        "restored": done.n_restored,
        "seconds": seconds,
        "last_safe": {chain: head.seq for chain, head in done.safe.items()},
        "first_bad": None
        if bad is None
        else {"chain": bad.chain, "seq": bad.seq, "code": bad.code, "message": bad.message},
        "affected": _participants(done),
        "problems": problem_rows(done.found.problems),
    }


def _show_restored(done: "Restored", store: str | Path, *, seconds: float) -> None:
    show_table(
        ("chain", "last safe entry"),
        [(chain, head.seq) for chain, head in sorted(done.safe.items())],
    )
    show_problems(done.found.problems[:N_SHOWN])
    if not done.ok:
        names = ", ".join(_participants(done)) or "nobody whose entries can still be told"
        click.echo(f"Concerned by what comes after the damage: {names}", err=True)
    if not done.n_restored:
        click.echo("Nothing was restored; --up-to-damage restores what is safe.", err=True)
        return
    place = without_password(store)
    click.echo(f"{done.n_restored} entries restored to {place} in {seconds:.1f} s.")
    click.echo(CLOSED)


def _participants(done: "Restored") -> list[str]:
    """The participants among the streams that have entries after the damage."""
    streams = {stream for found in done.affected.values() for stream in found}
    return sorted((s for s in streams if s != "study" and "/" not in s), key=natural_order)

"""`equipoise ledger copies`: what left the trial, and whether a file is one of them."""

from pathlib import Path

import click

from equipoise.cli.answering import DONE, PROBLEMS, as_json, json_option, show_problems, show_table
from equipoise.cli.keeping import ledger, store_option
from equipoise.conduct import TrialState, find_copies
from equipoise.exchange import Listing
from equipoise.problems import problem

COLUMNS = ("kind", "site", "is_by_arm", "name", "person", "role", "at", "digest", "seal", "entry")
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@ledger.command()
@store_option
@click.option("--of", "file", type=FILE, help="A copy that somebody brings: which one is it?")
@json_option
def copies(store: str | Path, file: Path | None, is_json: bool) -> int:
    """List the copies that were taken out of the trial, the latest first."""
    from equipoise.cli.copying.recording import digest_of_file
    from equipoise.cli.trials import running_trial

    digest = digest_of_file(file) if file else ""
    rows = rows_of_copies(running_trial(store, read_only=True).state, digest=digest)
    if is_json:
        told = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        as_json({"digest": digest, "copies": told})
    elif rows:
        show_table(COLUMNS, rows)
    if file and not rows:
        show_problems([problem("EQ-C167", str(file), digest=digest)])
        return PROBLEMS
    return DONE


def copy_listing(state: TrialState) -> Listing:
    """Every copy that was on record before this one, the latest first."""
    return Listing(name="listing.copies", columns=COLUMNS, rows=rows_of_copies(state))


def rows_of_copies(state: TrialState, *, digest: str = "") -> tuple[tuple[object, ...], ...]:
    """A row a copy: what it held, who took it, when, its digest, its seal and its entry."""
    return tuple(
        (
            copy.kind,
            copy.site,
            copy.is_by_arm,
            state.people[copy.stamp.by].name,
            copy.stamp.by,
            copy.stamp.role,
            copy.stamp.at,
            copy.digest,
            copy.seal,
            copy.stamp.entry,
        )
        for copy in find_copies(state, digest=digest)
    )

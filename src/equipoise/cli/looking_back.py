"""Commands that look back: a casebook as of a moment, what was entered late, copies taken out."""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from equipoise.cli.answering import (
    DONE,
    PROBLEMS,
    as_json,
    json_option,
    show_problems,
    show_table,
    telling_time,
)
from equipoise.cli.keeping import FOLDER, OLD_FILE, ledger, store_option
from equipoise.problems import Refused, problem

if TYPE_CHECKING:
    from equipoise.conduct import Participant
    from equipoise.conduct.as_of import LateEntry

VALUES = ("encounter", "form", "repeat", "on", "item", "value", "entered_at", "by", "entry")
LATE = ("participant", "event", *VALUES[:4], "entered_at", "days", "by", "entry")
COPIES = ("kind", "site", "is_by_arm", "person", "at", "digest", "entry")
_SEAL = re.compile("[0-9a-f]{64}")
_LEAP = re.compile(r"(T\d\d:\d\d):60(?:\.\d+)?")


@ledger.command()
@click.argument("directory", type=FOLDER)
@store_option
@click.option("--participant", required=True, help="The participant's code.")
@click.option("--as-of", "as_of", default="", help="An instant with its zone, or a seal.")
@json_option
def show(directory: Path, store: str | Path, participant: str, as_of: str, is_json: bool) -> int:
    """Show one participant's casebook as it stood at an instant or at a seal."""
    from equipoise.cli.folders import load_checked
    from equipoise.cli.trials import trial_unread
    from equipoise.conduct import casebook_as_of

    study = load_checked(directory)
    moment = read_moment(as_of) if as_of else dt.datetime.now(dt.UTC)
    with trial_unread(store, study) as trial:
        casebook = casebook_as_of(trial, participant=participant, moment=moment)
    rows = list(_casebook_rows(casebook.participant))
    if is_json:
        told = {"participant": participant, "status": casebook.participant.status}
        values = [dict(zip(VALUES, row, strict=True)) for row in rows]
        as_json({**told, "as_of": str(moment), "values": values, "late": casebook.n_after_jump})
        return DONE
    click.echo(f"{participant}: {casebook.participant.status}, as of {moment}")
    show_table(VALUES, rows)
    if casebook.n_after_jump:
        click.echo(
            f"{casebook.n_after_jump} entries bear an earlier time but were recorded after one "
            "that bears a later time: the clock was set back. Name a seal to be exact.",
            err=True,
        )
    return DONE


@ledger.command()
@click.argument("directory", type=FOLDER)
@store_option
@click.option("--days", type=click.IntRange(0), default=7, show_default=True, help="More than N.")
@json_option
def late(directory: Path, store: str | Path, days: int, is_json: bool) -> int:
    """List what was entered long after the day it speaks of: forms, corrections, and every day."""
    from equipoise.cli.folders import load_checked
    from equipoise.cli.trials import running_trial
    from equipoise.conduct import late_entries

    with telling_time("reading"):
        trial = running_trial(store, study=load_checked(directory), read_only=True)
        rows = [_late_row(found) for found in late_entries(trial, days=days)]
    if is_json:
        as_json({"days": days, "late": [dict(zip(LATE, row, strict=True)) for row in rows]})
    else:
        show_table(LATE, rows)
        click.echo(f"{len(rows)} were entered more than {days} days late.", err=True)
    return DONE


@ledger.command()
@store_option
@click.option("--of", "file", type=OLD_FILE, help="A copy that somebody brings: which one is it?")
@json_option
def copies(store: str | Path, file: Path | None, is_json: bool) -> int:
    """List the copies that were taken out of the trial, the latest first."""
    from equipoise.cli.copying.listing import COLUMNS, rows_of_copies
    from equipoise.cli.copying.recording import digest_of_file
    from equipoise.cli.trials import running_trial

    digest = digest_of_file(file) if file else ""
    rows = rows_of_copies(running_trial(store, read_only=True).state, digest=digest)
    if is_json:
        told = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        as_json({"digest": digest, "copies": told})
    elif rows:
        shown = [COLUMNS.index(name) for name in COPIES]
        show_table(COPIES, [[row[n] for n in shown] for row in rows])
    if file and not rows:
        show_problems([problem("EQ-C167", str(file), digest=digest)])
        return PROBLEMS
    return DONE


def _late_row(found: "LateEntry") -> tuple[object, ...]:
    """One row an entry; in place of a participant a person, and in place of a form a packet."""
    entry, event = found.entry, found.event
    packet = getattr(event, "packet", "")
    return (
        entry.stream,
        entry.type,
        getattr(event, "encounter", ""),
        f"packet {packet}" if packet else getattr(event, "form", ""),
        getattr(event, "repeat", 0),
        found.on,
        _minute(entry.at),
        found.n_days,
        entry.by,
        f"{entry.chain}:{entry.seq}",
    )


def read_moment(text: str) -> dt.datetime | str:
    """An aware instant, or the root of a seal.

    A leap second, 23:59:60, belongs to the minute that it ends.

    Raises:
        Refused: it is neither.
    """
    if _SEAL.fullmatch(text):
        return text
    try:
        moment: dt.datetime | None = dt.datetime.fromisoformat(_LEAP.sub(r"\1:59.999999", text))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refused([problem("EQ-X905", text=text)])
    return moment


def _casebook_rows(subject: "Participant") -> Iterator[tuple[object, ...]]:
    """One row a value; what was not done stands with its reason in place of the value."""
    for record in sorted(subject.forms.values(), key=lambda r: (r.on, r.stamp.at)):
        changed = {c.item: c.stamp for c in record.corrections}
        for item, value in {**record.values, **record.not_done}.items():
            stamp = changed.get(item, record.stamp)
            yield (
                record.encounter,
                record.form,
                record.repeat,
                record.on,
                item,
                f"not done: {value}" if item in record.not_done else value,
                _minute(stamp.at),
                stamp.by,
                stamp.entry,
            )


def _minute(at: dt.datetime) -> str:
    return at.isoformat(timespec="seconds")

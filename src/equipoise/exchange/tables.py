"""The captured data as tables: one CSV a form, and a manifest that says what they are.

A cell of text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a
carriage return) gets an apostrophe before it, and so does a text that begins with an apostrophe:
whoever takes one leading apostrophe away has the text as entered. Numbers are never touched: they
are written with every digit that was recorded. Instants are UTC. Files are UTF-8 with LF.
"""

import datetime as dt
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Literal

from msgspec import Struct

from equipoise.conduct.events import program
from equipoise.ledger import Finish, do_nothing
from equipoise.problems import Problem, Refused, problem
from equipoise.study.forms import Form
from equipoise.study.study import Study

Realm = Literal["rehearsal", "live"]

MANIFEST = "manifest.json"
KEYS = ("study", "realm", "site", "participant", "encounter", "repeat")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


class FormRow(Struct, frozen=True, kw_only=True):
    """One form of one participant as it stands; `at` is when this version was entered (UTC).

    `not_done` has the reason for each item that was not done. `repeat` counts the rows of a log.
    """

    site: str
    participant: str
    encounter: str
    form: str
    at: dt.datetime
    version: int
    repeat: int = 1
    values: Mapping[str, object] = {}
    derived: Mapping[str, object] = {}
    not_done: Mapping[str, str] = {}


class Listing(Struct, frozen=True, kw_only=True):
    """A table that is no form, such as the deviations: its columns and its rows."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


def write_form_tables(
    study: Study,
    rows: Iterable[FormRow],
    directory: Path,
    *,
    realm: Realm,
    seal: str,
    listings: Iterable[Listing] = (),
    mark: str = "",
    finish: Finish = do_nothing,
) -> Mapping[str, int]:
    """Write `FORM.csv` for every form of the study, `NAME.csv` for each listing, and
    `manifest.json`; returns rows a table.

    `seal` is the digest of the ledger's state that the rows were read at, `mark` a random number
    for the manifest. `finish` gets the manifest before anything has its name. Refused if the
    directory holds anything, or if a row has a value that no column would show.
    """
    sorted_rows: dict[str, list[FormRow]] = {name: [] for name in study.forms}
    problems: list[Problem] = []
    for row in rows:
        found = _check_row(study, row)
        problems += found
        if not found:
            sorted_rows[row.form].append(row)
    if problems:
        raise Refused(problems)
    tables = {
        f"{name}.csv": _to_csv(study, form, sorted_rows[name], realm=realm)
        for name, form in study.forms.items()
    }
    counts = {name: len(found) for name, found in sorted_rows.items()}
    for listing in listings:
        tables[f"{listing.name}.csv"] = _list(study, listing, realm=realm)
        counts[listing.name] = len(listing.rows)
    manifest = _to_manifest(study, tables, counts, realm=realm, seal=seal, mark=mark)
    contents = {**tables, MANIFEST: manifest}
    _write_all(directory, contents, finish=lambda made: finish(made, seal))
    return counts


def refuse_filled(directory: Path) -> None:
    """Tables are written into a new or empty folder alone.

    Raises:
        Refused: something is there.
    """
    n_found = sum(1 for _ in directory.iterdir()) if directory.is_dir() else 0
    if n_found:
        where = str(directory)
        raise Refused([problem("EQ-X001", where, directory=where, n_found=n_found)])


def to_cell(value: object) -> str:
    """A value as a CSV cell: lossless, and never a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, dt.date):
        return value.isoformat()
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _check_row(study: Study, row: FormRow) -> tuple[Problem, ...]:
    where = f"{row.participant} / {row.encounter} / {row.form}"
    form = study.forms.get(row.form)
    if form is None:
        return (problem("EQ-X004", where, form=row.form),)
    strange = [
        *(name for name in (*row.values, *row.not_done) if name not in form.items),
        *(name for name in row.derived if name not in form.derive),
    ]
    return tuple(
        problem("EQ-X005", f"{where}.{name}", form=row.form, item=name) for name in strange
    )


def _to_csv(study: Study, form: Form, rows: Iterable[FormRow], *, realm: str) -> bytes:
    """Columns: the row's place, items, derived values, reasons for not done, time, version."""
    reasons = [name for name, item in form.items.items() if item.may_be_not_done]
    rows = sorted(rows, key=lambda r: (r.site, r.participant, r.encounter, r.repeat, r.version))
    reasons = list(dict.fromkeys([*reasons, *(name for row in rows for name in row.not_done)]))
    headers = (*form.items, *form.derive, *(f"{name}.not_done" for name in reasons))
    lines = [_to_line((*KEYS, *headers, "entered_at", "version"))]
    for row in rows:
        place = (study.identity.study, realm, row.site, row.participant, row.encounter, row.repeat)
        cells = (
            *place,
            *(row.values.get(name) for name in form.items),
            *(row.derived.get(name) for name in form.derive),
            *(row.not_done.get(name) for name in reasons),
            row.at,
            row.version,
        )
        lines.append(_to_line(to_cell(cell) for cell in cells))
    return "".join(lines).encode()


def _list(study: Study, listing: Listing, *, realm: str) -> bytes:
    lines = [_to_line(("study", "realm", *listing.columns))]
    for row in listing.rows:
        lines.append(_to_line(to_cell(cell) for cell in (study.identity.study, realm, *row)))
    return "".join(lines).encode()


def _to_line(cells: Iterable[str]) -> str:
    """Quoted as RFC 4180 has it; a lone carriage return inside a text is quoted too."""
    quoted = (
        '"' + cell.replace('"', '""') + '"' if re.search(r'[",\r\n]', cell) else cell
        for cell in cells
    )
    return ",".join(quoted) + "\n"


def _to_manifest(
    study: Study,
    tables: Mapping[str, bytes],
    counts: Mapping[str, int],
    *,
    realm: str,
    seal: str,
    mark: str,
) -> bytes:
    manifest = {
        **({"mark": mark} if mark else {}),
        "study": study.identity.study,
        "study_digest": study.digest,
        "realm": realm,
        "seal": seal,
        "made_by": program(),
        "text_guard": "one leading apostrophe before = + - @ tab CR and apostrophe; remove one",
        "files": {
            name: {
                "rows": counts[name.removesuffix(".csv")],
                "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            for name, content in tables.items()
        },
    }
    return (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()


def _write_all(
    directory: Path, contents: Mapping[str, bytes], *, finish: Callable[[Path], object]
) -> None:
    """Write beside, finish, then give each file its name; the manifest last.

    A folder without it is not a whole export. If anything fails, nothing of it stays.
    """
    where, is_new = str(directory), not directory.exists()
    beside = directory / f".{os.getpid()}.new"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        refuse_filled(directory)
        beside.mkdir(mode=0o700)
        for name, content in contents.items():
            (beside / name).write_bytes(content)
        finish(beside / MANIFEST)
        for name in contents:
            (beside / name).rename(directory / name)
    except OSError as error:
        detail = error.strerror or str(error)
        raise Refused([problem("EQ-X003", where, place=where, detail=detail)]) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        if is_new:
            with suppress(OSError):  # what was written is in it, or it was not made
                directory.rmdir()

"""A copy of the vault without its key, made while it answers, and the vault made of it again."""

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from equipoise.ledger.sqlite import lock_beside
from equipoise.problems import Refused, problem
from equipoise.vault.drawing import check_journals, sync_folder, write_private
from equipoise.vault.keeping.opening import held, open_files
from equipoise.vault.keeping.rotating import note
from equipoise.vault.stores.seam import DATABASE, is_vault, read_place


def back_up_vault(directory: Path, target: Path) -> None:
    """Copy the database as it stands, at one moment; the key is never in it.

    Raises:
        Refused: there is no vault, or there is a file at `target`.
    """
    source = directory / DATABASE
    if read_place(directory) is not None:
        raise Refused([problem("EQ-V198", str(directory))])
    if not source.is_file():
        raise Refused([problem("EQ-V012", str(directory), path=str(directory))])
    if target.exists():
        raise Refused([problem("EQ-V042", str(target), path=str(target))])
    write_private(target, "")
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=60)) as here,
        closing(sqlite3.connect(target)) as copy,
    ):
        here.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    descriptor = os.open(target, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def restore_vault(
    backup: Path, directory: Path, *, by: str, reason: str, at: datetime
) -> tuple[str, ...]:
    """Make a vault of a backup, with the key from where it is kept.

    It answers at once, also an emergency; it assigns nothing before it was compared with the
    ledger. The token files that are not there are returned: a rotation makes them anew.

    Raises:
        Refused: there is a vault already, or the journal of one; no key or not the one of this
            backup; nobody is named.
    """
    if not by.strip() or not reason.strip():
        raise Refused([problem("EQ-V007")])
    path = directory / DATABASE
    if is_vault(directory):
        raise Refused([problem("EQ-V010", str(directory), path=str(directory))])
    if not backup.is_file():
        raise Refused([problem("EQ-V012", str(backup), path=str(backup))])
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with held(directory):
        if found := check_journals(directory):
            raise Refused(found)
        write_private(path, "")
        try:
            shutil.copyfile(backup, path)
            opened = open_files(directory)
            with closing(opened.store), opened.store.transaction():
                entry = note(opened.store, "Restored", by=by, reason=reason, at=at)
                opened.store.append([entry])
        except BaseException:
            for left in (path, lock_beside(path), *directory.glob(f"{DATABASE}-*")):
                left.unlink(missing_ok=True)
            raise
        sync_folder(directory)
    files = (f"{name}.token" for name in sorted(opened.header.tokens))
    return tuple(name for name in files if not (directory / name).is_file())

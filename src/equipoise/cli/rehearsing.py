"""A rehearsal into a store of its own, with its own vault beside it."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import date
from pathlib import Path

import click

from equipoise.cli.folders import Kept, check_empty, kept_beside, not_writable, refuse_taken
from equipoise.conduct import TrialState, fold
from equipoise.eligibility import other_readings
from equipoise.ledger import is_address, open_store
from equipoise.problems import Refused
from equipoise.rehearsal import (
    ReadingEffect,
    Rehearsal,
    check_rehearsal,
    count_effects,
    nature_from,
    prepare_rehearsal_vault,
)
from equipoise.rehearsal import rehearse as rehearse_study
from equipoise.study.study import Study
from equipoise.vault import VaultClient, VaultProcess, read_token, start_vault

Progress = Callable[[int, int, str], None]


def vault_beside(store: Path) -> Path:
    """The vault's folder of a ledger in a file."""
    return kept_beside(store).vault


def cells_beside(vault: Path) -> Path:
    """The cell unit's own ledger, on the sealed side."""
    return vault / "cells.db"


def rehearse_into(
    study: Study,
    store: str | Path,
    *,
    seed: int,
    kept: Kept | None = None,
    progress: Progress | None = None,
    start: date | None = None,
    until: date | None = None,
) -> Rehearsal:
    """Rehearse into a new ledger; its vault runs as a process of its own while it lasts.

    `kept` says where the vault lies; beside a ledger in a file by default.

    Raises:
        Refused: there is something at `store` already, nothing can be written there, or the study
            cannot be rehearsed; then no file is left behind.
    """
    vault = kept.vault if kept else vault_beside(Path(store))
    refuse_taken(store, vault)
    found = check_rehearsal(study, realm="rehearsal")
    if found:
        raise Refused(found)
    check_empty(store, study=study, realm="rehearsal")  # a refusal leaves no vault behind
    try:
        vault.parent.mkdir(parents=True, exist_ok=True)
        prepare_rehearsal_vault(study, vault, seed=seed)
    except OSError as error:
        raise not_writable(vault if is_address(store) else Path(store), error) from error
    with ExitStack() as stack:
        process = stack.enter_context(running_vault(vault))
        assigning = VaultClient(process.socket_path, read_token(vault, "assign"))
        nature = VaultClient(process.socket_path, read_token(vault, "nature"))
        ledger = open_store(store, study=study.identity.study, realm="rehearsal", create=True)
        stack.callback(ledger.close)
        name = study.identity.study
        beside = open_store(cells_beside(vault), study=name, realm="rehearsal", create=True)
        stack.callback(beside.close)
        return rehearse_study(
            study,
            store=ledger,
            cells=beside,
            vault=assigning,
            nature=nature_from(study, nature),
            seed=seed,
            start=start,
            until=until,
            progress=progress,
        )


def count_readings(study: Study, store: str | Path) -> tuple[ReadingEffect, ...]:
    """For whom of the people in a store each other reading of an open decision matters."""
    with closing(open_store(store, read_only=True)) as ledger:
        state = fold(TrialState(), ledger.read())
    return count_effects(study, state.participants.values(), other_readings(study))


@contextmanager
def running_vault(directory: Path) -> Iterator[VaultProcess]:
    """A vault's process on a socket of its own, for as long as it is needed."""
    with ExitStack() as stack:
        run = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="equipoise-")))
        yield stack.enter_context(start_vault(directory, socket_path=run / "vault.sock"))


@contextmanager
def show_progress(*, is_shown: bool, label: str = "Rehearsing") -> Iterator[Progress]:
    """A progress bar on the terminal, or nothing."""
    if not is_shown:
        yield lambda _done, _total, _words: None
        return
    with click.progressbar(length=1000, label=label, item_show_func=str) as bar:

        def advance(done: int, total: int, words: str) -> None:
            position = 1000 * done // max(total, 1)
            bar.update(max(0, position - bar.pos), words)

        yield advance

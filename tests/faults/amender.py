"""Kills an amendment at every step: `amender.py vault|ledger FOLDER`, one line for each kill.

A step is a statement that the database is asked. The process forks, the child dies by `kill -9` at
its N-th statement, and the parent says what it finds: how far it came, and what a second try gives.
"""

import datetime as dt
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

from msgspec.structs import replace

from equipoise.conduct import RunningTrial, bring_into_force
from equipoise.ledger import open_store, verify
from equipoise.randomization import specify
from equipoise.study.study import Study
from equipoise.vault import LocalVault, VaultClient, read_token, start_vault
from equipoise.vault.keeping.amending import Agreement, amend_vault
from tests.unit.conduct.test_amending import amended, base, with_site

NEW = replace(with_site(amended(base(), ratio=(2, 1), blocks=(3,))), digest="e" * 64)
_connect = sqlite3.connect


def contents_of(study: Study) -> dict[str, dict[str, str]]:
    return {name: dict(arm.gives) for name, arm in study.identity.arms.items()}


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Whether the child died at that statement; False where it had fewer."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    steps = count(1)

    def die(_statement: str) -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def connect(*args: object, **more: object) -> sqlite3.Connection:
        connection = _connect(*args, **more)  # type: ignore[call-overload]
        connection.set_trace_callback(die)
        return connection  # type: ignore[no-any-return]

    sqlite3.connect = connect
    try:
        work()
    finally:
        os._exit(0)


def amend(folder: Path, commitment: str) -> str:
    assert NEW.identity.randomization is not None
    agreed = ("statistician", "safety_officer")
    return amend_vault(
        folder,
        specify(NEW.identity, NEW.identity.randomization),
        contents=contents_of(NEW),
        agreement=Agreement(digest=NEW.digest, agreed=agreed, commitment=commitment),
        by="keeper",
        reason="amendment 2",
        at=dt.datetime.now(dt.UTC),
    )


def look(folder: Path) -> tuple[str, bool, int, int]:
    """Commitment, soundness, and how many entries there are and are spent."""
    vault = LocalVault(folder)
    report = VaultClient(vault).verify()
    (slots,) = vault._connection.execute("SELECT count(*) FROM vault_slot").fetchone()
    (spent,) = vault._connection.execute("SELECT count(*) FROM vault_spent").fetchone()
    vault.close()
    return report.commitment, report.ok, slots, spent


def kill_vault(whole: Path) -> None:
    before, *_ = look(whole)
    for step in count(1):
        folder = whole.with_name(f"killed-{step}")
        shutil.copytree(whole, folder)
        was_killed = killed_at(step, lambda at=folder: amend(at, before))  # type: ignore[misc]
        commitment, *found = look(folder)
        is_new = commitment != before
        again = amend(folder, before)
        after, is_sound, *_ = look(folder)
        is_kept = again == after and is_sound and (not is_new or again == commitment)
        print("new" if is_new else "old", *found, is_kept, flush=True)
        shutil.rmtree(folder)
        if not was_killed:
            return


def kill_ledger(place: Path) -> None:
    with start_vault(place / "v") as vault:
        for step in count(1):
            folder = place / f"killed-{step}"
            folder.mkdir()
            shutil.copy(place / "trial.db", folder)

            def apply(at: Path = folder) -> None:
                client = VaultClient(vault.socket_path, read_token(place / "v", "assign"))
                trial = RunningTrial(NEW, open_store(at / "trial.db"), client)
                bring_into_force(trial, at=dt.datetime.now(dt.UTC))

            was_killed = killed_at(step, apply)
            store = open_store(folder / "trial.db")
            state = RunningTrial(NEW, store).state
            is_new = state.digest == NEW.digest
            sites, n = "+".join(state.sites), len(state.commitments)
            is_sound = verify(store).ok and (state.amendment is None) == is_new
            store.close()
            if not is_new:
                apply()
            print("new" if is_new else "old", is_sound, sites, n, True, flush=True)
            if not was_killed:
                return


if __name__ == "__main__":
    {"vault": kill_vault, "ledger": kill_ledger}[sys.argv[1]](Path(sys.argv[2]))

"""The report of a trial, blinded or with the code opened."""

import datetime as dt
from pathlib import Path

from equipoise.analysis import write_report
from equipoise.cli.rehearsing import running_vault
from equipoise.conduct import RunningTrial
from equipoise.ledger import merkle_root
from equipoise.problems import Language
from equipoise.vault import VaultClient, read_token


def write_trial_report(
    trial: RunningTrial,
    path: Path,
    *,
    language: Language = "en",
    vault: Path | None = None,
    by: str = "",
) -> None:
    """Write the report as one HTML file; with `vault`, by arm and by treatment received."""
    arms = open_code(vault, by=by) if vault is not None else None
    received = None
    if arms is not None:
        given = trial.study.identity.arms
        received = {
            (number, encounter): product
            for number, arm in arms.items()
            for encounter, product in given[arm].gives.items()
        }
    write_report(
        trial.study,
        trial.state,
        path=path,
        language=language,
        seal=merkle_root(trial.store.heads()),
        realm=trial.realm,
        generated_at=dt.datetime.now(dt.UTC),
        arms=arms,
        received=received,
    )


def open_code(vault: Path, *, by: str) -> dict[str, str]:
    """The arm of every number, from the vault's own process; the vault logs who asked."""
    with running_vault(vault) as process:
        client = VaultClient(process.socket_path, read_token(vault, "unblind"))
        assigned = client.open_list(by=by, reason="analysis after the lock")
        return {a.number: a.arm for a in assigned}

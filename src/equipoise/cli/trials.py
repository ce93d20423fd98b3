"""Opening the files of a trial for a command."""

from collections.abc import Iterator
from pathlib import Path

from equipoise.capture import Others, derive_items
from equipoise.cli.folders import first_study, load_checked
from equipoise.conduct import RunningTrial, TrialState
from equipoise.exchange import FormRow
from equipoise.ledger import open_store
from equipoise.problems import Refused, problem
from equipoise.study.study import Study
from equipoise.vault import VaultClient


def running_trial(
    store: Path,
    *,
    study: Study | None = None,
    vault: VaultClient | None = None,
    read_only: bool = False,
) -> RunningTrial:
    """The trial of a store, on the study folder that it was opened with.

    Raises:
        Refused: the folder is not, byte for byte, the one the trial was opened on.
    """
    opened = open_store(store, read_only=read_only)
    if "vault" in opened.heads():
        raise Refused([problem("EQ-G008", str(store), detail="vault", n_read=0)])
    trial = RunningTrial(study or load_checked(first_study()), opened, vault)
    opened_on = trial.state.digest
    if study is not None and opened_on and opened_on != study.digest:
        raise Refused([problem("EQ-C019", str(store), digest=opened_on[:12])])
    return trial


def form_rows(study: Study, state: TrialState) -> Iterator[FormRow]:
    """Every entered form as it stands now, one row each."""
    for code, subject in sorted(state.participants.items()):
        for record in subject.forms.values():
            form = study.forms[record.form]
            yield FormRow(
                site=subject.site,
                participant=code,
                encounter=record.encounter,
                repeat=record.repeat,
                form=record.form,
                values=record.values,
                derived=derive_items(form, values=record.values, others=Others(record.encounter)),
                not_done=record.not_done,
                at=record.stamp.at,
                version=record.version,
            )

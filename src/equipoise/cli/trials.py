"""Opening the files of a trial for a command."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from equipoise.capture import Others, derive_items
from equipoise.cli.folders import first_study, load_checked
from equipoise.conduct import RunningTrial, TrialState, fold
from equipoise.exchange import FormRow, Listing
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


@contextmanager
def trial_unread(store: Path, study: Study) -> Iterator[RunningTrial]:
    """The trial of a store for reading; only the study's own entries are read beforehand.

    Raises:
        Refused: the folder is not, byte for byte, the one the trial was opened on.
    """
    with closing(open_store(store, read_only=True)) as opened:
        digest = fold(TrialState(), opened.read(stream="study")).digest
        if digest and digest != study.digest:
            raise Refused([problem("EQ-C019", str(store), digest=digest[:12])])
        yield RunningTrial(study, opened)


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


def deviation_listing(state: TrialState) -> Listing:
    """Every departure from the protocol, one row each."""
    from equipoise.analysis.deviations import list_deviations

    columns = "site participant number kind on criteria what requested_by confirmed_by"
    return Listing(
        name="listing.deviations",  # no form can have a dot in its name
        columns=(*columns.split(), "recorded_by", "recorded_as", "recorded_at", "entry"),
        rows=tuple(
            (
                line.site,
                line.participant,
                line.number,
                line.deviation.kind,
                line.deviation.on,
                " ".join(line.deviation.criteria),
                line.deviation.what,
                line.deviation.override.requested_by if line.deviation.override else None,
                line.deviation.override.confirmed_by if line.deviation.override else None,
                line.deviation.stamp.by,
                line.deviation.stamp.role,
                line.deviation.stamp.at,
                line.deviation.stamp.entry,
            )
            for line in list_deviations(state)
        ),
    )

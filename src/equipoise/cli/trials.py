"""Opening the files of a trial for a command."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import is_zipfile

import click

from equipoise.capture import Others, derive_items
from equipoise.conduct import (
    RunningTrial,
    TrialState,
    flag_after_unblinding,
    fold,
    is_signed,
    list_participants,
)
from equipoise.conduct.events import (
    AccessReviewed,
    AmendmentConfirmed,
    CasebookSigned,
    OverrideConfirmed,
    OverrideRequested,
    PopulationsSigned,
    UnblindingAgreed,
    from_entry,
)
from equipoise.exchange import FormRow, Listing
from equipoise.language import Unknown, Value
from equipoise.ledger import Store, open_store, without_password
from equipoise.problems import Refused, Text, problem
from equipoise.study.protocol import Identity
from equipoise.study.study import Study
from equipoise.vault import VaultClient

if TYPE_CHECKING:
    from equipoise.web.tables.keeping import ReadTables

SIGNED = (
    AmendmentConfirmed,
    CasebookSigned,
    OverrideRequested,
    OverrideConfirmed,
    PopulationsSigned,
    UnblindingAgreed,
    AccessReviewed,
)


def running_trial(
    store: str | Path,
    *,
    study: Study | None = None,
    vault: VaultClient | None = None,
    read_only: bool = False,
    is_amended: bool = False,
) -> RunningTrial:
    """The trial of a store, on the study folder by which it goes.

    Without a folder it serves for what concerns the record alone: seals, stamps, a restore. Where
    it `is_amended`, the folder is the one that is to come into force.

    Raises:
        Refused: the folder is not, byte for byte, the one the trial goes by.
    """
    opened = open_ledger(store, read_only=read_only)
    if not read_only:
        _let_tables_follow(opened)
    if is_amended:
        return RunningTrial(study or record_alone(opened), opened, vault)
    return trial_on(opened, store, study=study, vault=vault)


def trial_on(
    opened: Store,
    store: str | Path,
    *,
    study: Study | None = None,
    vault: VaultClient | None = None,
) -> RunningTrial:
    """The trial of a store that is open already, at the place `store`.

    Raises:
        Refused: it is a vault's, or the trial was opened on another folder.
    """
    _refuse_others(opened, store)
    trial = RunningTrial(study or record_alone(opened), opened, vault)
    opened_on = trial.state.digest
    if study is not None and opened_on and opened_on != study.digest:
        raise Refused([problem("EQ-C019", without_password(store), digest=opened_on[:12])])
    return trial


def open_ledger(store: str | Path, *, read_only: bool = False) -> Store:
    """The ledger of a trial, open until the command ends.

    Raises:
        Refused: it is the vault's, an archive, or none.
    """
    if Path(store).is_file() and is_zipfile(store):
        raise Refused([problem("EQ-V212", str(store))])
    opened = open_store(store, read_only=read_only)
    if (command := click.get_current_context(silent=True)) is not None:
        command.call_on_close(opened.close)
    _refuse_others(opened, store)
    return opened


def _refuse_others(opened: Store, store: str | Path) -> None:
    for other in {"vault", "cells"} & opened.heads().keys():
        raise Refused([problem("EQ-G008", without_password(store), detail=other, n_read=0)])


def _let_tables_follow(store: Store) -> None:
    """What this command records goes into the read tables too, where there are any."""
    from equipoise.web.tables.databases import database_of, layout_of, naming_errors

    database = database_of(store)
    if database is None:
        return
    with naming_errors(database, store.study):
        are_there = bool(layout_of(database))
    if are_there:
        read_tables(store)


def read_tables(store: Store) -> "ReadTables":
    """The read tables of a store in a database, which follow it from now on."""
    from equipoise.web.server import use_django

    use_django()
    from equipoise.web.tables.opening import follow

    tables = follow(store)
    assert tables is not None
    return tables


def record_alone(store: Store) -> Study:
    """A study of which nothing is known but its name: no rule of another one may decide here."""
    name = store.study
    return Study(identity=Identity(study=name, title=Text(name, name)))


@contextmanager
def trial_unread(store: str | Path, study: Study) -> Iterator[RunningTrial]:
    """The trial of a store for reading; only the control chain is read beforehand.

    Raises:
        Refused: the folder is not, byte for byte, the one the trial was opened on.
    """
    with closing(open_store(store, read_only=True)) as opened:
        digest = fold(TrialState(), opened.read(chain="control")).digest
        if digest and digest != study.digest:
            raise Refused([problem("EQ-C019", without_password(store), digest=digest[:12])])
        yield RunningTrial(study, opened)


def form_rows(study: Study, state: TrialState) -> Iterator[FormRow]:
    """Every entered form as it stands now, one row each."""
    for subject in list_participants(state):
        for record in subject.forms.values():
            form = study.forms[record.form]
            yield FormRow(
                site=subject.site,
                participant=subject.code,
                encounter=record.encounter,
                repeat=record.repeat,
                form=record.form,
                values=record.values,
                derived=derive_items(form, values=record.values, others=Others(record.encounter)),
                not_done=record.not_done,
                at=record.stamp.at,
                version=record.version,
                after_unblinding=flag_after_unblinding(state, subject, record),
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


def treatment_listing(state: TrialState) -> Listing:
    """Every treatment that was stopped, or resumed, while its participant stayed in the trial."""
    columns = "site participant number change on cause recorded_by recorded_as recorded_at entry"
    return Listing(
        name="listing.treatment_changes",
        columns=tuple(columns.split()),
        rows=tuple(
            (
                p.site,
                code,
                p.number,
                "stopped" if c.is_stopped else "resumed",
                c.on,
                c.cause,
                c.stamp.by,
                c.stamp.role,
                c.stamp.at,
                c.stamp.entry,
            )
            for code, p in sorted(state.participants.items())
            for c in p.treatment_changes
        ),
    )


def trail_review_listing(state: TrialState) -> Listing:
    """Every review of an audit trail: the filter, what was looked at, by whom, what was found."""
    from equipoise.conduct.reviewing.trail import list_reviews

    columns = "site participant person form since before n_entries n_looked_at sample finding"
    return Listing(
        name="listing.trail_reviews",
        columns=(*columns.split(), "points_to", "reviewed_by", "reviewed_as", "at", "entry"),
        rows=tuple(
            (
                r.chain.removeprefix("site-"),
                r.asked.participant,
                r.asked.person,
                r.asked.form,
                r.asked.since,
                r.asked.before,
                r.n_entries,
                len(r.sample) or r.n_entries,
                " ".join(map(str, r.sample)),
                r.finding,
                " ".join(f"{r.chain}:{seq}" for seq in r.entries),
                r.stamp.by,
                r.stamp.role,
                r.stamp.at,
                r.stamp.entry,
            )
            for r in list_reviews(state)
        ),
    )


def population_listing(study: Study, state: TrialState) -> Listing:
    """Who belongs to each analysis population, one row a participant: true, false or unknown.

    Beside each, why it cannot be told. No rule of a population can name an arm.
    """
    from equipoise.analysis.populations import assess_everybody

    names = study.analysis.populations
    return Listing(
        name="listing.populations",
        columns=("site", "participant", *(c for n in names for c in (n, f"{n}.reasons"))),
        rows=tuple(
            (
                state.participants[code].site,
                code,
                *(cell for name in names for cell in _membership(found[name])),
            )
            for code, found in assess_everybody(study, state).items()
        ),
    )


def _membership(value: Value) -> tuple[object, str]:
    if isinstance(value, Unknown):
        return "unknown", "; ".join(f"{r.kind} {r.name}".strip() for r in value.reasons)
    return value.value, ""


def signature_listing(trial: RunningTrial) -> Listing:
    """Every signature that was ever given: who, as what, when, by which means they showed who they
    are, what it means, bound to what.

    `stands` is no once the data it was bound to have changed (21 CFR 11.50(b): in every copy).
    """
    state, events = trial.state, {k.__name__: k for k in SIGNED}
    rows = []
    for entry in trial.store.read():
        if entry.type not in events or entry.body is None:
            continue
        event = from_entry(entry.type, entry.body)
        assert isinstance(event, SIGNED)
        who, place = state.people[entry.by], f"{entry.chain}:{entry.seq}"
        code = getattr(event, "participant", "")  # the end of the blind is about everybody
        stands: bool | None = None
        if isinstance(event, CasebookSigned):
            subject = state.participants[code]
            last = subject.signature
            stands = bool(last and last.stamp.entry == place and is_signed(trial.study, subject))
        given = (code, entry.type, who.name, entry.by, entry.role, entry.at)
        bound = getattr(event, "digest", entry.body_digest)
        rows.append(
            (*given, event.proof, event.meaning, bound, stands, place, state.seal_of(place))
        )
    columns = "participant signed name person role at proof meaning digest stands entry seal"
    return Listing(name="listing.signatures", columns=tuple(columns.split()), rows=tuple(rows))

"""Listings of an export; here the copies that were taken out, and changes after an unblinding."""

from equipoise.cli.trials import (
    deviation_listing,
    population_listing,
    signature_listing,
    trail_review_listing,
    treatment_listing,
)
from equipoise.conduct import (
    LateChange,
    RunningTrial,
    TrialState,
    find_copies,
    is_signed,
    list_late_changes,
)
from equipoise.conduct.events import reason_of
from equipoise.exchange import Listing
from equipoise.study.study import Study

COLUMNS = ("kind", "site", "is_by_arm", "name", "person", "role", "at", "digest", "seal", "entry")
LATE_COLUMNS = (
    *("site", "participant", "encounter", "form", "repeat", "item", "change", "old", "new"),
    *("reason", "changed_by", "role", "changed_at", "entry", "authorised_by", "authorised_at"),
)


def list_all(study: Study, trial: RunningTrial) -> tuple[Listing, ...]:
    """Every listing that an export has beside its forms."""
    state = trial.state
    return (
        deviation_listing(state),
        population_listing(study, state),
        signature_listing(trial),
        trail_review_listing(state),
        treatment_listing(state),
        copy_listing(state),
        late_listing(trial),
    )


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


def late_listing(trial: RunningTrial) -> Listing:
    """Every change of data after somebody knew what the participant receives, and why.

    It is authorised by the investigator whose signature stands on the casebook as it is now.
    """
    state = trial.state
    found = list_late_changes(state, trial.store.read())
    rows = tuple(_late_row(trial, state, x) for x in found)
    return Listing(name="listing.after_unblinding", columns=LATE_COLUMNS, rows=rows)


def _late_row(trial: RunningTrial, state: TrialState, x: LateChange) -> tuple[object, ...]:
    subject, entry = state.participants[x.participant], x.entry
    signed = subject.signature.stamp if subject.signature else None
    stands = signed is not None and is_signed(trial.study, subject) and signed.at >= entry.at
    place = (subject.site, x.participant, x.encounter, x.form, x.repeat, x.item)
    said = (x.change, x.old, x.new, reason_of(entry), entry.by, entry.role, entry.at)
    authorised = (signed.by, signed.at) if signed is not None and stands else (None, None)
    return (*place, *said, f"{entry.chain}:{entry.seq}", *authorised)

"""Data that came, or changed, once somebody knew what a participant receives.

Such a change must be justified, authorised by the investigator and flagged (ICH E6(R3) 3.16.2(e)).
Nothing is stored for it: who knew since when, and what was entered after, the entries say.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import Struct

from equipoise.conduct import events as e
from equipoise.conduct.parts import Value
from equipoise.conduct.state import FormRecord, Participant, TrialState
from equipoise.ledger import Entry

Flag = Literal["", "entered", "changed"]
"""Of a form as it stands: from before, entered after an unblinding, or a value changed after it."""

Values = dict[tuple[str, str, str, int], Mapping[str, Value]]
_OF_FORMS = ("FormSubmitted", "ItemCorrected", "BodyRedacted")


class LateChange(Struct, frozen=True, kw_only=True):
    """A value that was corrected, or a body that was taken out, after an unblinding.

    `entry` recorded it, who, when and why stand there; `old` is what stood before. What was taken
    out is told without its place in the form.
    """

    participant: str
    change: Literal["corrected", "redacted"]
    entry: Entry
    encounter: str = ""
    form: str = ""
    repeat: int = 0
    item: str = ""
    old: Value = None
    new: Value = None


def is_after_unblinding(
    state: TrialState, subject: Participant, *, at: dt.datetime, entry: str
) -> bool:
    """Whether an entry came after somebody knew: of this participant, or all for the analysis.

    By its instant, for a break may reach the ledger later; and by its place in the chain of the
    site, for a clock may have been set back.
    """
    if state.opened is not None and at >= state.opened.at:
        return True
    return any(at >= u.broken_at or _follows(entry, u.stamp.entry) for u in subject.unblindings)


def flag_after_unblinding(state: TrialState, subject: Participant, record: FormRecord) -> Flag:
    """What became of a form after an unblinding; a change says more than a late entry."""
    stamps = (record.stamp, *(c.stamp for c in record.corrections))
    late = [is_after_unblinding(state, subject, at=s.at, entry=s.entry) for s in stamps]
    return "changed" if any(late[1:]) else "entered" if late[0] else ""


def list_late_changes(state: TrialState, entries: Iterable[Entry]) -> Iterator[LateChange]:
    """Every change of a form after an unblinding, in the order of the ledger.

    `entries` is the whole ledger: a form that was entered again after a redaction no longer has
    the corrections from before.
    """
    values: Values = {}
    streams: dict[str, str] = {}
    for entry in entries:
        place = f"{entry.chain}:{entry.seq}"
        streams[place] = entry.stream
        if entry.type not in _OF_FORMS or entry.body is None:
            continue
        event = e.from_entry(entry.type, entry.body)
        if isinstance(event, e.FormSubmitted):
            values[event.participant, event.encounter, event.form, event.repeat] = event.values
            continue
        if isinstance(event, e.ItemCorrected):
            found = _correct(values, event, entry)
        else:
            assert isinstance(event, e.BodyRedacted)
            code = streams.get(f"{event.chain}:{event.seq}", "")  # a site's copy has its own alone
            found = LateChange(participant=code, change="redacted", entry=entry)
        subject = state.participants.get(found.participant)
        if subject and is_after_unblinding(state, subject, at=entry.at, entry=place):
            yield found


def _correct(values: Values, x: e.ItemCorrected, entry: Entry) -> LateChange:
    """The change that a correction was, and the values of its form from there on."""
    key = (x.participant, x.encounter, x.form, x.repeat)
    known = values.get(key, {})
    values[key] = {**known, x.item: x.value}
    return LateChange(
        participant=x.participant,
        change="corrected",
        entry=entry,
        encounter=x.encounter,
        form=x.form,
        repeat=x.repeat,
        item=x.item,
        old=known.get(x.item),
        new=x.value,
    )


def _follows(entry: str, other: str) -> bool:
    """Whether an entry stands after another one of the same chain."""
    (chain, _, seq), (same, _, before) = entry.rpartition(":"), other.rpartition(":")
    return chain == same and int(seq) > int(before)

"""Redaction: a personal datum that must not stand in the record is taken out, by an act.

Nothing is rewritten: an order is recorded with its reason, the body of the entry goes, its digest
stays, and what else the form held is entered again in the same transaction, so that a ledger read
from its first entry gives the state that was there before, without the datum.
"""

import datetime as dt
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from equipoise.conduct import events as e
from equipoise.conduct.door import Events, RunningTrial, View, act, refuse_if
from equipoise.conduct.parts import Value
from equipoise.conduct.rules import check_open, check_reason
from equipoise.conduct.state import FormRecord, Unblinding
from equipoise.ledger import Entry
from equipoise.problems import Refused, Where, problem
from equipoise.study.forms import Form
from equipoise.study.roles import Role

FORM_EVENTS = (e.FormSubmitted, e.ItemCorrected)
"""Taken out, what else the form holds is entered again."""
OTHER_EVENTS: Mapping[type[e.Happened], str] = {
    e.EncounterMissed: "",
    e.ScreeningFailed: "",
    e.DeviationRecorded: "what",
    e.TreatmentChanged: "cause",
    e.InfusionGiven: "",
    e.ParticipantWithdrawn: "cause",
    e.ParticipantCompleted: "",
    e.CodeBroken: "learned",
}
"""Taken out, they are entered again without their reason and this text."""
REDACTABLE: frozenset[type[e.Happened]] = frozenset({*FORM_EVENTS, *OTHER_EVENTS})
"""What a personal datum can stand in by mistake: a text of theirs, or their reason."""
REDACTED = "redacted"
"""Stands where an item was left out, as the reason why it was not done."""


def redact_entry(
    trial: RunningTrial,
    *,
    by: str,
    at: dt.datetime,
    reason: str,
    chain: str,
    seq: int,
    drop: tuple[str, ...] = (),
) -> tuple[Entry, ...]:
    """Take out the content of one entry, and of `drop` what still stands in its form.

    The reason goes with it, but not that of an entry from before reasons stood in the content.
    In a SQLite store no trace is left in the file; what backups and archives hold is theirs.

    Raises:
        Refused: there is no such entry, it holds no text of somebody, or it was taken out before.
    """
    with trial.transaction():
        found = [x for x in trial.store.read(chain=chain, after=seq - 1) if x.seq == seq]
        if not found:
            raise Refused([problem("EQ-C120", f"{chain} / {seq}", chain=chain, seq=seq)])
        made = order_redaction(trial, by=by, at=at, reason=reason, entry=found[0], drop=drop)
        order = made[0]
        trial.store.redact(chain, seq, because=(order.chain, order.seq))
    return made


@act(Role.INVESTIGATOR)
def order_redaction(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    entry: Entry,
    drop: tuple[str, ...] = (),
) -> Events:
    """Order that the content of an entry be taken out, and enter what must stay of it again.

    After the lock no value changes any more, so nothing of what stands can be dropped.
    """
    where = Where(record=f"{entry.chain} / {entry.seq}")
    locked = check_open(view.state) if drop else ()
    refuse_if([*locked, *check_reason(reason, act="redact_entry", where=where)])
    event = e.from_entry(entry.type, entry.body) if entry.body is not None else None
    if event is None or not may_be_taken_out(event):
        raise Refused([problem("EQ-C121", where, type=entry.type)])
    subject = view.participant(getattr(event, "participant"))  # noqa: B009 - each of these has one
    order = e.BodyRedacted(chain=entry.chain, seq=entry.seq)
    if isinstance(event, FORM_EVENTS):
        record = subject.forms[event.encounter, event.form, event.repeat]
        gone = (
            *texts_in(view.study.forms[event.form], event),
            *(record.values.get(i) for i in drop),
        )
        _refuse_repeated(reason, (*gone, event.reason), where=where)
        unknown = [item for item in drop if item not in record.values]
        refuse_if([problem("EQ-C032", where, item=i, form=event.form) for i in unknown])
        return [order, _rest_of_form(event, record, drop=drop)]
    refuse_if([problem("EQ-C032", where, item=i, form=entry.type) for i in drop])
    field = OTHER_EVENTS[type(event)]
    _refuse_repeated(reason, free_texts(event).values(), where=where)
    rest = replace(event, **({field: REDACTED} if field and getattr(event, field) else {}))
    if isinstance(rest, e.TreatmentChanged):
        return [order, replace(rest, instead_of=rest.instead_of or entry.seq)]
    if not isinstance(rest, e.CodeBroken):
        return [order, rest]
    known = next(u for u in subject.unblindings if u.stamp.entry == f"{entry.chain}:{entry.seq}")
    rest = replace(rest, broken_by=known.stamp.by, broken_as=known.stamp.role)
    return [order, rest, *_assessed_again(view, entry, known)]


def may_be_taken_out(event: e.Happened) -> bool:
    """Whether somebody may have typed in this event what tells who a person is."""
    return isinstance(event, FORM_EVENTS) or (
        type(event) in OTHER_EVENTS and bool(free_texts(event))
    )


def free_texts(event: e.Happened) -> Mapping[str, str]:
    """What somebody typed in an event beside the values of a form, by field, where they did."""
    fields = ("reason", OTHER_EVENTS.get(type(event), ""))
    return {f: text for f in fields if (text := getattr(event, f, ""))}


def _rest_of_form(
    event: e.FormSubmitted | e.ItemCorrected, record: FormRecord, *, drop: tuple[str, ...]
) -> e.FormSubmitted:
    return e.FormSubmitted(
        participant=event.participant,
        encounter=event.encounter,
        form=event.form,
        repeat=event.repeat,
        on=record.on,
        values={k: None if k in drop else v for k, v in record.values.items()},
        not_done={**record.not_done, **dict.fromkeys(drop, REDACTED)},
        warnings=record.warnings,
        as_entered={k: v for k, v in record.as_entered.items() if k not in drop},
        version=record.version + 1,
    )


def _assessed_again(view: View, entry: Entry, known: Unblinding) -> Events:
    """What was said of an unblinding is said of the entry that takes its place."""
    if known.assessed is None:
        return []
    place = f"{entry.chain}:{view.state.heads[entry.chain] + 1}"
    said = {"impact": known.impact, "action": known.action}
    return [e.UnblindingAssessed(participant=entry.stream, entry=place, **said)]


def _refuse_repeated(reason: str, gone: Iterable[Value], *, where: Where) -> None:
    if any(_repeats(reason, value) for value in gone):
        refuse_if([problem("EQ-C154", where)])


def texts_in(form: Form, event: e.FormSubmitted | e.ItemCorrected) -> tuple[Value, ...]:
    """What was typed freely in an entry of a form: texts of items, and why something is missing."""
    if isinstance(event, e.ItemCorrected):
        values, omitted = {event.item: event.value}, [event.not_done]
    else:
        values, omitted = dict(event.values), list(event.not_done.values())
    typed = [v for i, v in values.items() if i in form.items and form.items[i].type == "text"]
    return (*typed, *omitted)


def _repeats(reason: str, value: Value) -> bool:
    """Whether a reason, which stays for ever, says a text that is to go."""
    is_text = isinstance(value, str) and len(value.strip()) >= SHORTEST_TOLD
    return is_text and str(value).strip().casefold() in reason.casefold()


SHORTEST_TOLD = 3
"""A shorter text tells nobody, and stands in every other word."""

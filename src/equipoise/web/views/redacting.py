"""Taking a personal datum out, in two steps: choose what goes, then read what is lost and confirm.

No address, message or log of these pages holds what is taken out; the page of the first step alone
shows it, to who may read it anyway.
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from msgspec import Struct

from equipoise.conduct import Participant, View, redact_entry
from equipoise.conduct.acts import redacting
from equipoise.conduct.acts.redacting import order_redaction
from equipoise.conduct.events import TITLES, FormSubmitted, ItemCorrected, from_entry
from equipoise.conduct.parts import Value
from equipoise.conduct.state import FormRecord
from equipoise.ledger import Entry
from equipoise.ledger.store import find_entry
from equipoise.problems import Problem, Refused, problem
from equipoise.study.forms import Form, Item
from equipoise.study.roles import Role
from equipoise.web.entry.fields import Field, check_given, fill_field, problems_of, read_field
from equipoise.web.pages import Visit, page
from equipoise.web.statuses import status_of
from equipoise.web.texts import say, t, text_of
from equipoise.web.views.participant import may_read

REDACTABLE = tuple(sorted(kind.__name__ for kind in redacting.REDACTABLE))
"""The kinds of entry whose content can be taken out."""


class Place(Struct, frozen=True):
    """An entry about a participant: its free texts by field, and the form that it is of, if any.

    `values` are what it recorded by item, `record` the form as it stands now.
    """

    entry: Entry
    subject: Participant
    texts: Mapping[str, str]
    form: Form | None = None
    record: FormRecord | None = None
    values: Mapping[str, Value] = {}

    @property
    def name(self) -> str:
        """What the pages call the entry."""
        return f"{self.entry.chain}:{self.entry.seq}"

    @property
    def title(self) -> str:
        """The form's title, or what kind of entry it is."""
        return say(self.form.title if self.form else TITLES[self.entry.type])

    @property
    def standing(self) -> Mapping[str, Value]:
        """The items of the form as they stand now."""
        return self.record.values if self.record else {}

    @property
    def seen(self) -> str:
        """What must be the same when it is confirmed: the version of the form."""
        return str(self.record.version) if self.record else ""


def may_redact(visit: Visit) -> bool:
    """Whether this person may order a redaction."""
    return visit.may(Role.INVESTIGATOR) and visit.may_do("order_redaction")


@page(roles=(Role.INVESTIGATOR,), methods=("GET", "POST"), act="order_redaction")
def redact(visit: Visit, chain: str, seq: int) -> HttpResponse:
    """Choose; read what will be lost; prove who one is; then it is gone."""
    place = _find(visit, chain, seq)
    posted = visit.request.POST
    if not visit.is_posted:
        return _ask(visit, place, fill_field("reason", _reason(), ""))
    (reason,) = check_given([read_field("reason", _reason(), posted)])
    drop = tuple(item for item in place.standing if item in posted.getlist("drop"))
    found = problems_of([reason]) or _check(visit, place, reason=str(reason.value or ""), drop=drop)
    if found:
        return _ask(visit, place, reason, drop=drop, problems=found)
    if "confirm" not in posted:
        return _confirm(visit, place, reason=str(reason.value), drop=drop)
    if found := visit.check_signer():
        return _confirm(visit, place, reason=str(reason.value), drop=drop, problems=found)
    made = redact_entry(
        visit.trial,
        by=visit.person.person,
        at=visit.now,
        reason=str(reason.value),
        chain=chain,
        seq=seq,
        drop=drop,
    )
    order = f"{made[0].chain}:{made[0].seq}"
    return visit.go("audit_trail", done=t("redact.done", entry=place.name, order=order))


def _find(visit: Visit, chain: str, seq: int) -> Place:
    """An entry of a form that still has its content, at the person's sites."""
    with visit.trial.lock:
        entry = find_entry(visit.trial.store, chain, seq)
    if entry is None:
        raise Refused([problem("EQ-C120", f"{chain} / {seq}", chain=chain, seq=seq)])
    event = from_entry(entry.type, entry.body) if entry.body is not None else None
    if event is None or not redacting.may_be_taken_out(event):
        raise Refused([problem("EQ-C121", f"{chain} / {seq}", type=entry.type)])
    subject, texts = visit.participant(entry.stream), redacting.free_texts(event)
    if not isinstance(event, FormSubmitted | ItemCorrected):
        return Place(entry, subject, texts)
    form = visit.study.forms[event.form]
    if not may_read(visit, form):
        raise Refused([problem("EQ-C003", subject.code, participant=subject.code)])
    values = {event.item: event.value} if isinstance(event, ItemCorrected) else dict(event.values)
    record = subject.forms[event.encounter, event.form, event.repeat]
    return Place(entry, subject, texts, form, record, values)


def _check(
    visit: Visit, place: Place, *, reason: str, drop: tuple[str, ...]
) -> tuple[Problem, ...]:
    """Whether the act would do it: it decides, and nothing is recorded."""
    if visit.request.POST.get("seen") != place.seen:
        return (problem("EQ-W091", place.name),)
    asked: dict[str, Any] = {"by": visit.person.person, "at": visit.now, "reason": reason}
    try:
        view = View(visit.study, visit.state, visit.person)
        order_redaction.decide(view, **asked, entry=place.entry, drop=drop)
    except Refused as refused:
        return refused.problems
    return ()


def _ask(
    visit: Visit,
    place: Place,
    reason: Field,
    *,
    drop: tuple[str, ...] = (),
    problems: tuple[Problem, ...] = (),
) -> HttpResponse:
    known = place.form.items if place.form else {}
    items = {name: item for name, item in known.items() if name in place.standing}
    return visit.show(
        "redact.html",
        status=status_of(problems) if problems else 200,
        place=place,
        items=items,
        drop=drop,
        reason=reason,
        problems=problems,
    )


def _confirm(
    visit: Visit,
    place: Place,
    *,
    reason: str,
    drop: tuple[str, ...],
    problems: tuple[Problem, ...] = (),
) -> HttpResponse:
    known = place.form.items if place.form else {}
    named = [say(known[item].label) for item in drop if item in known]
    return visit.show(
        "redact_confirm.html",
        status=status_of(problems) if problems else 200,
        place=place,
        here=reverse("redact", kwargs={"chain": place.entry.chain, "seq": place.entry.seq}),
        reason=reason,
        drop=drop,
        named=named,
        problems=problems,
    )


def _reason() -> Item:
    return Item(label=text_of("redact.reason"), type="text", help=text_of("redact.reason_help"))

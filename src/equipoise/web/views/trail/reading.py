"""The audit trail: who did what, when and why, by place, participant, person, form and day."""

import datetime as dt
from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from msgspec.structs import replace

from equipoise.conduct import is_after_unblinding
from equipoise.conduct.acts.redacting import FORM_EVENTS
from equipoise.conduct.parts import TrailFilter
from equipoise.conduct.reviewing.trail import CONTROL, REVIEWERS, chains_of
from equipoise.study.roles import Role
from equipoise.web import saying
from equipoise.web.pages import Visit, page
from equipoise.web.running import read_tables
from equipoise.web.texts import say, t
from equipoise.web.views.oversight import page_number
from equipoise.web.views.redacting import REDACTABLE, may_redact

TRAIL_READERS = (*REVIEWERS, Role.AUDITOR)
OF_FORMS = tuple(kind.__name__ for kind in FORM_EVENTS)
FIELDS = ("chain", "participant", "person", "form", "since", "until")


@page(roles=TRAIL_READERS)
def audit_trail(visit: Visit) -> HttpResponse:
    """Who did what, when and why, with the old and the new value; from the read tables."""
    from equipoise.web.tables.searching import PER_PAGE, Search, search_trail  # noqa: PLC0415 - models

    asked = read_asked(visit.request.GET)
    search = Search(asked=filter_of(asked), chain=asked["chain"], sites=visit.person.sites)
    read_tables()
    at = page_number(visit)
    found, may = search_trail(search, page=at), may_redact(visit)
    return visit.show(
        "audit_trail.html",
        lines=found.lines,
        told=partial(told_value, visit),
        n_lines=found.n_lines,
        page=at,
        n_pages=max(1, -(-found.n_lines // PER_PAGE)),
        asked=asked,
        address=reverse("audit_trail"),
        chains=chains_told(visit),
        codes={p.code for p in visit.participants()},
        redactable={line.pk for line, _ in found.lines if may and _is_redactable(line)},
        may_review=visit.may(*REVIEWERS),
        late={line.pk for line, _ in found.lines if _is_late(visit, line)},
    )


def _is_late(visit: Visit, line: Any) -> bool:
    """A form entered or corrected once somebody knew what its participant receives.

    Who reads the audit trail reads the entry of that unblinding on the same page.
    """
    subject = visit.state.participants.get(line.stream)
    if subject is None or line.type not in OF_FORMS:
        return False
    entry = f"{line.chain}:{line.seq}"
    return is_after_unblinding(visit.state, subject, at=line.at, entry=entry)


def _is_redactable(line: Any) -> bool:
    """An entry with its content, in which somebody may have typed something."""
    has_text = line.type in OF_FORMS or bool(line.reason)
    return line.type in REDACTABLE and has_text and not line.is_empty


def told_value(visit: Visit, correction: Any, value: str) -> str:
    """A value of a correction, in JSON there, as its form shows it, but with all its digits."""
    form = visit.study.forms.get(correction.form)
    item = form.items.get(correction.item) if form else None
    if item is None:
        return value
    return saying.value_of(replace(item, decimals=None), msgspec.json.decode(value))


def chains_told(visit: Visit) -> Mapping[str, str]:
    """The chains that this person may read, in words: a site each, and the whole trial."""
    return {chain: name_of_chain(visit, chain) for chain in chains_of(visit.state, visit.person)}


def name_of_chain(visit: Visit, chain: str) -> str:
    """What the pages call a chain."""
    if chain == CONTROL:
        return t("trail.whole")
    site = chain.removeprefix("site-")
    known = visit.study.identity.sites.get(site)
    return say(known.label) if known else site


def read_asked(given: Mapping[str, str]) -> dict[str, str]:
    """The filter as a page sent it."""
    return {name: given.get(name, "").replace("\0", "").strip()[:100] for name in FIELDS}


def filter_of(asked: Mapping[str, str]) -> TrailFilter:
    """The filter with its days as instants of the site; a day that is none filters nothing."""
    return TrailFilter(
        participant=asked["participant"],
        person=asked["person"],
        form=asked["form"],
        since=_day(asked["since"]),
        before=_day(asked["until"], after=1),
    )


def _day(text: str, *, after: int = 0) -> dt.datetime | None:
    """The start of a day at the site, or of so many days after it, in UTC; None if it is none."""
    try:
        day = dt.date.fromisoformat(text) + dt.timedelta(days=after)
        return timezone.make_aware(dt.datetime.combine(day, dt.time())).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None

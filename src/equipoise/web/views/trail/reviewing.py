"""The review of the audit trail: look at what a filter finds, or at a sample, and say what it is.

What is recorded are the filter and numbers of entries, never what stands in them.
"""

import datetime as dt
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from msgspec import Struct

from equipoise.conduct import look_at_trail, review_trail
from equipoise.conduct.events.places import chain_of
from equipoise.conduct.parts import TrailReview
from equipoise.conduct.reviewing.trail import (
    MOST,
    REVIEWERS,
    Seen,
    chains_of,
    covered_until,
    derive_trail_days,
    list_reviews,
    opened_at,
)
from equipoise.problems import Problem, Refused, problem
from equipoise.study.forms import Item
from equipoise.web import saying
from equipoise.web.entry.fields import Field, check_given, fill_field, problems_of, read_field
from equipoise.web.pages import Visit, page
from equipoise.web.running import read_tables
from equipoise.web.statuses import status_of
from equipoise.web.texts import say, t, text_of
from equipoise.web.views.trail.reading import (
    TRAIL_READERS,
    chains_told,
    filter_of,
    name_of_chain,
    read_asked,
    told_value,
)


class Due(Struct, frozen=True):
    """A trail: where, up to when it is reviewed, and until when it must be; None if it must not."""

    chain: str
    name: str
    covered: dt.datetime | None
    on: dt.date | None
    is_overdue: bool

    @property
    def since(self) -> str:
        """The day from which the next review looks on; empty where none has looked before."""
        return timezone.localtime(self.covered).date().isoformat() if self.covered else ""


@page(roles=REVIEWERS, methods=("GET", "POST"))
def trail_review(visit: Visit) -> HttpResponse:
    """Choose what to look at; look; record what was found."""
    given = visit.request.POST if visit.is_posted else visit.request.GET
    asked = read_asked(given)
    if asked["chain"] not in chains_of(visit.state, visit.person):
        if visit.is_posted:
            raise Refused([problem("EQ-C175", chain=asked["chain"])])
        asked |= _propose(visit, asked)
    n_sample, up_to = (_number(given.get(name, "")) for name in ("sample", "up_to"))
    look: dict[str, Any] = {"chain": asked["chain"], "asked": filter_of(asked)}
    look |= {"n_sample": n_sample or 0, "up_to": up_to if visit.is_posted else None}
    seen = look_at_trail(visit.trial, at=visit.now, **look)
    fields = [fill_field(name, item, None) for name, item in _items().items()]
    found: tuple[Problem, ...] = ()
    if visit.is_posted:
        read = [read_field(name, item, given) for name, item in _items().items()]
        fields = list(check_given(read))
        found = problems_of(fields)
        try:
            if not found:
                return _record(visit, fields, look)
        except Refused as refused:
            found = refused.problems
    return _show(visit, asked, seen, fields=fields, sample=n_sample, problems=found)


@page(roles=TRAIL_READERS)
def trail_reviews(visit: Visit) -> HttpResponse:
    """When each trail is due, and every review of those that this person may read."""
    own = chains_of(visit.state, visit.person)
    reviews = [r for r in reversed(list_reviews(visit.state)) if r.chain in own]
    return visit.show(
        "trail_reviews.html",
        dues=find_trails(visit),
        months=visit.study.identity.trail_review_months,
        told=[(r, name_of_chain(visit, r.chain), _filter_in_words(visit, r)) for r in reviews],
        may_review=visit.may(*REVIEWERS),
    )


def find_trails(visit: Visit) -> list[Due]:
    """Each trail that this person may read, with its day."""
    days = derive_trail_days(visit.study, visit.state)
    return [_due(visit, chain, days.get(chain)) for chain in chains_of(visit.state, visit.person)]


def find_overdue(visit: Visit) -> list[Due]:
    """The trails that should have been reviewed, for whoever reads them."""
    return [d for d in find_trails(visit) if d.is_overdue] if visit.may(*TRAIL_READERS) else []


def _due(visit: Visit, chain: str, on: dt.date | None) -> Due:
    covered = covered_until(visit.state, chain)
    is_overdue = on is not None and on < visit.today
    known = None if covered == opened_at(visit.state, chain) else covered
    return Due(chain, name_of_chain(visit, chain), known, on, is_overdue)


def _propose(visit: Visit, asked: dict[str, str]) -> dict[str, str]:
    """The trail of the participant that is asked for, or else the one that is due first."""
    trails = {d.chain: d for d in find_trails(visit)}
    own = chain_of(asked["participant"])
    if own in trails:
        return {"chain": own}
    first = min(trails.values(), key=lambda d: d.on or dt.date.max)
    return {"chain": first.chain} | ({} if any(asked.values()) else {"since": first.since})


def _record(visit: Visit, fields: list[Field], look: dict[str, Any]) -> HttpResponse:
    outcome, words = fields
    finding = str(words.value or "")
    if (outcome.value == "finding") != bool(finding):
        raise Refused([problem("EQ-C178", "finding")])
    entries = review_trail(
        visit.trial,
        by=visit.person.person,
        at=visit.now,
        **{**look, "up_to": look["up_to"] or 0},
        finding=finding,
        entries=_ticked(visit.request),
    )
    name = name_of_chain(visit, entries[0].chain)
    entry = f"{entries[0].chain}:{entries[0].seq}"
    return visit.go("trail_reviews", done=t("trail.recorded", name=name, entry=entry))


def _show(
    visit: Visit,
    asked: dict[str, str],
    seen: Seen,
    *,
    fields: list[Field],
    sample: int | None,
    problems: tuple[Problem, ...],
) -> HttpResponse:
    from equipoise.web.tables.searching import find_lines  # noqa: PLC0415 - models

    is_too_much = len(seen.entries) > MOST
    read_tables()
    numbers = [] if is_too_much else [x.seq for x in seen.entries]
    return visit.show(
        "trail_review.html",
        status=status_of(problems) if problems else 200,
        asked=asked,
        seen=seen,
        sample=sample or "",
        lines=find_lines(seen.chain, numbers),
        told=partial(told_value, visit),
        ticked=_ticked(visit.request),
        is_too_much=is_too_much,
        most=MOST,
        chains=chains_told(visit),
        codes={p.code for p in visit.participants()},
        fields=fields,
        problems=problems,
        address=reverse("trail_review"),
    )


def _ticked(request: HttpRequest) -> tuple[int, ...]:
    numbers = (_number(text) for text in request.POST.getlist("entry"))
    return tuple(dict.fromkeys(n for n in numbers if n is not None))


def _number(text: str) -> int | None:
    """A whole number from a page; None if it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _items() -> dict[str, Item]:
    choices = {name: text_of(f"trail.outcome_{name}") for name in ("none", "finding")}
    return {
        "outcome": Item(label=text_of("trail.outcome"), type="choice", choices=choices),
        "finding": Item(
            label=text_of("trail.finding"),
            type="text",
            required=False,
            help=text_of("trail.finding_help"),
        ),
    }


def _filter_in_words(visit: Visit, review: TrailReview) -> list[str]:
    """What a review looked for; nothing is every entry."""
    asked, forms = review.asked, visit.study.forms
    form = say(forms[asked.form].title) if asked.form in forms else asked.form
    said = {
        "participant": asked.participant,
        "person": asked.person and visit.name_of(asked.person),
        "form": form,
        "since": asked.since and saying.instant(asked.since),
        "before": asked.before and saying.instant(asked.before),
    }
    return [t(f"trail.of_{name}", value=value) for name, value in said.items() if value]

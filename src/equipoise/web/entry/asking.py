"""Small pages that ask a few things before an act: fields of the interface, one button."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpResponse
from msgspec import Struct
from msgspec.structs import replace

from equipoise.conduct.parts import Value
from equipoise.problems import Problem, Refused, Text
from equipoise.study.forms import Item
from equipoise.web.entry.fields import Field, check_given, fill_field, problems_of, read_field
from equipoise.web.pages import Visit
from equipoise.web.statuses import status_of

Answers = Mapping[str, Value]


class Question(Struct, frozen=True):
    """What a small page asks: a title, what it is about, its items and what it does.

    `has_second` asks for another person, too, who shows who they are. `carried` is what the page
    that led here posted and no address may hold; then the first post shows the questions, and the
    next one answers them. `stops` are why the act is known to be refused: then they are shown, and
    nothing is asked. `ticks` are groups of boxes of which any number may be ticked.
    """

    title: str
    button: str
    items: Mapping[str, Item]
    back: str
    code: str = ""
    lead: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    is_grave: bool = False
    has_second: bool = False
    carried: Mapping[str, str] = {}
    ticks: "tuple[Ticks, ...]" = ()
    stops: tuple[Problem, ...] = ()


class Ticks(Struct, frozen=True):
    """Boxes under one question, by the value that each posts, and those ticked so far.

    They stand after the item `after`.
    """

    name: str
    after: str
    legend: str
    boxes: Mapping[str, Text]
    ticked: tuple[str, ...] = ()

    def read(self, visit: Visit) -> tuple[str, ...]:
        """Those that were ticked, in the order of the boxes."""
        posted = visit.request.POST.getlist(self.name)
        return tuple(box for box in self.boxes if box in posted)


ANSWERED = "is_answered"
"""The page itself posts this with the answers, where it was led to by a post."""


def ask(
    visit: Visit,
    question: Question,
    *,
    act: Callable[[Answers], HttpResponse],
    known: Answers | None = None,
    posted: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Show the questions; once answered, act. What is refused comes back with its words.

    `posted` is read in place of what the browser posted, where the page makes something of it.
    """
    if not visit.is_posted or (question.carried and ANSWERED not in visit.request.POST):
        given = known or {}
        fields = [fill_field(n, i, given.get(n)) for n, i in question.items.items()]
        return _show(visit, question, fields)
    data = visit.request.POST if posted is None else posted
    fields = list(check_given([read_field(n, i, data) for n, i in question.items.items()]))
    found = problems_of(fields)
    if found:
        return _show(visit, question, fields, status=422, problems=found)
    try:
        return act({f.name: f.value for f in fields})
    except Refused as refused:
        status = status_of(refused.problems)
        return _show(visit, question, fields, status=status, problems=refused.problems)


def date_of(answers: Answers, name: str) -> dt.date:
    """The answer to a question for a day."""
    return dt.date.fromisoformat(str(answers[name]))


def _show(
    visit: Visit, question: Question, fields: list[Field], *, status: int = 200, **values: Any
) -> HttpResponse:
    if visit.is_posted:
        ticks = tuple(replace(group, ticked=group.read(visit)) for group in question.ticks)
        question = replace(question, ticks=ticks)
    addresses = {f.name: f.id for f in fields} | {"second": "second", "password": "password"}
    known = {"question": question, "fields": fields, "addresses": addresses, "problems": ()}
    return visit.show("act.html", status=status, **(known | values))

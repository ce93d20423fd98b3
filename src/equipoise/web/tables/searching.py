"""What the audit trail is asked: entries by participant, person, form and day, page by page."""

import datetime as dt
from collections.abc import Collection, Mapping

from django.db.models import Max, Q
from msgspec import Struct

from equipoise.conduct.events import PasswordChosen, SignedIn
from equipoise.web.tables.models import Correction, Line
from equipoise.web.tables.opening import ALIAS

PER_PAGE = 50


SIGN_IN = (SignedIn.__name__, PasswordChosen.__name__)
"""What somebody does to come in is no act of theirs."""


class Search(Struct, frozen=True, kw_only=True):
    """What is looked for; what is empty does not matter.

    `since` and `before` are aware instants, `sites` those that may be seen: none means all.
    """

    stream: str = ""
    person: str = ""
    form: str = ""
    since: dt.datetime | None = None
    before: dt.datetime | None = None
    sites: Collection[str] = ()


class Found(Struct, frozen=True):
    """A page of lines, newest first, each with its correction if it is one; how many in all."""

    lines: tuple[tuple[Line, Correction | None], ...]
    n_lines: int


def find_last_acts() -> Mapping[str, dt.datetime]:
    """When each person last recorded something; coming in is none."""
    lines = Line.objects.using(ALIAS).exclude(type__in=SIGN_IN).order_by()
    return dict(lines.values_list("by").annotate(Max("at")))


def search_trail(search: Search, *, page: int = 1) -> Found:
    """Search the read tables that `tables_to_read` has pointed Django at."""
    wanted = Q()
    if search.sites:
        own = [f"site-{site}" for site in search.sites]
        wanted &= Q(chain__in=own) | ~Q(chain__startswith="site-")
    given = {"stream": search.stream, "by": search.person, "form": search.form}
    wanted &= Q(**{name: value for name, value in given.items() if value})
    if search.since:
        wanted &= Q(at__gte=search.since)
    if search.before:
        wanted &= Q(at__lt=search.before)
    found = Line.objects.using(ALIAS).filter(wanted)
    newest = found.order_by("-at", "-chain", "-seq")[(page - 1) * PER_PAGE : page * PER_PAGE]
    lines = list(newest)
    corrected = Correction.objects.using(ALIAS).filter(
        participant__in={x.stream for x in lines}, seq__in={x.seq for x in lines}
    )
    by_place = {(x.chain, x.seq): x for x in corrected}
    return Found(tuple((x, by_place.get((x.chain, x.seq))) for x in lines), found.count())

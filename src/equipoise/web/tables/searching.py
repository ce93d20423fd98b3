"""What the audit trail is asked: entries by participant, person, form and day, page by page."""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping

from django.db.models import Max, Q
from msgspec import Struct

from equipoise.conduct.events import PasswordChosen, SignedIn
from equipoise.conduct.parts import TrailFilter
from equipoise.web.tables.models import Correction, Line
from equipoise.web.tables.opening import ALIAS

PER_PAGE = 50
Told = tuple[tuple[Line, Correction | None], ...]


SIGN_IN = (SignedIn.__name__, PasswordChosen.__name__)
"""What somebody does to come in is no act of theirs."""


class Search(Struct, frozen=True, kw_only=True):
    """What is looked for, in one chain or all. `sites` are those that may be seen; none is all."""

    asked: TrailFilter = TrailFilter()
    chain: str = ""
    sites: Collection[str] = ()


class Found(Struct, frozen=True):
    """A page of lines, newest first, each with its correction if it is one; how many in all."""

    lines: Told
    n_lines: int


def find_last_acts() -> Mapping[str, dt.datetime]:
    """When each person last recorded something; coming in is none."""
    lines = Line.objects.using(ALIAS).exclude(type__in=SIGN_IN).order_by()
    return dict(lines.values_list("by").annotate(Max("at")))


def find_refused_log_ins() -> Mapping[str, tuple[dt.datetime, ...]]:
    """When wrong passwords made each person's name wait, by identifier, the oldest first."""
    lines = Line.objects.using(ALIAS).filter(type="SignInBarred").order_by("at")
    found: dict[str, tuple[dt.datetime, ...]] = {}
    for stream, at in lines.values_list("stream", "at"):
        name = stream.removeprefix("person/")
        found[name] = (*found.get(name, ()), at)
    return found


def search_trail(search: Search, *, page: int = 1) -> Found:
    """Search the read tables that `tables_to_read` has pointed Django at."""
    wanted = Q()
    if search.sites:
        own = [f"site-{site}" for site in search.sites]
        wanted &= Q(chain__in=own) | ~Q(chain__startswith="site-")
    asked = search.asked
    given = {
        "chain": search.chain,
        "stream": asked.participant,
        "by": asked.person,
        "form": asked.form,
        "at__gte": asked.since,
        "at__lt": asked.before,
    }
    wanted &= Q(**{name: value for name, value in given.items() if value})
    found = Line.objects.using(ALIAS).filter(wanted)
    newest = found.order_by("-at", "-chain", "-seq")[(page - 1) * PER_PAGE : page * PER_PAGE]
    return Found(_with_corrections(newest), found.count())


def find_lines(chain: str, numbers: Collection[int]) -> Told:
    """These entries of a chain, in their order, each with its correction if it is one."""
    lines = Line.objects.using(ALIAS).filter(chain=chain, seq__in=numbers)
    return _with_corrections(lines.order_by("seq"))


def _with_corrections(found: Iterable[Line]) -> Told:
    lines = list(found)
    corrected = Correction.objects.using(ALIAS).filter(
        participant__in={x.stream for x in lines}, seq__in={x.seq for x in lines}
    )
    by_place = {(x.chain, x.seq): x for x in corrected}
    return tuple((x, by_place.get((x.chain, x.seq))) for x in lines)

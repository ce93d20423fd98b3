"""The list of participants, and taking a new person into screening."""

from django.http import HttpResponse
from msgspec import Struct

from equipoise.conduct import Participant, screen_participant
from equipoise.study.forms import Item
from equipoise.study.roles import Role
from equipoise.web.entry.asking import Answers, Question, ask, date_of
from equipoise.web.outlook import Stop, next_stop, plan_stops
from equipoise.web.pages import BLINDED, Visit, page
from equipoise.web.texts import t, text_of

READERS = BLINDED - {Role.ADMINISTRATOR, Role.DSMB}
ENROLLERS = (Role.COORDINATOR, Role.INVESTIGATOR)
STATUSES = ("screening", "screen_failed", "randomizing", "randomized", "withdrawn", "completed")


class Line(Struct, frozen=True):
    """A participant in the list."""

    participant: Participant
    next: Stop | None


@page(roles=READERS)
def participants(visit: Visit) -> HttpResponse:
    """Everybody this person may see, by site and status."""
    site = visit.request.GET.get("site", "")
    status = visit.request.GET.get("status", "")
    lines = [
        Line(p, next_stop(plan_stops(visit.study, p, today=visit.today)) if p.is_in_trial else None)
        for p in visit.participants()
        if site in ("", p.site) and status in ("", p.status)
    ]
    is_full = len(visit.state.randomized) >= visit.study.identity.planned_participants
    is_part = visit.request.headers.get("HX-Request") == "true"
    return visit.show(
        "participants_table.html" if is_part else "participants.html",
        lines=lines,
        site=site,
        wanted=status,
        sites=_sites(visit),
        statuses=STATUSES,
        may_screen=visit.may(*ENROLLERS) and visit.may_do("screen_participant") and not is_full,
        is_full=is_full,
    )


@page(roles=ENROLLERS, methods=("GET", "POST"), act="screen_participant")
def screen(visit: Visit) -> HttpResponse:
    """Take a person into screening; the page says their code next."""

    def act(answers: Answers) -> HttpResponse:
        entry = screen_participant(
            visit.trial,
            by=visit.person.person,
            at=visit.now,
            site=str(answers["site"]),
            on=date_of(answers, "on"),
        )[0]
        code = entry.stream
        return visit.go("participant", code=code, done=t("screen.done", participant=code))

    sites = _sites(visit)
    choices = {code: visit.study.identity.sites[code].label for code in sites}
    question = Question(
        title=t("screen.title"),
        button=t("screen.button"),
        lead=t("screen.lead"),
        back="/participants/",
        items={
            "site": Item(label=text_of("screen.site"), type="choice", choices=choices),
            "on": Item(label=text_of("screen.on"), type="date"),
        },
    )
    known: Answers = {"on": visit.today.isoformat(), "site": sites[0] if len(sites) == 1 else None}
    return ask(visit, question, act=act, known=known)


def _sites(visit: Visit) -> list[str]:
    opened = (s for s in visit.state.sites if s in visit.study.identity.sites)
    return [s for s in opened if visit.person.may_see(s)]

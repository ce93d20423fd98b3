"""What overseers read: adverse events and the ledger."""

import datetime as dt
from functools import lru_cache
from typing import Any

import msgspec
from django.http import HttpResponse
from django.urls import reverse
from msgspec import Struct

from equipoise.analysis.adverse import list_events
from equipoise.conduct import assess_rules, receive_adverse_event, resume_trial
from equipoise.conduct.events import reason_of
from equipoise.ledger import Entry, merkle_root
from equipoise.ledger.keeping.verification import Verification, verify
from equipoise.problems import natural_order
from equipoise.safety import AdverseEvent, assess_clock
from equipoise.study.forms import Item
from equipoise.study.roles import Role
from equipoise.web.entry.asking import Answers, Question, ask
from equipoise.web.pages import BLINDED, Visit, page
from equipoise.web.texts import say, t, text_of
from equipoise.web.views.participant import NO_ENCOUNTER
from equipoise.web.views.staff.copying import sites_to_copy

EVENT_READERS = BLINDED - {Role.ADMINISTRATOR, Role.OUTCOME_ASSESSOR}
LEDGER_READERS = (
    Role.COORDINATOR,
    Role.INVESTIGATOR,
    Role.DATA_MANAGER,
    Role.MONITOR,
    Role.AUDITOR,
)
RESUMERS = (Role.DSMB, Role.SAFETY_OFFICER)
PER_PAGE = 50
KEPT_SECONDS = 60


class Told(Struct, frozen=True):
    """An adverse event in the list, with where its report stands."""

    event: AdverseEvent
    clock: str
    address: str


@page(roles=EVENT_READERS)
def adverse_events(visit: Visit) -> HttpResponse:
    """Every adverse event that the person may see, serious ones first."""
    visible = {p.code for p in visit.participants()}
    events = [e for e in list_events(visit.study, visit.state) if e.participant in visible]
    events.sort(key=lambda e: (e.is_serious is False, natural_order(e.participant)))
    form = visit.study.safety.form if visit.study.safety else ""
    may_enter = form in visit.study.forms and visit.person.role in visit.study.forms[form].by
    may_enter = may_enter and visit.may_do("submit_form", form)
    return visit.show(
        "adverse_events.html",
        told=[_tell(visit, e, form) for e in events],
        safety=visit.study.safety,
        participants=[p for p in visit.participants() if p.consent] if may_enter else [],
        form=form,
        sees_forms=visit.person.role != Role.DSMB,
        may_receive=visit.may(Role.SAFETY_OFFICER) and visit.state.locked is None,
        rules=assess_rules(visit.study, visit.state),
        may_resume=_may_resume(visit),
    )


@page(roles=(Role.SAFETY_OFFICER,), methods=("POST",))
def receive(visit: Visit, code: str, repeat: int) -> HttpResponse:
    """The sponsor confirms that the report of a serious event has arrived."""
    receive_adverse_event(
        visit.trial, by=visit.person.person, at=visit.now, participant=code, repeat=repeat
    )
    return visit.go("adverse_events", done=t("events.received"))


@page(roles=RESUMERS, methods=("GET", "POST"))
def resume(visit: Visit) -> HttpResponse:
    """Agree that a paused trial goes on, despite the rules that stand in the address."""
    rules = tuple(filter(None, visit.request.GET.get("rules", "")[:1000].split(",")))
    plan = visit.study.safety
    labels = [say(r.label) for r in plan.stopping if r.id in rules] if plan else []

    def act(answers: Answers) -> HttpResponse:
        resume_trial(
            visit.trial,
            by=visit.person.person,
            at=visit.now,
            reason=str(answers["reason"]),
            rules=rules,
        )
        done = "stopping.still_paused" if visit.trial.state.pausing else "stopping.goes_on"
        return visit.go("adverse_events", done=t(done))

    question = Question(
        title=t("stopping.resume"),
        button=t("stopping.agree"),
        lead=t("stopping.resume_lead"),
        back=reverse("adverse_events"),
        facts=tuple((t("stopping.rule"), label) for label in labels),
        items={
            "reason": Item(
                label=text_of("common.reason"), type="text", help=text_of("common.reason_help")
            )
        },
        is_grave=True,
    )
    return ask(visit, question, act=act)


@page(roles=LEDGER_READERS)
def ledger(visit: Visit) -> HttpResponse:
    """The entries, newest first, and whether the chains are as they were recorded."""
    wanted = visit.request.GET.get("participant", "").strip()[:32]
    kind = visit.request.GET.get("type", "")
    entries = [e for e in visit.trial.store.read(stream=wanted or None) if _may_see(visit, e)]
    kinds = sorted({e.type for e in entries})
    entries = [e for e in reversed(entries) if kind in ("", e.type)]
    at = page_number(visit)
    shown = entries[(at - 1) * PER_PAGE : at * PER_PAGE]
    return visit.show(
        "ledger.html",
        lines=[(e, reason_of(e), _body(e)) for e in shown],
        n_entries=len(entries),
        page=at,
        n_pages=max(1, -(-len(entries) // PER_PAGE)),
        kinds=kinds,
        kind=kind,
        wanted=wanted,
        verification=_verify(visit),
        address=reverse("ledger"),
        sites=sites_to_copy(visit),
    )


def page_number(visit: Visit) -> int:
    """Which page of a long list is asked for."""
    number = visit.request.GET.get("page", "1")
    return max(1, int(number)) if number.isdecimal() and len(number) < 7 else 1


def _may_resume(visit: Visit) -> bool:
    state, role = visit.state, visit.person.role
    asked = visit.study.safety.resumed_by if visit.study.safety else ()
    return bool(state.pausing) and role in asked and role not in state.agreed and not state.locked


def _tell(visit: Visit, event: AdverseEvent, form: str) -> Told:
    parts = {"code": event.participant, "encounter": NO_ENCOUNTER, "form": form}
    address = reverse("form", kwargs={**parts, "repeat": event.repeat})
    return Told(event, assess_clock(event, visit.now), address)


def _may_see(visit: Visit, entry: Entry) -> bool:
    """The control chain is everybody's; a site's chain is for those who see the site."""
    if not entry.chain.startswith("site-"):
        return True
    return visit.person.may_see(entry.chain.removeprefix("site-"))


def _body(entry: Entry) -> str:
    if entry.body is None:
        return ""
    return msgspec.json.format(entry.body, indent=2).decode()


def _verify(visit: Visit) -> Verification:
    root = merkle_root(visit.trial.store.heads())
    store: Any = visit.trial.store
    return _verified(store, root, int(visit.now.timestamp()) // KEPT_SECONDS)


@lru_cache(maxsize=4)
def _verified(store: Any, root: str, moment: int) -> Verification:  # noqa: ARG001 - of the key
    """Verify when the ledger has grown, and again after a minute: damage leaves no new head."""
    until = dt.datetime.fromtimestamp((moment + 1) * KEPT_SECONDS, dt.UTC)
    return verify(store, now=until)

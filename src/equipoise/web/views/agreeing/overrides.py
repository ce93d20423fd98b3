"""Overrides, asked for and confirmed by two people with their passwords; and deviations."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from msgspec import Struct

from equipoise.analysis.deviations import KIND_NAMES, count_deviations, lines_of
from equipoise.conduct import (
    KINDS,
    Participant,
    assess_participant,
    confirm_override,
    decline_override,
    grounds_of,
    is_granted,
    may_override_all,
    record_deviation,
    request_override,
)
from equipoise.eligibility import CriterionVerdict
from equipoise.language.words import REASONS
from equipoise.problems import Refused, Text
from equipoise.study.criteria import Criterion
from equipoise.study.forms import Item
from equipoise.study.roles import Role
from equipoise.web.entry.asking import Answers, Question, ask, date_of
from equipoise.web.entry.fields import Field, check_given, fill_field, problems_of, read_field
from equipoise.web.pages import Visit, page
from equipoise.web.statuses import status_of
from equipoise.web.texts import language, t, text_of
from equipoise.web.views.eligibility import READERS
from equipoise.web.views.participant import RECORDERS


class Obstacle(Struct, frozen=True):
    """A criterion that stops somebody, why, and whether people may override it."""

    verdict: CriterionVerdict
    criterion: Criterion
    why: str


@page(roles=READERS)
def override(visit: Visit, code: str) -> HttpResponse:
    """What stops a participant, the last exception asked for, and what may be done about it."""
    return _show(visit, visit.participant(code))


@page(roles=(Role.INVESTIGATOR,), methods=("POST",), act="request_override")
def ask_override(visit: Visit, code: str) -> HttpResponse:
    """Ask for an exception, with the password, from the criteria that the page showed."""
    named = tuple(visit.request.POST.getlist("criteria")[:200])

    def act(reason: str) -> None:
        meaning = t("override.meaning_ask")
        by = {**_by(visit, code, reason), "proof": visit.proof}
        request_override(visit.trial, **by, criteria=named, on=visit.today, meaning=meaning)

    return _decide(visit, code, act=act, done=t("override.asked", participant=code))


@page(roles=(Role.SAFETY_OFFICER,), methods=("POST",))
def agree_override(visit: Visit, code: str) -> HttpResponse:
    """Confirm it as the second person, with the password."""
    request = visit.request.POST.get("request", "")[:64]

    def act(reason: str) -> None:
        meaning = t("override.meaning_confirm")
        by = {**_by(visit, code, reason), "proof": visit.proof}
        confirm_override(visit.trial, **by, request=request, on=visit.today, meaning=meaning)

    done = t("override.agreed", participant=code)
    return _decide(visit, code, act=act, done=done, needs_reason=False)


@page(roles=(Role.INVESTIGATOR, Role.SAFETY_OFFICER), methods=("POST",))
def drop_override(visit: Visit, code: str) -> HttpResponse:
    """Refuse it, or take it back."""
    request = visit.request.POST.get("request", "")[:64]

    def act(reason: str) -> None:
        decline_override(visit.trial, **_by(visit, code, reason), request=request)

    return _decide(visit, code, act=act, done=t("override.dropped", participant=code))


@page(roles=READERS)
def deviations(visit: Visit) -> HttpResponse:
    """Every deviation that the person may see, and what changed in eligibility since."""
    people = visit.participants()
    lines = lines_of(people)
    return visit.show(
        "deviations.html",
        lines=lines,
        counts=count_deviations(lines),
        changed=[(p, r) for p in people for r in p.reassessments],
        waiting=[p for p in people if is_waiting(p)],
    )


@page(roles=RECORDERS, methods=("GET", "POST"))
def deviate(visit: Visit, code: str) -> HttpResponse:
    """Record a departure from the protocol."""
    visit.participant(code)

    def act(answers: Answers) -> HttpResponse:
        by = _by(visit, code, str(answers["what"]))
        kind: Any = answers["kind"]
        record_deviation(visit.trial, **by, kind=kind, on=date_of(answers, "on"))
        return visit.go("participant", code=code, done=t("deviations.recorded"))

    choices = {kind: KIND_NAMES[kind] for kind in KINDS}
    question = Question(
        title=t("deviations.record"),
        button=t("deviations.button"),
        lead=t("deviations.lead"),
        back=reverse("participant", kwargs={"code": code}),
        code=code,
        items={
            "kind": Item(label=text_of("deviations.kind"), type="choice", choices=choices),
            "on": Item(label=text_of("deviations.on"), type="date"),
            "what": Item(label=text_of("deviations.what"), type="text"),
        },
    )
    return ask(visit, question, act=act, known={"on": visit.today.isoformat()})


def is_waiting(subject: Participant) -> bool:
    """Whether an exception waits for the second person."""
    asked = subject.override
    return subject.status == "screening" and asked is not None and asked.status == "requested"


def _decide(
    visit: Visit,
    code: str,
    *,
    act: Callable[[str], None],
    done: str,
    needs_reason: bool = True,
) -> HttpResponse:
    """Read the reason and the password; what is refused comes back with its words."""
    subject = visit.participant(code)
    (field,) = check_given([read_field("reason", _reason(needs_reason), visit.request.POST)])
    found = [*problems_of([field]), *visit.check_signer()]
    if found:
        return _show(visit, subject, field=field, problems=found, status=422)
    try:
        act(str(field.value or ""))
    except Refused as refused:
        status = status_of(refused.problems)
        subject = visit.trial.state.participants[code]
        return _show(visit, subject, field=field, problems=refused.problems, status=status)
    return visit.go("override", code=code, done=done)


def _show(
    visit: Visit,
    subject: Participant,
    *,
    field: Field | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    on = subject.randomized_on or visit.today
    verdict = assess_participant(visit.study, subject, on=on)
    criteria = dict(visit.study.criteria)
    obstacles = [
        Obstacle(c, criteria[c.id], _why(c))
        for c in verdict.criteria
        if c.bars or c.status == "unknown"
    ]
    asked, is_open = subject.override, subject.status == "screening"
    is_live = is_open and asked is not None and asked.status != "declined"
    is_same = asked is not None and set(asked.grounds) == set(grounds_of(verdict))
    may_ask = is_open and may_override_all(visit.study, verdict)
    known = {
        "subject": subject,
        "obstacles": obstacles,
        "is_granted": is_open and is_granted(subject, verdict),
        "is_same": is_same,
        "may_ask": may_ask
        and visit.may(Role.INVESTIGATOR)
        and visit.may_do("request_override")
        and not (is_live and is_same),
        "may_agree": is_waiting(subject) and is_same and visit.may(Role.SAFETY_OFFICER),
        "may_drop": is_live and visit.may(Role.INVESTIGATOR, Role.SAFETY_OFFICER),
        "is_possible": may_ask,
        "reason": field or fill_field("reason", _reason(is_needed=True), ""),
        "note": fill_field("reason", _reason(is_needed=False), ""),
        "problems": (),
    }
    return visit.show("override.html", status=status, **(known | more))


def _why(verdict: CriterionVerdict) -> str:
    said = dict.fromkeys(REASONS[r.kind].say(language()) for r in verdict.reasons)
    return ", ".join(said)


def _by(visit: Visit, code: str, reason: str) -> dict[str, Any]:
    return {"by": visit.person.person, "at": visit.now, "participant": code, "reason": reason}


def _reason(is_needed: bool) -> Item:
    help_text: Text = text_of("common.reason_help")
    label = text_of("common.reason") if is_needed else text_of("override.note")
    return Item(label=label, type="text", help=help_text, required=is_needed)

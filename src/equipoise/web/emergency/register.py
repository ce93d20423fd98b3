"""The register of unblinding at the site door, and the end of the blind after the lock.

By whom, when and why; never what was answered, which this process cannot know, nor what was asked,
which could tell it.
"""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from equipoise.conduct import (
    agree_unblinding,
    assess_unblinding,
    check_opened,
    digest_of_populations,
    list_unblindings,
    record_unblinding,
    sign_populations,
)
from equipoise.conduct.acts.unblinding import SECOND, WITNESSES
from equipoise.problems import Problem, Refused, problem
from equipoise.study.forms import Item
from equipoise.study.roles import Role
from equipoise.web.entry.asking import Answers, Question, ask, date_of
from equipoise.web.pages import Visit, page
from equipoise.web.texts import t, text_of

SIGNERS = (Role.STATISTICIAN, *SECOND)
READERS = tuple(r for r in WITNESSES if r != Role.OUTCOME_ASSESSOR)
"""Who reads the register; who scores skin looks at the skin alone."""


@page(roles=READERS)
def unblindings(visit: Visit) -> HttpResponse:
    """Every unblinding that the person may see: planned, in an emergency, by mistake."""
    lines = [(p, u) for p, u in list_unblindings(visit.state) if visit.person.may_see(p.site)]
    kinds = ("emergency", "planned", "inadvertent")
    return visit.show(
        "unblindings.html",
        lines=lines,
        counts={kind: sum(u.kind == kind for _, u in lines) for kind in kinds},
        may_assess=visit.may(Role.SAFETY_OFFICER, Role.INVESTIGATOR),
        may_sign=visit.may(*SIGNERS),
    )


@page(roles=WITNESSES, methods=("GET", "POST"))
def tell(visit: Visit, code: str) -> HttpResponse:
    """Tell that somebody came to know by mistake what a participant receives."""
    visit.participant(code)

    def act(answers: Answers) -> HttpResponse:
        record_unblinding(
            visit.trial,
            **_by(visit, code, str(answers["reason"])),
            on=date_of(answers, "on"),
            learned=str(answers["learned"]),
        )
        return visit.go("participant", code=code, done=t("unblinding.told"))

    question = Question(
        title=t("unblinding.tell", participant=code),
        button=t("unblinding.tell_button"),
        lead=t("unblinding.tell_lead"),
        back=reverse("participant", kwargs={"code": code}),
        code=code,
        items={
            "on": Item(label=text_of("unblinding.on"), type="date"),
            "learned": Item(
                label=text_of("unblinding.learned"),
                type="text",
                help=text_of("unblinding.learned_help"),
            ),
            "reason": Item(label=text_of("unblinding.how"), type="text"),
        },
        is_grave=True,
    )
    return ask(visit, question, act=act, known={"on": visit.today.isoformat()})


@page(roles=(Role.SAFETY_OFFICER, Role.INVESTIGATOR), methods=("GET", "POST"))
def assess(visit: Visit, code: str) -> HttpResponse:
    """Say what an unblinding means for the trial, and what was done about it."""
    subject = visit.participant(code)
    entry = visit.request.GET.get("entry", "")[:80]
    known = next((u for u in subject.unblindings if u.stamp.entry == entry), None)
    if known is None:
        raise Refused([problem("EQ-V035", code, entry=entry)])

    def act(answers: Answers) -> HttpResponse:
        assess_unblinding(
            visit.trial,
            **_by(visit, code),
            entry=entry,
            impact=str(answers["impact"]),
            action=str(answers["action"]),
        )
        return visit.go("unblindings", done=t("unblinding.assessed"))

    names = ("impact", "action")
    question = Question(
        title=t("unblinding.assess", participant=code),
        button=t("unblinding.assess_button"),
        lead=t("unblinding.assess_lead"),
        back=reverse("unblindings"),
        items={n: Item(label=text_of(f"unblinding.{n}"), type="text") for n in names},
    )
    return ask(visit, question, act=act, known={"impact": known.impact, "action": known.action})


@page(roles=SIGNERS, methods=("GET", "POST"))
def end_of_blind(visit: Visit) -> HttpResponse:
    """After the lock: the statistician signs the populations, then a second person agrees."""
    found: tuple[Problem, ...] = ()
    meaning = t("unblinding.meaning_" + ("sign" if visit.may(Role.STATISTICIAN) else "agree"))
    if visit.is_posted:
        found = visit.check_signer() or _sign(visit, meaning)
        if not found:
            return visit.go("end_of_blind", done=t("unblinding.signed"))
    is_locked = visit.state.locked is not None
    digest = digest_of_populations(visit.study, visit.state) if is_locked else ""
    return visit.show(
        "end_of_blind.html",
        status=422 if found else 200,
        digest=digest,
        meaning=meaning,
        problems=found,
        waits=check_opened(visit.study, visit.state),
    )


def _sign(visit: Visit, meaning: str) -> tuple[Problem, ...]:
    act = sign_populations if visit.may(Role.STATISTICIAN) else agree_unblinding
    given = {"meaning": meaning, "digest": visit.request.POST.get("digest", "")[:64]}
    try:
        act(visit.trial, by=visit.person.person, at=visit.now, **given, proof=visit.proof)
    except Refused as refused:
        return refused.problems
    return ()


def _by(visit: Visit, code: str, reason: str = "") -> dict[str, Any]:
    return {"by": visit.person.person, "at": visit.now, "participant": code, "reason": reason}

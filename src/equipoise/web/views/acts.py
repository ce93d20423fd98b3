"""Acts on a participant that ask for little: order, miss, leave, complete, sign."""

import datetime as dt
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from equipoise.conduct import (
    Act,
    Participant,
    complete_participant,
    digest_of,
    fail_screening,
    find_weight,
    miss_encounter,
    order_infusion,
    resume_treatment,
    sign_casebook,
    stop_treatment,
    withdraw_participant,
)
from equipoise.problems import Problem, Refused, Text, Where, problem
from equipoise.study.forms import Item
from equipoise.study.roles import Role
from equipoise.supply import check_weight, plan_preparation
from equipoise.web import saying
from equipoise.web.entry.asking import Answers, Question, ask, date_of
from equipoise.web.pages import Visit, page
from equipoise.web.texts import say, t, text_of
from equipoise.web.views.participant import WRITERS
from equipoise.web.views.participants import ENROLLERS


@page(roles=ENROLLERS, methods=("GET", "POST"), act="order_infusion")
def order(visit: Visit, code: str, encounter: str) -> HttpResponse:
    """Order an infusion; the page shows the dose that follows from the weight of the day."""
    subject = visit.participant(code)
    label = encounter_label(visit, encounter)

    def act(answers: Answers) -> HttpResponse:
        order_infusion(
            visit.trial, **_by(visit, code), encounter=encounter, on=date_of(answers, "on")
        )
        return visit.go("participant", code=code, done=t("order.done", encounter=label))

    question = Question(
        title=t("order.title", encounter=label),
        button=t("order.button"),
        lead=t("order.lead"),
        back=_back(code),
        code=code,
        facts=_dose_facts(visit, subject, on=visit.today),
        items={"on": Item(label=text_of("order.on"), type="date")},
    )
    return ask(visit, question, act=act, known={"on": visit.today.isoformat()})


@page(roles=WRITERS, methods=("GET", "POST"), act="miss_encounter")
def miss(visit: Visit, code: str, encounter: str) -> HttpResponse:
    """Record that an encounter did not take place."""
    visit.participant(code)
    label = encounter_label(visit, encounter)

    def act(answers: Answers) -> HttpResponse:
        reason = str(answers["reason"])
        miss_encounter(visit.trial, **_by(visit, code, reason), encounter=encounter)
        return visit.go("participant", code=code, done=t("miss.done", encounter=label))

    question = Question(
        title=t("miss.title", encounter=label),
        button=t("miss.button"),
        lead=t("miss.lead"),
        back=_back(code),
        code=code,
        items={"reason": _reason()},
    )
    return ask(visit, question, act=act)


@page(roles=ENROLLERS, methods=("GET", "POST"), act="withdraw_participant")
def withdraw(visit: Visit, code: str) -> HttpResponse:
    """End the participation early."""
    visit.participant(code)

    def act(answers: Answers) -> HttpResponse:
        by = _by(visit, code, str(answers["reason"]))
        withdraw_participant(visit.trial, **by, on=date_of(answers, "on"))
        return visit.go("participant", code=code, done=t("withdraw.done", participant=code))

    items = {"on": Item(label=text_of("withdraw.on"), type="date"), "reason": _reason()}
    question = Question(
        title=t("withdraw.title", participant=code),
        button=t("withdraw.button"),
        lead=t("withdraw.lead"),
        back=_back(code),
        code=code,
        items=items,
        is_grave=True,
    )
    return ask(visit, question, act=act, known={"on": visit.today.isoformat()})


@page(roles=ENROLLERS, methods=("GET", "POST"), act="stop_treatment")
def stop(visit: Visit, code: str) -> HttpResponse:
    """Give no further infusion; visits go on."""
    return _change_treatment(visit, code, "stop", stop_treatment)


@page(roles=(Role.INVESTIGATOR,), methods=("GET", "POST"), act="resume_treatment")
def go_on(visit: Visit, code: str) -> HttpResponse:
    """Let infusions be given again after all."""
    return _change_treatment(visit, code, "go_on", resume_treatment)


def _change_treatment(visit: Visit, code: str, words: str, change: Act[...]) -> HttpResponse:
    subject = visit.participant(code)

    def act(answers: Answers) -> HttpResponse:
        by = _by(visit, code, str(answers["reason"]))
        change(visit.trial, **by, on=date_of(answers, "on"))
        return visit.go("participant", code=code, done=t(f"{words}.done", participant=code))

    stopped = subject.treatment_stop
    question = Question(
        title=t(f"{words}.title", participant=code),
        button=t(f"{words}.button"),
        lead=t(f"{words}.lead"),
        back=_back(code),
        code=code,
        facts=((t("stop.fact"), f"{saying.day(stopped.on)}, {stopped.cause}"),) if stopped else (),
        items={"on": Item(label=text_of(f"{words}.on"), type="date"), "reason": _reason()},
        is_grave=words == "stop",
    )
    return ask(visit, question, act=act, known={"on": visit.today.isoformat()})


@page(roles=ENROLLERS, methods=("GET", "POST"), act="complete_participant")
def complete(visit: Visit, code: str) -> HttpResponse:
    """The planned end of follow-up was reached."""
    visit.participant(code)

    def act(answers: Answers) -> HttpResponse:
        complete_participant(visit.trial, **_by(visit, code), on=date_of(answers, "on"))
        return visit.go("participant", code=code, done=t("complete.done", participant=code))

    question = Question(
        title=t("complete.title", participant=code),
        button=t("complete.button"),
        lead=t("complete.lead"),
        back=_back(code),
        code=code,
        items={"on": Item(label=text_of("complete.on"), type="date")},
    )
    return ask(visit, question, act=act, known={"on": visit.today.isoformat()})


@page(roles=ENROLLERS, methods=("GET", "POST"), act="fail_screening")
def end_screening(visit: Visit, code: str) -> HttpResponse:
    """The person does not go on to randomization."""
    visit.participant(code)

    def act(answers: Answers) -> HttpResponse:
        fail_screening(visit.trial, **_by(visit, code, str(answers["reason"] or "")))
        return visit.go("participant", code=code, done=t("end_screening.done", participant=code))

    question = Question(
        title=t("end_screening.title", participant=code),
        button=t("end_screening.button"),
        lead=t("end_screening.lead"),
        back=_back(code),
        code=code,
        items={"reason": Item(label=text_of("common.reason"), type="text", required=False)},
        is_grave=True,
    )
    return ask(visit, question, act=act)


@page(roles=(Role.INVESTIGATOR,), methods=("GET", "POST"), act="sign_casebook")
def sign(visit: Visit, code: str) -> HttpResponse:
    """Sign the casebook: the password again, the meaning shown, bound to what stands here now."""
    subject = visit.participant(code)
    meaning = t("sign.meaning")
    found: tuple[Problem, ...] = ()
    if visit.is_posted:
        found = visit.check_signer() or _sign(visit, code, meaning)
        if not found:
            return visit.go("participant", code=code, done=_receipt(visit, code))
    return visit.show(
        "sign.html",
        status=422 if found else 200,
        subject=subject,
        meaning=meaning,
        digest=digest_of(visit.study, subject),
        problems=found,
    )


def _sign(visit: Visit, code: str, meaning: str) -> tuple[Problem, ...]:
    digest = visit.request.POST.get("digest", "")[:64]
    try:
        said = {**_by(visit, code), "meaning": meaning, "proof": visit.proof}
        sign_casebook(visit.trial, **said, digest=digest)
    except Refused as refused:
        if {p.code for p in refused.problems} == {"EQ-C106"}:
            return refused.problems
        raise
    return ()


def _receipt(visit: Visit, code: str) -> str:
    """What the signer takes away: the seal of the ledger that holds the signature."""
    state = visit.trial.state
    signature = state.participants[code].signature
    root = state.seal_of(signature.stamp.entry) if signature else ""
    return t("sign.done", participant=code, seal=root)


def encounter_label(visit: Visit, encounter: str) -> str:
    """What the study calls an encounter.

    Raises:
        Refused: the study has none of this name.
    """
    if encounter not in visit.study.schedule.encounters:
        raise Refused([problem("EQ-C035", encounter, encounter=encounter)])
    return say(visit.study.schedule.encounters[encounter].label)


def _dose_facts(visit: Visit, subject: Participant, *, on: dt.date) -> tuple[tuple[str, str], ...]:
    """The dose as of a day, or why there is none; the act decides again on the day it is given."""
    dose, bag = visit.study.treatments.dose, visit.study.treatments.bag
    if dose is None or bag is None:
        return ()
    weight = find_weight(subject, dose.weight, on=on)
    found = check_weight(weight, dose=dose, infusion_on=on, where=Where(record=subject.code))
    facts: list[tuple[str, str]] = []
    if weight is not None:
        weighed = t("order.weighed", kg=saying.number(weight.kg), on=saying.day(weight.on))
        facts.append((t("order.weight"), weighed))
    if weight is None or found:
        return (
            *facts,
            *((t("order.problem"), f"{saying.message(p)} {saying.hint(p)}") for p in found),
        )
    plan = plan_preparation(dose, bag, weight.kg)
    return (
        *facts,
        (t("order.dose"), f"{saying.power(plan.target_cells)} {say(dose.unit)}"),
        (t("order.volume"), f"{saying.number(plan.volume_ml)}\u00a0mL"),
        (t("order.bags"), str(plan.n_bags)),
    )


def _by(visit: Visit, code: str, reason: str = "") -> dict[str, Any]:
    person = visit.person.person
    return {"by": person, "at": visit.now, "participant": code, "reason": reason}


def _back(code: str) -> str:
    return reverse("participant", kwargs={"code": code})


def _reason() -> Item:
    help_text: Text = text_of("common.reason_help")
    return Item(label=text_of("common.reason"), type="text", help=help_text)

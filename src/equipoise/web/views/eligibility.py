"""Eligibility at the bedside: each criterion with its verdict and why, and the way to a number."""

from django.http import HttpResponse
from django.urls import reverse

from equipoise.conduct import (
    Participant,
    assess_participant,
    call_off_randomization,
    find_judgement,
    finish_randomization,
    is_granted,
    judge_criterion,
    may_override_all,
    randomize_participant,
)
from equipoise.eligibility import Verdict, questions_of
from equipoise.problems import Refused, problem
from equipoise.study.criteria import Judgement
from equipoise.study.forms import Item
from equipoise.study.roles import Role
from equipoise.web import saying
from equipoise.web.bedside import lines_of, mark_of
from equipoise.web.entry.asking import Answers, Question, ask
from equipoise.web.pages import BLINDED, Visit, page
from equipoise.web.statuses import status_of
from equipoise.web.texts import say, t, text_of, word
from equipoise.web.views.participants import ENROLLERS

_ENDS = ("ScreeningFailed", "ParticipantWithdrawn")
READERS = BLINDED - {Role.ADMINISTRATOR, Role.DSMB, Role.OUTCOME_ASSESSOR}


@page(roles=READERS)
def eligibility(visit: Visit, code: str) -> HttpResponse:
    """Every criterion: the unknown ones first as long as they can be settled, then those that bar.

    An open page asks again and again with the mark of what it shows: the list comes alone, and
    only if it has changed.
    """
    subject = visit.participant(code)
    verdict = _verdict(visit, subject)
    mark, seen = mark_of(subject, verdict), visit.request.GET.get("seen")
    if seen is not None:
        visit.let_session_age()
    if seen == mark:
        return HttpResponse(status=204)
    lines = lines_of(visit, subject, verdict, judges=ENROLLERS)
    return visit.show(
        "eligibility.html" if seen is None else "criteria_moved.html",
        subject=subject,
        verdict=verdict,
        lines=lines,
        mark=mark,
        n_unknown=sum(x.look == "unknown" for x in lines),
        n_barring=sum(x.look == "bars" for x in lines),
        n_fine=sum(x.look == "fine" for x in lines),
        may_randomize=visit.may(*ENROLLERS)
        and visit.may_do("request_randomization")
        and subject.status in ("screening", "randomizing"),
        is_screening=subject.status == "screening",
        may_go=_may_go(subject, verdict),
        may_except=subject.status == "screening" and may_override_all(visit.study, verdict),
    )


@page(roles=ENROLLERS, methods=("POST",), act="judge_criterion")
def judge(visit: Visit, code: str, rule: str) -> HttpResponse:
    """Answer a question that only a person can answer."""
    answer = visit.request.POST.get("answer", "")
    if answer not in ("yes", "no"):
        raise Refused([problem("EQ-W008", rule, label=rule)])
    judge_criterion(
        visit.trial,
        by=visit.person.person,
        at=visit.now,
        participant=code,
        rule=rule,
        is_true=answer == "yes",
        on=visit.today,
        reason=visit.request.POST.get("reason", ""),
    )
    return visit.go("eligibility", code=code, done=t("eligibility.judged"))


@page(roles=ENROLLERS, methods=("GET", "POST"), act="judge_criterion")
def rejudge(visit: Visit, code: str, rule: str) -> HttpResponse:
    """Answer a question anew after randomization, with a reason: the proof stays."""
    subject = visit.participant(code)
    judgement = find_judgement(visit.study, rule)
    if judgement is None:
        raise Refused([problem("EQ-C021", f"{code} / {rule}", rule=rule)])
    if not visit.may(*judgement.by):
        roles, role = visit.role_names(judgement.by), visit.role_names([Role(visit.person.role)])
        raise Refused([problem("EQ-C022", f"{code} / {rule}", rule=rule, roles=roles, role=role)])
    if subject.verdict is None:
        return visit.go("eligibility", code=code)

    def act(answers: Answers) -> HttpResponse:
        judge_criterion(
            visit.trial,
            by=visit.person.person,
            at=visit.now,
            participant=code,
            rule=rule,
            is_true=answers["answer"] is True,
            on=visit.today,
            reason=str(answers["reason"]),
        )
        after = visit.trial.state.participants[code].reassessments[len(subject.reassessments) :]
        changed = ", ".join(c.criterion for r in after for c in r.changes)
        said = t("rejudge.turned", criteria=changed) if changed else t("rejudge.same")
        return visit.go("eligibility", code=code, done=said)

    return ask(visit, _question(visit, subject, rule, judgement), act=act)


@page(roles=ENROLLERS, methods=("GET", "POST"), act="request_randomization")
def randomize(visit: Visit, code: str) -> HttpResponse:
    """Confirm, then the number; after a break in between, the same number again."""
    subject = visit.participant(code)
    verdict = assess_participant(visit.study, subject, on=visit.today)
    if not visit.is_posted:
        if not _may_go(subject, verdict):
            return visit.go("eligibility", code=code)
        return _confirm(visit, subject, verdict)
    by, at = visit.person.person, visit.now
    try:
        if subject.status == "randomizing":
            finish_randomization(visit.trial, by=by, at=at, participant=code)
        else:
            randomize_participant(visit.trial, by=by, at=at, participant=code, on=visit.today)
    except Refused as refused:
        now = visit.trial.state.participants[code]
        return _confirm(visit, now, verdict, refused=refused)
    number = visit.trial.state.participants[code].number
    done = t("randomize.done", participant=code, number=number)
    return visit.go("participant", code=code, done=done)


@page(roles=ENROLLERS, methods=("GET", "POST"))
def call_off(visit: Visit, code: str) -> HttpResponse:
    """Take back a request whose number never came."""
    if visit.participant(code).status != "randomizing":
        return visit.go("eligibility", code=code)

    def act(answers: Answers) -> HttpResponse:
        by, reason = visit.person.person, str(answers["reason"])
        call_off_randomization(visit.trial, by=by, at=visit.now, reason=reason, participant=code)
        return visit.go("participant", code=code, done=t("call_off.done", participant=code))

    question = Question(
        title=t("call_off.title", participant=code),
        button=t("call_off.button"),
        lead=t("call_off.lead"),
        back=reverse("randomize", kwargs={"code": code}),
        code=code,
        items={
            "reason": Item(
                label=text_of("common.reason"), type="text", help=text_of("common.reason_help")
            )
        },
        is_grave=True,
    )
    return ask(visit, question, act=act)


def _question(visit: Visit, subject: Participant, rule: str, judgement: Judgement) -> Question:
    proof = _verdict(visit, subject)
    name, criterion = next(c for c in visit.study.criteria if rule in questions_of(*c))
    fixed = next(c.status for c in proof.criteria if c.id == name)
    facts = [
        (t("rejudge.criterion"), f"{name} {say(criterion.text) or criterion.record}"),
        (t("rejudge.fixed", on=saying.day(proof.reference_on)), word("verdict", fixed)),
    ]
    answer = subject.answers.get(rule)
    if answer is not None:
        said = t("common.yes" if answer.is_true else "common.no")
        by = f"{visit.name_of(answer.by)} ({answer.by}), {saying.day(answer.on)}"
        facts.append((t("rejudge.so_far"), f"{said} – {by}"))
    address = reverse("eligibility", kwargs={"code": subject.code})
    items = {
        "answer": Item(label=text_of("rejudge.yours"), type="boolean", help=judgement.ask),
        "reason": Item(
            label=text_of("common.reason"), type="text", help=text_of("common.reason_help")
        ),
    }
    return Question(
        title=t("rejudge.title"),
        button=t("rejudge.button"),
        lead=t("rejudge.lead", on=saying.day(proof.reference_on)),
        back=f"{address}#c-{name}",
        code=subject.code,
        facts=tuple(facts),
        items=items,
    )


def _verdict(visit: Visit, subject: Participant) -> Verdict:
    """The verdict that was fixed at randomization, that of the end of screening, or today's."""
    if (proof := subject.proof) is not None:
        return proof
    on = visit.today
    if not subject.is_in_trial:
        entries = visit.trial.store.read(stream=subject.code)
        on = max(e.at for e in entries if e.type in _ENDS).date()
    return assess_participant(visit.study, subject, on=on)


def _may_go(subject: Participant, verdict: Verdict) -> bool:
    """Whether a number can be asked for: eligible or let in, or asked for without an answer."""
    is_ready = verdict.status == "eligible" or is_granted(subject, verdict)
    return subject.status == "randomizing" or (subject.status == "screening" and is_ready)


def _confirm(
    visit: Visit, subject: Participant, verdict: Verdict, *, refused: Refused | None = None
) -> HttpResponse:
    return visit.show(
        "randomize.html",
        status=status_of(refused.problems) if refused else 200,
        subject=subject,
        verdict=verdict,
        may_go=_may_go(subject, verdict),
        problems=refused.problems if refused else (),
        n_randomized=len(visit.state.randomized),
        site=visit.study.identity.sites.get(subject.site),
    )

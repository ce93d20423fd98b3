"""Eligibility at the bedside: each criterion with its verdict and why, and the way to a number."""

from collections.abc import Iterator, Mapping

import msgspec
from django.http import HttpResponse
from django.urls import reverse
from msgspec import Struct

from equipoise.conduct import (
    Participant,
    assess_participant,
    find_judgement,
    finish_randomization,
    is_granted,
    judge_criterion,
    may_override_all,
    randomize_participant,
)
from equipoise.eligibility import CriterionVerdict, Opening, Verdict, settle
from equipoise.language import Explanation, Input, names_in, parse
from equipoise.language.explanation import say_value
from equipoise.language.words import REASONS, WORDS
from equipoise.problems import Refused, Text, problem
from equipoise.study.criteria import Criterion, Judgement, Rule
from equipoise.study.forms import Form
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.web import saying
from equipoise.web.pages import BLINDED, Visit, page
from equipoise.web.texts import language, say, t
from equipoise.web.views.participants import ENROLLERS

_ENDS = ("ScreeningFailed", "ParticipantWithdrawn")
READERS = BLINDED - {Role.ADMINISTRATOR, Role.DSMB, Role.OUTCOME_ASSESSOR}


class FormLink(Struct, frozen=True):
    """Where a value is entered or read."""

    form: Form
    address: str
    is_entered: bool


class Told(Struct, frozen=True):
    """A value that was read, or why it is not known."""

    words: str
    value: str
    reason: str
    on: str
    links: tuple[FormLink, ...]


class Branch(Struct, frozen=True):
    """A part of a criterion in words, its answer, and what it read."""

    words: str
    answer: str
    inputs: tuple[Told, ...]
    children: tuple["Branch", ...]


class Open(Struct, frozen=True):
    """Something that would settle an unknown: a question for a person, or a form."""

    rule: str = ""
    judgement: Judgement | None = None
    may_judge: bool = False
    words: str = ""
    reason: str = ""
    links: tuple[FormLink, ...] = ()


class Line(Struct, frozen=True):
    """A criterion on the page."""

    verdict: CriterionVerdict
    criterion: Criterion
    tree: Branch
    open: tuple[Open, ...]

    @property
    def look(self) -> str:
        """How its verdict is colored: against, unknown or fine."""
        if self.verdict.bars:
            return "bars"
        return "unknown" if self.verdict.status == "unknown" else "fine"


@page(roles=READERS)
def eligibility(visit: Visit, code: str) -> HttpResponse:
    """Every criterion: those that bar or are unknown first."""
    subject = visit.participant(code)
    verdict = _verdict(visit, subject)
    criteria = dict(visit.study.criteria)
    openings = settle(visit.study, verdict)
    lines = [
        _line(
            visit, subject, v, criteria[v.id], openings=[o for o in openings if o.criterion == v.id]
        )
        for v in verdict.criteria
    ]
    return visit.show(
        "eligibility.html",
        subject=subject,
        verdict=verdict,
        lines=lines,
        n_unknown=sum(x.look == "unknown" for x in lines),
        n_barring=sum(x.look == "bars" for x in lines),
        n_fine=sum(x.look == "fine" for x in lines),
        may_randomize=visit.may(*ENROLLERS) and subject.status in ("screening", "randomizing"),
        is_screening=subject.status == "screening",
        may_go=_may_go(subject, verdict),
        may_except=subject.status == "screening" and may_override_all(visit.study, verdict),
    )


@page(roles=ENROLLERS, methods=("POST",))
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
    )
    return visit.go("eligibility", code=code, done=t("eligibility.judged"))


@page(roles=ENROLLERS, methods=("GET", "POST"))
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


def _verdict(visit: Visit, subject: Participant) -> Verdict:
    """The verdict that was fixed at randomization, that of the end of screening, or today's."""
    if subject.verdict is not None:
        return msgspec.convert(subject.verdict, Verdict)
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
        status=422 if refused else 200,
        subject=subject,
        verdict=verdict,
        may_go=_may_go(subject, verdict),
        problems=refused.problems if refused else (),
        n_randomized=len(visit.state.randomized),
        site=visit.study.identity.sites.get(subject.site),
    )


def _line(
    visit: Visit,
    subject: Participant,
    verdict: CriterionVerdict,
    criterion: Criterion,
    *,
    openings: list[Opening],
) -> Line:
    texts = {rule.id: rule.text for rule in _rules(criterion) if rule.id and rule.text}
    tree = _branch(visit, subject, verdict.explanation, texts=texts)
    return Line(verdict, criterion, tree, tuple(_opened(visit, subject, openings)))


def _rules(rule: Rule) -> Iterator[Rule]:
    yield rule
    for part in (*rule.all_, *rule.any_, *rule.none_):
        if isinstance(part, Rule):
            yield from _rules(part)


def _branch(
    visit: Visit, subject: Participant, node: Explanation, *, texts: Mapping[str, Text | None]
) -> Branch:
    text = texts.get(node.id)
    judgement = find_judgement(visit.study, node.id) if node.part == "judgement" else None
    joined = WORDS[node.part].say(language()) if node.part in WORDS else ""
    words = say(text) or (say(judgement.ask) if judgement else "") or node.text or joined
    answer = (
        {True: "true", False: "false"}.get(node.value is True, "")
        if node.value is not None
        else "unknown"
    )
    return Branch(
        words=f"{words} ({joined})" if text and joined and node.children else words,
        answer=answer,
        inputs=tuple(_tell(visit, subject, i) for i in node.inputs),
        children=tuple(_branch(visit, subject, c, texts=texts) for c in node.children),
    )


def _tell(visit: Visit, subject: Participant, read: Input) -> Told:
    definition = visit.study.eligibility.values.get(read.name)
    label = say(definition.label) if definition and definition.label else ""
    item = _item_text(visit.study, read.name, read.value)
    shown = item or ("" if read.value is None else say_value(read.value, language()))
    reasons = dict.fromkeys(REASONS[r.kind].say(language()) for r in read.reasons)
    days = dict.fromkeys(saying.day(s.on) for s in read.sources if s.on)
    return Told(
        words=label or read.name,
        value=f"{shown}\u00a0{saying.unit(read.unit)}" if read.unit and shown else shown,
        reason=", ".join(reasons),
        on=", ".join(days),
        links=_links(visit, subject, read.name),
    )


def _item_text(study: Study, name: str, value: object) -> str:
    """A choice in the words of its form."""
    definition = study.eligibility.values.get(name)
    form, _, item = (definition.from_ if definition and definition.from_ else name).partition(".")
    known = study.forms[form].items.get(item) if form in study.forms else None
    return (
        saying.value_of(known, value)
        if known is not None and known.type == "choice" and value
        else ""
    )


def _opened(visit: Visit, subject: Participant, openings: list[Opening]) -> Iterator[Open]:
    """Questions with their buttons; then, for each form, what of it is missing and why."""
    by_form: dict[tuple[str, str], list[str]] = {}
    for opening in openings:
        judgement = find_judgement(visit.study, opening.judgement) if opening.judgement else None
        if judgement is not None:
            may = visit.person.role in judgement.by and visit.may(*ENROLLERS)
            yield Open(rule=opening.judgement, judgement=judgement, may_judge=may)
            continue
        labels = by_form.setdefault((opening.form, opening.kind), [])
        labels.append(_label(visit.study, opening))
    for (form, kind), labels in by_form.items():
        links = (_link(subject, visit.study.forms[form]),) if form in visit.study.forms else ()
        reason = REASONS[kind].say(language())  # type: ignore[index]
        yield Open(words=", ".join(dict.fromkeys(labels)), reason=reason, links=links)


def _label(study: Study, opening: Opening) -> str:
    form = study.forms.get(opening.form)
    known = form.items.get(opening.item) or form.derive.get(opening.item) if form else None
    return say(known.label) if known else opening.name


def _links(visit: Visit, subject: Participant, name: str) -> tuple[FormLink, ...]:
    """Where the value of a name is entered: the latest record of its form, or the empty form."""
    forms = dict.fromkeys(_forms_behind(visit.study, name, frozenset()))
    return tuple(_link(subject, visit.study.forms[form]) for form in forms)


def _link(subject: Participant, form: Form) -> FormLink:
    latest = subject.latest(form.form)
    encounter = latest.encounter if latest else next(iter(form.at), "")
    parts = {"code": subject.code, "encounter": encounter or "-", "form": form.form}
    repeat = latest.repeat if latest else int(form.repeats)
    return FormLink(form, reverse("form", kwargs={**parts, "repeat": repeat}), latest is not None)


def _forms_behind(study: Study, name: str, seen: frozenset[str]) -> Iterator[str]:
    form = name.partition(".")[0]
    if "." in name and form in study.forms:
        yield form
        return
    definition = study.eligibility.values.get(name)
    if definition is None or name in seen:
        return
    if definition.from_:
        yield from _forms_behind(study, definition.from_, seen | {name})
    elif definition.value:
        for inner in names_in(parse(definition.value)):
            yield from _forms_behind(study, inner, seen | {name})

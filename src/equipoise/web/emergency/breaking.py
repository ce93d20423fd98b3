"""Breaking the code of one participant: the least that answers, told on one page and nowhere else.

The answer goes from the vault into the page: never into a session, a log, an address or a title.
"""

import secrets

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from msgspec import Struct

from equipoise.conduct import BREAKERS, check_tells_nothing
from equipoise.problems import Problem, Refused, Text, Where, problem
from equipoise.randomization.disclosing import Told, encounters_of, find_told
from equipoise.study.roles import Role
from equipoise.vault import Break, Vault
from equipoise.vault.protocol import BreakKind
from equipoise.vault.revealing import INFUSION
from equipoise.web.pages import Visit, page
from equipoise.web.standby.keeping import tell_keeper
from equipoise.web.statuses import status_of
from equipoise.web.texts import say, t, text_of

ARM = "arm"


class Choice(Struct, frozen=True):
    """One infusion that can be asked about, and what its answer tells beside itself."""

    question: str
    label: Text
    warnings: tuple[str, ...]
    was_asked: bool


class Asked(Struct, frozen=True):
    """What somebody asks, as it was posted."""

    question: str
    reason: str
    kind: BreakKind
    request: str
    is_read: bool


@page(roles=BREAKERS)
def find(visit: Visit) -> HttpResponse:
    """Whose code: typed from the card that the participant carries."""
    code = visit.request.GET.get("participant", "").strip()[:32]
    if not code:
        return visit.show("break_find.html", typed="", problems=())
    found = _check_site(visit, code)
    if found:
        return visit.show("break_find.html", status=status_of(found), typed=code, problems=found)
    return HttpResponseRedirect(reverse("break_code", kwargs={"code": code}))


@page(roles=BREAKERS, methods=("GET", "POST"))
def break_code(visit: Visit, code: str) -> HttpResponse:
    """What is to be known, why, and what that tells beside itself; then the answer."""
    elsewhere = _check_site(visit, code)
    if elsewhere:
        raise Refused(elsewhere)
    vault = vault_of(visit)
    before = [b for b in vault.breaks() if code in (b.participant, b.number)]
    if not visit.is_posted:
        return _show(visit, code, before, asked=Asked("", "", "emergency", "", is_read=False))
    asked = _read(visit)
    found = _check(visit, code, before, asked=asked)
    if found:
        return _show(visit, code, before, asked=asked, problems=found)
    try:
        answer = vault.reveal(
            code,
            asked.question,
            by=visit.person.person,
            role=visit.person.role,
            reason=asked.reason,
            kind=asked.kind,
            request=asked.request,
        )
    except Refused as refused:
        return _show(visit, code, before, asked=asked, problems=refused.problems)
    finally:
        tell_keeper()
    return _answer(visit, code, before, asked=asked, answer=answer)


def vault_of(visit: Visit) -> Vault:
    """The vault of this door."""
    if visit.trial.vault is None:
        raise Refused([problem("EQ-C053", visit.study.identity.study)])
    return visit.trial.vault


def _read(visit: Visit) -> Asked:
    posted = visit.request.POST
    is_planned = visit.may(Role.SAFETY_OFFICER) and posted.get("kind") == "planned"
    return Asked(
        question=posted.get("question", "")[:80],
        reason=posted.get("reason", "").strip()[:1000],
        kind="planned" if is_planned else "emergency",
        request=posted.get("request", "")[:64],
        is_read="is_read" in posted,
    )


def _check_site(visit: Visit, code: str) -> tuple[Problem, ...]:
    """A participant's code begins with their site's; which of them exist the vault knows.

    A randomization number names no site: it serves who works for all of them.
    """
    if visit.person.may_see(code.partition("-")[0]):
        return ()
    return (problem("EQ-W072", code, participant=code),)


def _check(visit: Visit, code: str, before: list[Break], *, asked: Asked) -> tuple[Problem, ...]:
    questions = {ARM, *(f"{INFUSION}{e}" for e in encounters_of(contents_of(visit)))}
    if asked.question not in questions or len(asked.reason) < 3 or not asked.request:
        return (problem("EQ-W073", code),)
    found: tuple[Problem, ...] = ()
    if asked.question == ARM and not before:
        found += (problem("EQ-W070", code),)
    if not asked.is_read:
        found += (problem("EQ-W074", code),)
    if before:  # who asks may know something by now, and the reason goes to the blinded record
        found += check_tells_nothing(visit.study, (asked.reason,), where=Where(record=code))
    return found


def contents_of(visit: Visit) -> dict[str, dict[str, str]]:
    """The public table: what each arm receives at each encounter."""
    return {name: dict(arm.gives) for name, arm in visit.study.identity.arms.items()}


def _show(
    visit: Visit,
    code: str,
    before: list[Break],
    *,
    asked: Asked,
    problems: tuple[Problem, ...] = (),
) -> HttpResponse:
    return visit.show(
        "break_ask.html",
        status=422 if problems else 200,
        code=code,
        choices=_choices(visit, before),
        before=_tell_before(visit, before),
        asked=asked,
        request_id=secrets.token_hex(16),
        may_plan=visit.may(Role.SAFETY_OFFICER),
        problems=problems,
    )


def _answer(
    visit: Visit, code: str, before: list[Break], *, asked: Asked, answer: str
) -> HttpResponse:
    told = _told(visit, before, asked.question)
    known = next((x for x in told if x.answer == answer), None)
    return visit.show(
        "break_answer.html",
        code=code,
        question=_label(visit, asked.question),
        answer=_name(visit, asked.question, answer),
        at=visit.now,
        is_arm=asked.question == ARM,
        tells=_words(visit, known) if known else (),
        request_id=secrets.token_hex(16),
        may_plan=visit.may(Role.SAFETY_OFFICER),
    )


def _own(visit: Visit, before: list[Break]) -> list[Break]:
    return [b for b in before if b.by == visit.person.person]


def _tell_before(visit: Visit, before: list[Break]) -> list[tuple[Break, Text | None]]:
    """Who asked before. What, to the same person alone: it could tell others the answer, and so
    could how often."""
    mine = _own(visit, before)
    others = {b.by: b for b in reversed(before) if b not in mine}
    return [*((b, None) for b in others.values()), *((b, _label(visit, b.question)) for b in mine)]


def _choices(visit: Visit, before: list[Break]) -> list[Choice]:
    asked = {b.question for b in _own(visit, before)}
    found = []
    for encounter in encounters_of(contents_of(visit)):
        question = f"{INFUSION}{encounter}"
        warnings = tuple(
            t("break.if_it_is", answer=_product(visit, told.answer), tells="; ".join(words))
            for told in _told(visit, before, question)
            if (words := _words(visit, told))
        )
        found.append(Choice(question, _label(visit, question), warnings, question in asked))
    return found


def _told(visit: Visit, before: list[Break], question: str) -> list[Told]:
    encounter = question.removeprefix(INFUSION)
    asked = {b.question.removeprefix(INFUSION) for b in _own(visit, before)}
    return find_told(contents_of(visit), encounter, asked=asked) if encounter != ARM else []


def _words(visit: Visit, told: Told) -> tuple[str, ...]:
    said = () if told.arm == "never" else (t(f"break.arm_{told.arm}"),)
    labels = [visit.study.schedule.encounters[e].label for e in told.encounters]
    return (*said, *(t("break.and_at", encounter=say(x)) for x in labels))


def _label(visit: Visit, question: str) -> Text:
    """A question in words: the encounter's name, or the arm."""
    if question == ARM:
        return text_of("break.the_arm")
    encounter = question.removeprefix(INFUSION)
    known = visit.study.schedule.encounters.get(encounter)
    return known.label if known else Text(encounter, encounter)


def _name(visit: Visit, question: str, answer: str) -> str:
    arms = visit.study.identity.arms
    if question == ARM:
        return say(arms[answer].label) if answer in arms else answer
    return _product(visit, answer)


def _product(visit: Visit, name: str) -> str:
    product = visit.study.treatments.products.get(name)
    return say(product.label) if product else name or t("break.nothing")

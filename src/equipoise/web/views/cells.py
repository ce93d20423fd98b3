"""The cell unit's pages: what each ordered infusion holds, and handing it out.

What an infusion holds is asked of the vault for each page and goes into the page alone: never into
a session, a log, an address or a title.
"""

import secrets

from django.http import HttpResponse
from msgspec import Struct

from equipoise.conduct import Participant, prepare_infusion
from equipoise.conduct.state import Infusion
from equipoise.problems import Problem, Refused, Text, problem
from equipoise.study.protocol import Encounter, Product
from equipoise.study.roles import Role
from equipoise.web.pages import Visit, page, status_of
from equipoise.web.texts import t

LABEL_DIGITS = 8


class Work(Struct, frozen=True):
    """An ordered infusion and what it holds."""

    participant: Participant
    encounter: Encounter
    infusion: Infusion
    contents: Text
    product: Product | None
    label: str = ""
    problems: tuple[Problem, ...] = ()


@page(roles=(Role.CELL_UNIT,))
def work_list(visit: Visit) -> HttpResponse:
    """Every infusion that waits to be prepared, the earliest first, and those handed out."""
    return _show(visit)


@page(roles=(Role.CELL_UNIT,), methods=("POST",))
def prepare(visit: Visit, code: str, encounter: str) -> HttpResponse:
    """Record that an infusion was handed out under its label."""
    label = visit.request.POST.get("label", "").strip()[:32]
    if "is_checked" not in visit.request.POST:
        return _show(visit, status=422, problems=(problem("EQ-W027", f"{code} / {encounter}"),))
    try:
        prepare_infusion(
            visit.trial,
            by=visit.person.person,
            at=visit.now,
            participant=code,
            encounter=encounter,
            label=label,
        )
    except Refused as refused:
        return _show(visit, status=status_of(refused.problems), problems=refused.problems)
    return visit.go("home", done=t("cells.done", label=label))


def _show(visit: Visit, *, status: int = 200, problems: tuple[Problem, ...] = ()) -> HttpResponse:
    pairs = [(p, i) for p in visit.participants() for i in p.infusions.values()]
    waiting = [_work(visit, p, i) for p, i in pairs if i.status == "ordered" and p.is_in_trial]
    gone = [(p, i) for p, i in pairs if i.status != "ordered"]
    return visit.show(
        "work_list.html",
        status=status,
        waiting=sorted(waiting, key=lambda w: (w.infusion.on, w.participant.code)),
        handed_out=sorted(gone, key=lambda pair: pair[1].on, reverse=True),
        encounters=visit.study.schedule.encounters,
        dose=visit.study.treatments.dose,
        problems=problems,
    )


def _work(visit: Visit, subject: Participant, infusion: Infusion) -> Work:
    encounter = visit.study.schedule.encounters[infusion.encounter]
    try:
        name = _contents(visit, subject, infusion)
    except Refused as refused:
        return Work(subject, encounter, infusion, Text("–"), None, problems=refused.problems)
    product = visit.study.treatments.products.get(name)
    contents = product.label if product else Text(name)
    return Work(subject, encounter, infusion, contents, product, label=_new_label(visit))


def _contents(visit: Visit, subject: Participant, infusion: Infusion) -> str:
    if visit.trial.vault is None:
        raise Refused([problem("EQ-C053", subject.code)])
    return visit.trial.vault.contents(subject.number, infusion.encounter)


def _new_label(visit: Visit) -> str:
    """Eight digits that say nothing: drawn at random, none used before."""
    used = {i.label for p in visit.state.participants.values() for i in p.infusions.values()}
    while True:
        label = f"{secrets.randbelow(10**LABEL_DIGITS):0{LABEL_DIGITS}d}"
        if label not in used:
            return label

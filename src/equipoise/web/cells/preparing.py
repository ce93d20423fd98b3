"""From the order to the label: what each infusion holds, its bags, the second computation.

What an infusion holds is asked of the vault for each page and goes into the page alone: never into
a session, a log, an address or a title.
"""

import secrets
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from msgspec import Struct
from msgspec.structs import replace

from equipoise.conduct import Participant, cells, take_back_infusion
from equipoise.conduct.cells import BagRecord, PreparationRecord
from equipoise.conduct.door import at_record
from equipoise.conduct.parts import Infusion, is_own
from equipoise.conduct.rules import check_in_trial, check_treated
from equipoise.problems import Problem, Refused, Text, natural_order, problem
from equipoise.study.forms import Item
from equipoise.study.protocol import Encounter, Product
from equipoise.study.roles import Role
from equipoise.supply import draw_label, exact, tests_after_thaw
from equipoise.web.cells.specifying import item_of, result_of
from equipoise.web.cells.viewing import viewed
from equipoise.web.entry.asking import Answers, Question, ask
from equipoise.web.pages import Visit, page
from equipoise.web.running import cell_unit
from equipoise.web.statuses import status_of
from equipoise.web.texts import say, t, text_of


class Work(Struct, frozen=True):
    """An ordered infusion, what it holds, and how far its preparation has come.

    `stops` are why it will not be given any more: what was made for it is to be destroyed.
    """

    participant: Participant
    encounter: Encounter
    infusion: Infusion
    contents: Text
    product: Product | None = None
    product_id: str = ""
    made: PreparationRecord | None = None
    problems: tuple[Problem, ...] = ()
    stops: tuple[Problem, ...] = ()


@page(roles=(Role.CELL_UNIT,))
@viewed
def work_list(visit: Visit) -> HttpResponse:
    """Every infusion that waits to be prepared, the earliest first, and those handed out.

    One that will not be given any more waits while there is something that was made for it.
    """
    pairs = [(p, i) for p in visit.participants() for i in p.infusions.values()]
    ordered = [_work(visit, p, i) for p, i in pairs if i.status == "ordered"]
    waiting = [w for w in ordered if w.made or not w.stops]
    gone = [(p, i) for p, i in pairs if i.status != "ordered"]
    return visit.show(
        "work_list.html",
        waiting=sorted(waiting, key=lambda w: (w.infusion.on, natural_order(w.participant.code))),
        handed_out=sorted(gone, key=lambda pair: pair[1].on, reverse=True),
        encounters=visit.study.schedule.encounters,
        dose=visit.study.treatments.dose,
    )


@page(roles=(Role.CELL_UNIT,), methods=("GET", "POST"))
@viewed
def prepare(visit: Visit, code: str, encounter: str) -> HttpResponse:
    """The bags of one infusion; posted, those that were chosen are composed into it."""
    work = find_work(visit, code, encounter)
    found = work.problems
    if visit.is_posted and not found:
        found = _compose(visit, code, encounter)
        if not found:
            return visit.go("prepare", code=code, encounter=encounter, done=t("cells.made"))
    state = cell_unit().state
    on = visit.now.date()
    bags: tuple[BagRecord, ...] = ()
    if work.product_id:
        bags = cells.usable_bags(state, product=work.product_id, on=on)
    return visit.show(
        "preparation.html",
        status=status_of(found) if found else 200,
        work=work,
        bags=[b for b in bags if b.status == "thawed"],
        stored=[b for b in bags if b.status == "stored"][:8],
        batches=state.batches,
        tests=tests_after_thaw(work.product) if work.product else (),
        item_of=item_of,
        dose=visit.study.treatments.dose,
        problems=found,
        asks_reason="EQ-B069" in {p.code for p in found},
        is_again=work.made is not None and _is_again(visit, work.made),
        is_second=work.made is not None
        and not is_own(work.made.made, visit.person, people=visit.state.people),
    )


@page(roles=(Role.CELL_UNIT,), methods=("GET", "POST"))
@viewed
def verify(visit: Visit, code: str, encounter: str) -> HttpResponse:
    """The second person gives what they computed from the printed sheet."""
    made = find_made(visit, code, encounter)

    def act(answers: Answers) -> HttpResponse:
        command = {**_by(visit), "label": made.label}
        cells.verify_preparation(
            cell_unit(),
            **command,
            target_cells=int(_number(answers, "target_cells")),
            drawn_ml=_number(answers, "drawn_ml"),
            n_bags=int(_number(answers, "n_bags")),
            reason=str(answers.get("reason", "")),
        )
        return visit.go("prepare", code=code, encounter=encounter, done=t("cells.verified"))

    items = {
        "target_cells": Item(label=text_of("cells.target"), type="integer", range=(1, 10**11)),
        "drawn_ml": Item(label=text_of("cells.drawn"), type="number", unit="mL", decimals=2),
        "n_bags": Item(label=text_of("cells.n_bags"), type="integer", range=(1, 99)),
    }
    if _is_again(visit, made):
        items["reason"] = Item(label=text_of("common.reason"), type="text")
    question = Question(
        title=t("cells.verify_title"),
        button=t("cells.verify_button"),
        lead=t("cells.verify_lead"),
        back=_back(code, encounter),
        items=items,
    )
    return ask(visit, question, act=act)


def _is_again(visit: Visit, made: PreparationRecord) -> bool:
    return cells.is_to_verify_again(cell_unit().state, visit.state, made)


@page(roles=(Role.CELL_UNIT,), methods=("POST",))
def hand_out(visit: Visit, code: str, encounter: str) -> HttpResponse:
    """Record that an infusion was handed out under its label."""
    made = find_made(visit, code, encounter)
    if "is_checked" not in visit.request.POST:
        return visit.refuse([problem("EQ-W027", f"{code} / {encounter}")])
    cells.hand_out(cell_unit(), **_by(visit), label=made.label)
    return visit.go("work_list", done=t("cells.done", label=made.label))


@page(roles=(Role.CELL_UNIT,), methods=("GET", "POST"))
@viewed
def discard(visit: Visit, code: str, encounter: str) -> HttpResponse:
    """Destroy a preparation that will not be given."""
    made = find_made(visit, code, encounter)

    def act(answers: Answers) -> HttpResponse:
        command = {**_by(visit), "reason": str(answers["reason"])}
        cells.discard_preparation(cell_unit(), **command, label=made.label)
        return visit.go("prepare", code=code, encounter=encounter, done=t("cells.discarded"))

    question = Question(
        title=t("cells.discard_title", label=made.label),
        button=t("cells.discard_button"),
        back=_back(code, encounter),
        items={"reason": Item(label=text_of("common.reason"), type="text")},
        is_grave=True,
    )
    return ask(visit, question, act=act)


@page(roles=(Role.CELL_UNIT,), methods=("GET", "POST"))
@viewed
def take_back(visit: Visit, code: str, encounter: str) -> HttpResponse:
    """Record that what was handed out came back: no words, for the blinded side reads it."""
    label = find_work(visit, code, encounter).infusion.label

    def act(_: Answers) -> HttpResponse:
        take_back_infusion(
            visit.trial, **_by(visit), participant=code, encounter=encounter, label=label
        )
        return visit.go("prepare", code=code, encounter=encounter, done=t("cells.taken_back"))

    question = Question(
        title=t("cells.take_back_title", label=label),
        button=t("cells.take_back_button"),
        lead=t("cells.take_back_lead"),
        back=_back(code, encounter),
        items={},
        is_grave=True,
    )
    return ask(visit, question, act=act)


@page(roles=(Role.CELL_UNIT,), methods=("POST",))
def thaw(visit: Visit, code: str, encounter: str) -> HttpResponse:
    """Thaw a bag for an infusion, whatever it holds; what is counted in it comes later.

    The bag is posted: an address that held it beside the participant would tell the arm in a log.
    """
    bag = visit.request.POST.get("bag", "").strip()
    if bag not in cell_unit().state.bags:
        raise Refused([problem("EQ-B024", bag or "-", bag=bag or "-")])
    if stops := find_work(visit, code, encounter).stops:
        raise Refused(stops)

    def act(_: Answers) -> HttpResponse:
        cells.thaw_bag(cell_unit(), **_by(visit), bag=bag)
        return visit.go("prepare", code=code, encounter=encounter, done=t("cells.thawed"))

    question = Question(
        title=t("cells.thaw_title", bag=bag),
        button=t("cells.thaw_button"),
        lead=t("cells.thaw_lead"),
        back=_back(code, encounter),
        items={},
        carried={"bag": bag},
    )
    return ask(visit, question, act=act)


@page(roles=(Role.CELL_UNIT,), methods=("GET", "POST"))
@viewed
def count(visit: Visit, code: str, encounter: str) -> HttpResponse:
    """Record what was counted and tested in a thawed bag, which is named by its scan."""
    product = _counted(visit, find_work(visit, code, encounter).product)
    tests = tests_after_thaw(product)

    def act(answers: Answers) -> HttpResponse:
        counted: dict[str, Any] = {}
        if product.active:
            counted["cells_per_ml"] = float(exact(_number(answers, "millions_per_ml")) * 10**6)
            counted["viability"] = float(exact(_number(answers, "viability")) / 100)
        given = {x.id: answers[f"test.{x.id}"] for x in tests}
        cells.count_bag(
            cell_unit(),
            **_by(visit),
            **counted,
            bag=str(answers["bag"]).strip(),
            results={name: result_of(value) for name, value in given.items() if value is not None},
            reason=str(answers["reason"] or ""),
        )
        return visit.go("prepare", code=code, encounter=encounter, done=t("cells.counted"))

    items = {
        "bag": Item(label=text_of("cells.bag"), type="text"),
        **(_count_items() if product.active else {}),
        **{f"test.{x.id}": replace(item_of(x), required=x.decides) for x in tests},
        "reason": Item(label=text_of("cells.count_reason"), type="text", required=False),
    }
    question = Question(
        title=t("cells.count_title"),
        button=t("cells.count_button"),
        back=_back(code, encounter),
        items=items,
    )
    return ask(visit, question, act=act)


def _counted(visit: Visit, product: Product | None) -> Product:
    """Of what a bag is counted: of what is to be infused; of cells if that has nothing to count, or
    while the vault does not say."""
    if product is not None and (product.active or tests_after_thaw(product)):
        return product
    return max(visit.study.treatments.products.values(), key=lambda p: p.active)


def _count_items() -> dict[str, Item]:
    millions, viability = text_of("cells.millions"), text_of("cells.viability")
    return {
        "millions_per_ml": Item(label=millions, type="number", range=(0.01, 1000), decimals=2),
        "viability": Item(label=viability, type="number", unit="%", range=(1, 100), decimals=1),
    }


def find_work(visit: Visit, code: str, encounter: str) -> Work:
    """An ordered infusion as this page knows it.

    Raises:
        Refused: nothing was ordered.
    """
    subject = visit.participant(code)
    infusion = subject.infusions.get(encounter)
    if infusion is None:
        raise Refused([problem("EQ-C062", f"{code} / {encounter}", encounter=encounter)])
    return _work(visit, subject, infusion)


def _compose(visit: Visit, code: str, encounter: str) -> tuple[Problem, ...]:
    unit = cell_unit()
    people = visit.state.participants.values()
    infusions = (i for p in people for i in p.infusions.values())
    out = {name for i in infusions for name in (i.label, *i.taken_back)}
    label = draw_label(secrets.randbelow, used={*unit.state.preparations, *out})
    try:
        cells.make_preparation(
            unit,
            **_by(visit),
            reason=visit.request.POST.get("reason", "").strip(),
            participant=code,
            encounter=encounter,
            bags=tuple(visit.request.POST.getlist("bag")),
            label=label,
        )
    except Refused as refused:
        return refused.problems
    return ()


def _work(visit: Visit, subject: Participant, infusion: Infusion) -> Work:
    encounter = visit.study.schedule.encounters[infusion.encounter]
    where = at_record(subject.code, infusion.encounter)
    stops = (*check_in_trial(visit.state, subject), *check_treated(subject, where=where))
    try:
        unit = cell_unit()
        made = cells.preparation_for(unit.state, subject.code, infusion.encounter)
        if stops and made is None:  # the vault is not asked about what nobody prepares
            return Work(subject, encounter, infusion, Text("–"), stops=stops)
        name = unit.contents(subject.number, infusion.encounter)
    except Refused as refused:
        found = refused.problems
        return Work(subject, encounter, infusion, Text("–"), problems=found, stops=stops)
    product = visit.study.treatments.products.get(name)
    contents = product.label if product else Text(name)
    return Work(subject, encounter, infusion, contents, product, name, made, stops=stops)


def find_made(visit: Visit, code: str, encounter: str) -> PreparationRecord:
    """The preparation of an infusion.

    Raises:
        Refused: there is none.
    """
    visit.participant(code)
    made = cells.preparation_for(cell_unit().state, code, encounter)
    if made is None:
        raise Refused([problem("EQ-B040", f"{code} / {encounter}", label="-")])
    return made


def _by(visit: Visit) -> dict[str, Any]:
    return {"by": visit.person.person, "at": visit.now}


def _back(code: str, encounter: str) -> str:
    return reverse("prepare", kwargs={"code": code, "encounter": encounter})


def _number(answers: Answers, name: str) -> float:
    value = answers[name]
    assert isinstance(value, int | float)
    return value


def words_of(visit: Visit, made: PreparationRecord) -> str:
    """The visit of a preparation, in the reader's words."""
    return say(visit.study.schedule.encounters[made.encounter].label)

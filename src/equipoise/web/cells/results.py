"""Results of a batch: entered, confirmed where they block it, and a block lifted by two people."""

from django.http import HttpResponse
from django.urls import reverse

from equipoise.conduct import cells
from equipoise.conduct.cells import BatchRecord
from equipoise.problems import Problem, Refused, problem
from equipoise.study.forms import Item
from equipoise.study.protocol import ReleaseTest
from equipoise.study.roles import Role
from equipoise.supply import names_of, tests_at
from equipoise.web import saying
from equipoise.web.cells.specifying import item_of, limit_of, result_of
from equipoise.web.cells.stock import find_batch
from equipoise.web.entry.asking import ANSWERED, Answers, Question, ask, date_of
from equipoise.web.pages import Visit, page
from equipoise.web.running import cell_unit
from equipoise.web.texts import say, t, text_of

UNIT = (Role.CELL_UNIT,)


@page(roles=UNIT, methods=("GET", "POST"))
def result(visit: Visit, batch: str, test: str) -> HttpResponse:
    """Record a result; one that blocks the batch is asked once more before it is recorded."""
    asked = _find_test(visit, find_batch(batch), test)

    def act(answers: Answers) -> HttpResponse:
        try:
            cells.record_result(
                cell_unit(),
                by=visit.person.person,
                at=visit.now,
                reason=str(answers["reason"] or ""),
                batch=batch,
                test=test,
                result=result_of(answers["result"]),
                on=date_of(answers, "on"),
                is_confirmed=ANSWERED in visit.request.POST,
            )
        except Refused as refused:
            if {p.code for p in refused.problems} != {"EQ-B087"}:
                raise
            return ask(visit, _confirmation(visit, asked, answers, refused.problems[0]), act=act)
        return visit.go("batch", batch=batch, done=t("stock.result_done", test=say(asked.label)))

    items = {
        "result": item_of(asked),
        "on": Item(label=text_of("stock.result_on"), type="date"),
        "reason": _reason(is_required=False),
    }
    question = Question(
        title=t("stock.result_title", test=say(asked.label), limit=limit_of(asked)),
        button=t("stock.result_button"),
        back=_back(batch),
        items=items,
    )
    return ask(visit, question, act=act, known={"on": visit.today.isoformat()})


@page(roles=UNIT, methods=("GET", "POST"))
def lift(visit: Visit, batch: str) -> HttpResponse:
    """Agree that what blocked a batch was entered wrongly; who corrected it cannot."""
    record = find_batch(batch)

    def act(answers: Answers) -> HttpResponse:
        reason = str(answers["reason"])
        by = visit.person.person
        cells.lift_block(cell_unit(), by=by, at=visit.now, reason=reason, batch=batch)
        return visit.go("batch", batch=batch, done=t("stock.lifted", batch=batch))

    question = Question(
        title=t("stock.lift_title", batch=batch),
        button=t("stock.lift_button"),
        lead=t("stock.lift_lead"),
        back=_back(batch),
        facts=tuple(_corrections(visit, record)),
        items={"reason": _reason()},
        is_grave=True,
    )
    return ask(visit, question, act=act)


def _confirmation(visit: Visit, asked: ReleaseTest, answers: Answers, because: Problem) -> Question:
    """The question whether this stands in the laboratory's report; it carries what was typed."""
    posted = visit.request.POST
    parts = ("result", "on.day", "on.month", "on.year", "reason")
    batch = str(because.values["batch"])
    return Question(
        title=t("stock.confirm_title", batch=batch),
        button=t("stock.confirm_button"),
        lead=f"{saying.message(because)} {saying.hint(because)}",
        back=_back(batch),
        facts=(
            (say(asked.label), saying.value_of(item_of(asked), answers["result"])),
            (t("stock.limit"), limit_of(asked)),
            (t("stock.result_on"), saying.day(date_of(answers, "on"))),
        ),
        items={},
        is_grave=True,
        carried={part: posted.get(part, "") for part in parts},
    )


def _corrections(visit: Visit, record: BatchRecord) -> list[tuple[str, str]]:
    """Each test that blocks a batch, with the result in force, who entered it, and why."""
    tests = {t.id: t for t in visit.study.treatments.products[record.product].specification}
    found = []
    for test in (tests[name] for name in record.blocked_for if name in tests):
        stamp = record.recorded[test.id]
        value = saying.value_of(item_of(test), record.results[test.id])
        by = f"{visit.name_of(stamp.by)}, {saying.instant(stamp.at)}"
        found.append((say(test.label), " · ".join(x for x in (value, by, stamp.reason) if x)))
    return found


def _find_test(visit: Visit, record: BatchRecord, name: str) -> ReleaseTest:
    tests = tests_at(visit.study.treatments.products[record.product], "release")
    found = next((x for x in tests if x.id == name), None)
    if found is None:
        known = names_of(tests, [x.id for x in tests])
        raise Refused([problem("EQ-B027", record.batch, test=name, known=known)])
    return found


def _reason(*, is_required: bool = True) -> Item:
    label, help_text = text_of("common.reason"), text_of("common.reason_help")
    return Item(label=label, type="text", help=help_text, required=is_required)


def _back(batch: str) -> str:
    return reverse("batch", kwargs={"batch": batch})

"""Labels and sheets on paper, with bar codes: made from what the reader may see, in PDF.

The label has no argument that could tell what the bag holds: it is the same paper for every arm.
The sheet is for the second person: all that goes into the computation, and empty boxes for it.
"""

from collections.abc import Iterable

from django.http import HttpResponse
from msgspec import Struct
from reportlab.graphics.barcode.code128 import Code128
from reportlab.graphics.barcode.qr import QrCode
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from equipoise.conduct.cells import PreparationRecord
from equipoise.exchange.paper import blank_paper, write_words
from equipoise.study.roles import Role
from equipoise.supply import symbol_of
from equipoise.web import saying
from equipoise.web.cells.preparing import find_made, words_of
from equipoise.web.cells.viewing import viewed
from equipoise.web.pages import Visit, page
from equipoise.web.running import cell_unit
from equipoise.web.texts import t

LABEL_SIZE = (100 * mm, 70 * mm)
UNIT = (Role.CELL_UNIT,)


class Label(Struct, frozen=True):
    """What stands on a bag of any arm."""

    study: str
    label: str
    participant: str
    encounter: str
    volume_ml: float
    within_minutes: int
    is_rehearsal: bool


@page(roles=UNIT)
@viewed
def label_pdf(visit: Visit, code: str, encounter: str) -> HttpResponse:
    """The label of a preparation."""
    made = find_made(visit, code, encounter)
    printed = print_label(
        Label(
            study=visit.study.identity.identifiers.get("sponsor", visit.study.identity.study),
            label=made.label,
            participant=code,
            encounter=words_of(visit, made),
            volume_ml=made.volume_ml,
            within_minutes=visit.study.treatments.bedside.give_within_minutes,
            is_rehearsal=visit.trial.realm == "rehearsal",
        )
    )
    return _answer(printed, f"label-{made.label}.pdf")


@page(roles=UNIT)
@viewed
def sheet_pdf(visit: Visit, code: str, encounter: str) -> HttpResponse:
    """The sheet from which the second person computes."""
    made = find_made(visit, code, encounter)
    return _answer(print_sheet(visit, made), f"sheet-{made.label}.pdf")


def print_label(label: Label) -> bytes:
    """A label of 100 by 70 mm, with its number as Code 128 and number and participant as a
    two-dimensional symbol."""
    paper, canvas = blank_paper(LABEL_SIZE, f"{label.label}")
    left, top = 6 * mm, LABEL_SIZE[1]
    write_words(canvas, label.study, at=(left, top - 8 * mm), size=10, is_bold=True)
    write_words(canvas, t("label.use"), at=(left, top - 13 * mm), size=7)
    write_words(canvas, label.label, at=(left, top - 22 * mm), size=20, is_bold=True)
    Code128(label.label, barHeight=12 * mm, barWidth=0.45 * mm, quiet=False).drawOn(
        canvas, left, top - 37 * mm
    )
    symbol = QrCode(symbol_of(label.label, label.participant), width=26 * mm, height=26 * mm)
    symbol.drawOn(canvas, LABEL_SIZE[0] - 31 * mm, top - 42 * mm)
    within = t("label.within", minutes=label.within_minutes) if label.within_minutes else "–"
    facts = (
        (t("label.participant"), label.participant),
        (t("label.visit"), label.encounter),
        (t("label.volume"), f"{saying.number(label.volume_ml)} mL"),
        (t("label.until"), within),
    )
    for i, (name, value) in enumerate(facts):
        height = top - (44 + 5 * i) * mm
        write_words(canvas, name, at=(left, height), size=8)
        write_words(canvas, value, at=(left + 32 * mm, height), size=9, is_bold=True)
    if label.is_rehearsal:
        write_words(canvas, t("label.rehearsal"), at=(left, 4 * mm), size=8, is_bold=True)
    canvas.save()
    return paper.getvalue()


def print_sheet(visit: Visit, made: PreparationRecord) -> bytes:
    """All that goes into the computation of one infusion, and boxes for what comes out of it."""
    paper, canvas = blank_paper(A4, made.label)
    left, height = 20 * mm, A4[1] - 25 * mm
    write_words(canvas, t("sheet.title"), at=(left, height), size=16, is_bold=True)
    if visit.trial.realm == "rehearsal":
        write_words(canvas, t("label.rehearsal"), at=(left, height - 6 * mm), size=9, is_bold=True)
    Code128(made.label, barHeight=10 * mm, barWidth=0.4 * mm, quiet=False).drawOn(
        canvas, 130 * mm, height - 3 * mm
    )
    height -= 16 * mm
    height = _table(canvas, _inputs(visit, made), at=(left, height))
    write_words(canvas, t("sheet.bags"), at=(left, height - 4 * mm), size=12, is_bold=True)
    height = _table(canvas, _bags(visit, made), at=(left, height - 12 * mm))
    for line in _formula(visit):
        write_words(canvas, line, at=(left, height - 2 * mm), size=8)
        height -= 4 * mm
    write_words(canvas, t("sheet.second"), at=(left, height - 8 * mm), size=12, is_bold=True)
    height -= 20 * mm
    for name in ("cells.target", "cells.drawn", "cells.n_bags", "sheet.signed"):
        write_words(canvas, t(name), at=(left, height), size=10)
        canvas.rect(left + 85 * mm, height - 3 * mm, 70 * mm, 9 * mm)
        height -= 13 * mm
    canvas.save()
    return paper.getvalue()


def _inputs(visit: Visit, made: PreparationRecord) -> list[tuple[str, str]]:
    infusion = visit.participant(made.participant).infusions[made.encounter]
    dose = visit.study.treatments.dose
    assert dose is not None
    cap = "–" if dose.capped_at_kg is None else f"{saying.number(dose.capped_at_kg)} kg"
    step = saying.number(dose.weight_step_kg) if dose.weight_step_kg else "–"
    return [
        (t("cells.label"), made.label),
        (t("label.participant"), made.participant),
        (t("label.visit"), words_of(visit, made)),
        (t("cells.on"), saying.day(infusion.on)),
        (t("order.weight"), f"{saying.number(infusion.weight_kg)} kg"),
        (t("sheet.per_kg"), f"{saying.number(int(dose.per_kg))} ({t('sheet.' + dose.counts)})"),
        (t("sheet.weight_step"), f"{step} kg"),
        (t("sheet.cap"), cap),
        (t("sheet.volume_step"), f"{saying.number(dose.volume_step_ml)} mL"),
        (t("sheet.rounding"), t(f"sheet.{dose.rounding}")),
        (t("sheet.final"), f"{saying.number(made.volume_ml)} mL"),
    ]


def _formula(visit: Visit) -> list[str]:
    """The computation in words, with the cells that this study's dose counts."""
    dose = visit.study.treatments.dose
    assert dose is not None
    names = ("formula", f"formula_{dose.counts}", "formula_bags")
    return [t(f"sheet.{name}") for name in names]


def _bags(visit: Visit, made: PreparationRecord) -> list[tuple[str, str]]:
    """Each bag with what the computation reads of it; a placebo counts as the nominal bag."""
    state, nominal = cell_unit().state, visit.study.treatments.bag
    assert nominal is not None
    rows = []
    for name, _ in made.draws:
        bag = state.bags[name]
        per_ml = nominal.cells_per_ml if bag.cells_per_ml is None else bag.cells_per_ml
        viability = nominal.viability if bag.viability is None else bag.viability
        held = f"{saying.number(bag.volume_ml)} mL, {saying.number(round(per_ml))} /mL"
        counted = f"{held}, {saying.number(round(viability * 100, 2))} %"
        rows.append((name, counted if bag.cells_per_ml else f"{counted} ({t('sheet.nominal')})"))
    return rows


def _table(canvas: Canvas, rows: Iterable[tuple[str, str]], *, at: tuple[float, float]) -> float:
    left, height = at
    for name, value in rows:
        write_words(canvas, name, at=(left, height), size=10)
        write_words(canvas, value, at=(left + 85 * mm, height), size=10, is_bold=True)
        height -= 6.5 * mm
    return height


def _answer(printed: bytes, name: str) -> HttpResponse:
    shown = {"Content-Disposition": f'inline; filename="{name}"'}
    return HttpResponse(printed, content_type="application/pdf", headers=shown)

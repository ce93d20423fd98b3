"""Stock, release, traces and paper behind the sealed door."""

import datetime as dt
from contextlib import closing
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from django.test import Client
from django.test.utils import override_settings
from django.utils import translation
from msgspec.structs import replace

from equipoise.conduct import RunningTrial, cells, give_infusion, open_trial
from equipoise.conduct.cells import CellUnit
from equipoise.ledger import MemoryStore, SqliteStore, open_store
from equipoise.problems import Refused
from equipoise.study.roles import Role
from equipoise.web.cells.printing import Label, print_label
from equipoise.web.running import cell_unit, use_cells, use_trial

from . import course
from .conftest import PEOPLE, SECOND, SignIn, at_door, name_of, said
from .reading import Reading, read


@pytest.fixture
def desk(sign_in: SignIn, unit: CellUnit) -> Client:
    return sign_in(Role.CELL_UNIT, door="sealed")


def post(desk: Client, address: str, **posted: object) -> Reading:
    return read(desk.post(address, posted, follow=True))


SHIPMENT = {
    "product": "cells",
    "batch": "L7",
    "shipment": "S7",
    "donors": "D7",
    "bags": "L7-1 L7-2, L7-3",
    "missing": "L7-4",
    "declared": "4",
    "volume": "10",
    "millions": "10",
    "is_intact": "yes",
}


def received(desk: Client) -> Reading:
    post(desk, "/stock/donor/", donor="D7", donation="0000000000007")
    on = course.day("expires_on", course.TODAY + dt.timedelta(days=300))
    return post(desk, "/stock/receive/", **SHIPMENT, **on)


@pytest.mark.requirement("C73", "C74")
def test_a_shipment_is_received_tested_and_released(desk: Client, unit: CellUnit) -> None:
    """Donor, batch, bags that came and one that did not, results, release; nothing is lost."""
    assert said("stock.none") in read(desk.get("/stock/")).text
    page = received(desk)
    assert said("stock.received", batch="L7") in page.text
    assert said("batch.quarantine") in page.text and said("bag.missing") in page.text
    assert post(desk, "/stock/L7/release/").codes == {"EQ-B031"}

    today = course.day("on")
    for test, result in (
        ("cd73", "97"), ("cd90", "98,5"), ("cd105", "96"), ("negative-markers", "0.5"),
        ("mycoplasma", "negative"), ("endotoxin", "0.1"),
    ):  # fmt: skip
        page = post(desk, f"/stock/L7/result/{test}/", result=result, **today)
    assert "98.5" in page.text
    assert post(desk, "/stock/L7/release/").codes == {"EQ-B033"}
    page = post(desk, "/stock/L7/release/", reason="Cultures are awaited")
    assert said("batch.conditional") in page.text

    page = read(desk.get("/stock/"))
    row = next(e for e in page.all("tr") if "L7" in e.text)
    counts = [e.text for e in page.all("td") if row in e.within][-7:]
    assert counts == ["4", "3", "0", "0", "0", "0", "1"]
    assert unit.state.batches["L7"].results["cd90"] == 98.5


@pytest.mark.parametrize(
    "case",
    [
        ("/stock/donor/", {"donor": "D1", "donation": "5"}, "EQ-B021"),
        ("/stock/L9/", None, "EQ-B023"),
        ("/stock/L9/result/cd73/", None, "EQ-B023"),
        ("/stock/L1/result/ph/", None, "EQ-B027"),
        ("/stock/L1/block/", {"reason": ""}, "EQ-W001"),
        ("/stock/L1/tell/", {"participant": "01-001", "told": "A physician"}, "EQ-C003"),
        ("/stock/L1/bags/L1-1/", {"what": "time_out", "reason": "x"}, "EQ-B047"),
        (
            "/stock/L1/bags/L1-1/",
            {"what": "time_out", "minutes": "-3", "reason": "x"},
            "EQ-F003",
        ),
        ("/stock/L1/bags/L1-9/", {"what": "destroyed", "reason": "x"}, "EQ-B024"),
    ],
)
def test_what_the_pages_refuse(
    desk: Client, unit: CellUnit, case: tuple[str, dict[str, str] | None, str]
) -> None:
    address, posted, code = case
    course.stocked(unit)
    response = desk.get(address) if posted is None else desk.post(address, posted)

    assert code in read(response).codes


def test_bags_and_batches_are_listed_by_their_numbers(desk: Client) -> None:
    post(desk, "/stock/donor/", donor="D7", donation="0000000000007")
    on = course.day("expires_on", course.TODAY + dt.timedelta(days=300))
    for batch in ("L10", "L9"):
        bags = {"batch": batch, "bags": f"{batch}-10 {batch}-2 {batch}-1", "missing": f"{batch}-3"}
        page = post(desk, "/stock/receive/", **SHIPMENT | bags, **on)
    names = [e.text for e in page.all("th") if e.text.startswith("L9-")]
    assert names == ["L9-1", "L9-2", "L9-3", "L9-10"]
    stock = read(desk.get("/stock/"))
    assert [e.text for e in stock.all("th") if e.text in ("L9", "L10")] == ["L9", "L10"]


def test_a_bag_is_out_for_a_while_destroyed_or_returned(desk: Client, unit: CellUnit) -> None:
    course.stocked(unit)
    for bag, what in (("L1-1", "time_out"), ("L1-2", "destroyed"), ("L1-3", "returned")):
        posted = {"what": what, "minutes": "7" if what == "time_out" else "", "reason": "Inventory"}
        page = post(desk, f"/stock/L1/bags/{bag}/", **posted)
        assert said("stock.bag_done") in page.text
    bags = unit.state.bags

    assert bags["L1-1"].minutes_out == 7
    assert [bags[b].status for b in ("L1-2", "L1-3")] == ["destroyed", "returned"]


def given(trial: RunningTrial, unit: CellUnit) -> tuple[str, str]:
    """Somebody infused from real bags: their code, and the batch."""
    code = course.ordered(trial)
    label = course.composed(unit, code, verified_by=name_of(Role.CELL_UNIT))
    cells.hand_out(unit, by=SECOND, at=course.now(), label=label)
    infusion = trial.state.participants[code].infusions["M0"]
    over = course.now()
    give_infusion(
        trial,
        by=course.COORDINATOR,
        at=over,
        reason="From paper",
        participant=code,
        encounter="M0",
        on=infusion.on,
        label=label,
        volume_ml=50.0,
        scanned=code,
        started_at=trial.state.participants[code].randomized_at,
        stopped_at=over,
        checked_by=course.INVESTIGATOR,
    )
    return code, unit.state.bags[unit.state.preparations[label].draws[0][0]].batch


@pytest.mark.requirement("C74")
def test_the_way_is_traced_both_ways_and_a_recall_names_who_received(
    trial: RunningTrial, desk: Client, unit: CellUnit
) -> None:
    """From participant to batch, from batch to participant, from donor too; then a recall."""
    course.stocked(unit)
    code, batch = given(trial, unit)
    page = read(desk.get(f"/trace/?q={code}"))
    assert f"{batch}-1" in page.text and f"{batch}-2" in page.text
    assert code in read(desk.get(f"/trace/?q={batch}")).text
    reached = read(desk.get("/trace/?q=D1"))
    assert (code in reached.one("main").text) is (batch == "L1")
    unknown = desk.get("/trace/?q=D9")
    assert (unknown.status_code, read(unknown).codes) == (404, {"EQ-B070"})

    page = post(desk, f"/stock/{batch}/block/", reason="Growth reported by the maker")
    assert said("stock.exposed_lead") in page.text and code in page.text
    asked = post(desk, f"/stock/{batch}/tell/", participant=code)
    assert said("stock.tell_title", participant=code, batch=batch) in asked.text
    told = {"participant": code, "is_answered": "yes"}
    page = post(desk, f"/stock/{batch}/tell/", told="Physician of site 01, by telephone", **told)
    assert said("stock.told_done") in page.text
    assert "Physician of site 01" in page.text


@pytest.mark.requirement("F22", "F23")
def test_the_unit_declares_one_number(trial: RunningTrial, desk: Client, unit: CellUnit) -> None:
    """30 bags of each: six people at five bags and two infusions would need 60."""
    course.stocked(unit, n=30)
    page = read(desk.get("/stock/"))
    assert said("stock.places", places=3, randomized=0) in page.text
    post(desk, "/stock/declare/")

    assert trial.state.supply is not None and trial.state.supply[0] == 3


@pytest.mark.requirement("F22", "F23")
def test_what_is_declared_lasts_until_the_last_day_declared(
    trial: RunningTrial, desk: Client, unit: CellUnit
) -> None:
    """M3 is by day 105; who is randomized in 30 days needs bags that last 135 days."""
    course.stocked(unit, n=30, lasts=134)
    assert said("stock.places", places=0, randomized=0) in read(desk.get("/stock/")).text
    post(desk, "/stock/declare/")

    assert trial.state.supply is not None and trial.state.supply[0] == 0


def picture(pdf: bytes) -> object:
    with pypdfium2.PdfDocument(pdf) as document:
        return document[0].render(scale=4).to_pil()


def words_in(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as document:
        return " ".join(page.get_textpage().get_text_range() for page in document)


LABEL = Label("APHP211026", "48213377", "01-004", "M0, première perfusion", 50.0, 120, True)


@pytest.mark.requirement("F21", "F24")
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_scanner_reads_the_label(language: str) -> None:
    """Another's program reads both symbols from the picture of the page: label, participant."""
    with translation.override(language):
        printed = print_label(LABEL)
    found = {str(b.format): b.text for b in zxingcpp.read_barcodes(picture(printed))}

    assert found == {"Code 128": "48213377", "QR Code": "48213377 01-004"}
    assert said("label.use", language=language) in words_in(printed)
    assert said("label.rehearsal", language=language) in words_in(printed)


@pytest.mark.requirement("F21", "F27")
def test_labels_differ_by_their_number_alone(
    trial: RunningTrial, desk: Client, unit: CellUnit
) -> None:
    """One person gets cells and another placebo, on one day: the same paper but for who and what
    number; no batch, bag, donor or product on it."""
    course.stocked(unit)
    papers = {}
    for _ in range(6):
        code = course.ordered(trial)
        product = unit.contents(trial.state.participants[code].number, "M0")
        if product not in papers:
            label = course.composed(unit, code)
            response = desk.get(f"/work-list/{code}/M0/label.pdf")
            assert response.headers["Content-Type"] == "application/pdf"
            text = words_in(response.content).replace(label, "LABEL").replace(code, "CODE")
            papers[product] = text
    assert len(papers) == 2 and len(set(papers.values())) == 1
    assert "120 min" in papers[product]
    assert not any(word in str(papers) for word in ("L1", "P1", "D1", "MSC"))


@pytest.mark.requirement("C41")
def test_a_count_is_kept_as_the_decimal_that_was_typed(
    trial: RunningTrial, desk: Client, unit: CellUnit
) -> None:
    """8.03 million and 56.7 %: the products of binary numbers would be other ones."""
    course.stocked(unit)
    code = course.ordered(trial)
    desk.post(f"/work-list/{code}/M0/thaw/", {"bag": "L1-1", "is_answered": "yes"})
    counted = {"bag": " L1-1", "millions_per_ml": "8.03", "viability": "56,7"}
    page = post(desk, f"/work-list/{code}/M0/count/", **counted)

    assert said("cells.counted") in page.text
    bag = unit.state.bags["L1-1"]
    assert (bag.cells_per_ml, bag.viability) == (8_030_000, 0.567)
    assert 8.03 * 1e6 != 8_030_000
    page = post(desk, f"/work-list/{code}/M0/count/", **counted)
    assert page.codes == {"EQ-B028"}


@pytest.mark.requirement("C41", "F25")
def test_the_sheet_has_what_goes_in_and_not_what_comes_out(
    trial: RunningTrial, desk: Client, unit: CellUnit
) -> None:
    course.stocked(unit)
    code = course.ordered(trial)
    label = course.composed(unit, code)
    response = desk.get(f"/work-list/{code}/M0/sheet.pdf")
    text = words_in(response.content)

    for fact in (label, code, "70 kg", "2 000 000", "10 000 000 /mL", "85 %", "50 mL"):
        assert fact in text
    for result in ("140", "16.5", "6.5 mL", "33.5"):
        assert result not in text
    codes = zxingcpp.read_barcodes(picture(response.content))
    assert [b.text for b in codes] == [label]


@pytest.mark.requirement("C41", "F25")
@pytest.mark.parametrize(
    "rule",
    [("viable", "half_even", "en"), ("total", "half_up", "fr"), ("total", "up", "en"),
     ("viable", "down", "fr")],
)  # fmt: skip
def test_the_sheet_says_how_this_study_counts_and_rounds(
    unit: CellUnit, desk: Client, trial: RunningTrial, rule: tuple[str, str, str]
) -> None:
    """Each sheet has its own rules alone; with another one the second person has other mL."""
    counts, rounding, language = rule
    desk.cookies["django_language"] = language
    study = unit.trial.study
    assert study.treatments.dose is not None
    dose = replace(study.treatments.dose, counts=counts, rounding=rounding)
    unit.trial.study = replace(study, treatments=replace(study.treatments, dose=dose))
    course.stocked(unit)
    code = course.ordered(trial)
    course.composed(unit, code)
    text = words_in(desk.get(f"/work-list/{code}/M0/sheet.pdf").content)

    rules = ("half_even", "half_up", "up", "down")
    shown = {r for r in rules if said(f"sheet.{r}", language=language) in text}
    assert shown == {rounding}
    formulas = ("viable", "total")
    shown = {c for c in formulas if said(f"sheet.formula_{c}", language=language) in text}
    assert shown == {counts}
    assert said("sheet.formula", language=language) in text


@pytest.mark.requirement("C65")
def test_only_the_sealed_process_opens_the_record(
    trial: RunningTrial, unit: CellUnit, tmp_path: Path
) -> None:
    """Not the site's, not without a file, and not the record of another trial."""

    def opened(door: str, place: str) -> list[str]:
        with at_door(door, CELLS=place):
            use_cells(None)
            use_trial(unit.trial)
            try:
                cell_unit()
            except Refused as refused:
                return [p.code for p in refused.problems]
            finally:
                use_trial(None)
                use_cells(None)
        return []

    stores: dict[str, SqliteStore] = {
        name: open_store(tmp_path / name, study=study, realm="rehearsal", create=True)
        for name, study in (("own.db", trial.store.study), ("other.db", "another"))
    }
    for store in stores.values():
        store.close()
    assert opened("site", str(tmp_path / "own.db")) == ["EQ-W060"]
    assert opened("sealed", "") == ["EQ-W060"]
    assert opened("sealed", str(tmp_path / "other.db")) == ["EQ-W061"]
    assert opened("sealed", str(tmp_path / "own.db")) == []
    with override_settings(STORE=str(tmp_path / "own.db")):
        assert opened("sealed", str(tmp_path / "x" / ".." / "own.db")) == ["EQ-B067"]
    with closing(open_store(tmp_path / "own.db")) as own:
        open_trial(RunningTrial(trial.study, own), at=course.now(), people=PEOPLE)
    assert opened("sealed", str(tmp_path / "own.db")) == ["EQ-B066"]
    assert isinstance(trial.store, MemoryStore)


@pytest.mark.requirement("C74")
def test_after_a_restore_the_page_asks_for_the_second_computation_with_a_reason(
    trial: RunningTrial, desk: Client, unit: CellUnit
) -> None:
    """No bag is thawed anew: who did not prepare computes again, and hands out."""
    course.stocked(unit)
    waiting, other = course.ordered(trial), course.ordered(trial)
    by = {"verified_by": name_of(Role.CELL_UNIT), "reason": ""}
    label = course.composed(unit, waiting, **by)
    before = list(unit.store.read())
    gone = course.composed(unit, other, **by)
    cells.hand_out(unit, by=SECOND, at=course.now(), label=gone)
    page = f"/work-list/{waiting}/M0/"
    assert said("cells.again") not in read(desk.get(page)).text

    older = MemoryStore(trial.store.study, "rehearsal")
    older.restore(before)
    use_cells(restored := CellUnit(unit.trial, older, unit.contents))
    assert said("cells.again") in read(desk.get(page)).text
    assert post(desk, page + "hand-out/", is_checked="yes").codes == {"EQ-B069"}
    made = restored.state.preparations[label]
    same = {"target_cells": made.target_cells, "drawn_ml": made.drawn_ml, "n_bags": len(made.draws)}
    assert post(desk, page + "verify/", **same).codes == {"EQ-W001"}
    done = post(desk, page + "verify/", **same, reason="No newer copy")
    assert said("cells.verified") in done.text
    post(desk, page + "hand-out/", is_checked="yes")
    assert trial.state.participants[waiting].infusions["M0"].label == label

"""Results of a batch at the pages: choices in both languages, a confirmation, a block lifted."""

import pytest
from django.test import Client
from msgspec.structs import replace

from equipoise.conduct import RunningTrial
from equipoise.conduct.cells import CellUnit
from equipoise.problems import Text
from equipoise.study.protocol import ReleaseTest
from equipoise.study.roles import Role

from . import course
from .conftest import SECOND, SignIn, said
from .reading import Reading, read
from .test_cell_pages import post

STERILITY = "/stock/L1/result/sterility/"


@pytest.fixture
def desk(sign_in: SignIn, unit: CellUnit) -> Client:
    course.stocked(unit)
    client = sign_in(Role.CELL_UNIT, door="sealed")
    client.cookies["django_language"] = "fr"
    return client


def links(page: Reading) -> set[str]:
    return {e.get("href") for e in page.all("a")}


def growth(desk: Client, answer: str = "growth", **more: str) -> Reading:
    return post(desk, STERILITY, result=answer, reason="Jour 14", **course.day("on"), **more)


@pytest.mark.requirement("C73")
def test_a_french_page_says_methods_limits_choices_and_states_in_french(desk: Client) -> None:
    """What the study folder says is said in its French; numbers have a decimal comma."""
    page = read(desk.get("/stock/L1/"))
    for words in ("culture pendant 14 jours", "cytométrie en flux", "≤ 0,5 EU/mL"):
        assert words in page.text
    row = next(e for e in page.all("tr") if "Stérilité" in e.text)
    assert [e.text for e in page.all("td") if row in e.within][1:3] == ["Absence de croissance"] * 2
    for english in ("growth", "culture for", "flow", "0.5", "negative"):
        assert english not in page.text

    asked = read(desk.get(STERILITY))
    assert "Absence de croissance" in asked.one("h1").text
    answers = {e.get("value") for e in asked.all("input", name="result")}
    assert answers == {"no-growth", "growth"}
    assert "growth" not in asked.one("main").text.lower()


def test_what_is_none_of_the_choices_is_not_a_result(desk: Client, unit: CellUnit) -> None:
    """Words that mean the same in one's own language are not guessed at."""
    assert growth(desk, "absence de croissance").codes == {"EQ-W008"}
    assert unit.state.batches["L1"].results["sterility"] == "no-growth"


@pytest.mark.requirement("C73")
def test_a_result_that_blocks_is_recorded_once_it_is_confirmed(
    desk: Client, unit: CellUnit
) -> None:
    before = len(list(unit.store.read()))
    page = growth(desk)
    assert said("stock.confirm_title", language="fr", batch="L1") in page.one("h1").text
    assert "Croissance" in page.text and "retire 0 des places" in page.text
    assert len(list(unit.store.read())) == before

    carried = {e.get("name"): e.get("value") for e in page.all("input", type="hidden")}
    assert carried["result"] == "growth" and carried["is_answered"] == "yes"
    page = growth(desk, is_answered="yes")
    assert unit.state.batches["L1"].status == "blocked"
    assert said("batch.blocked", language="fr") in page.text
    refused = post(desk, "/stock/L1/release/", reason="x")
    assert refused.codes == {"EQ-B032"}
    assert "« Bloqué »" in refused.text and "blocked" not in refused.one("main").text


@pytest.mark.requirement("C73")
def test_a_block_is_lifted_by_somebody_else_than_who_corrected(
    desk: Client, unit: CellUnit, sign_in: SignIn
) -> None:
    growth(desk, is_answered="yes")
    assert "/stock/L1/lift/" not in links(read(desk.get("/stock/L1/")))
    page = growth(desk, "no-growth")
    assert "/stock/L1/lift/" in links(page)
    assert post(desk, "/stock/L1/lift/", reason="Comparé").codes == {"EQ-B089"}

    second = sign_in(SECOND, door="sealed")
    asked = read(second.get("/stock/L1/lift/"))
    assert "No growth" in asked.text and "Jour 14" in asked.text
    assert post(second, "/stock/L1/lift/").codes == {"EQ-W001"}
    page = post(second, "/stock/L1/lift/", reason="As in the report")
    assert said("stock.lifted", batch="L1") in page.text
    assert said("stock.blocks") in page.text and "As in the report" in page.text
    assert unit.state.batches["L1"].status == "quarantine"
    post(second, "/stock/L1/release/")
    assert unit.state.batches["L1"].status == "released"


@pytest.mark.requirement("C41", "C73")
def test_the_count_asks_for_every_test_after_thawing(
    desk: Client, unit: CellUnit, trial: RunningTrial
) -> None:
    """Of cells beside the count and the viability, of placebo alone; what is for information may
    be left out. Each can then be composed."""
    looks = {"clear": Text("Clear", "Limpide"), "cloudy": Text("Cloudy", "Trouble")}
    label = Text("Appearance", "Aspect")
    aspect = ReleaseTest(id="aspect", label=label, choices=looks, equals="clear", at="thaw")
    ph = ReleaseTest(id="ph", label=Text("pH", "pH"), at_least=7, at="thaw", decides=False)
    treatments = trial.study.treatments
    products = {
        name: replace(p, specification=(*p.specification, aspect, ph))
        for name, p in treatments.products.items()
    }
    unit.trial.study = replace(trial.study, treatments=replace(treatments, products=products))
    seen = set()
    while len(seen) < 2:
        code = course.ordered(trial)
        product = unit.contents(trial.state.participants[code].number, "M0")
        if product in seen:
            continue
        seen.add(product)
        work, letter = f"/work-list/{code}/M0/", {"cells": "L", "placebo": "P"}[product]
        for bag in (f"{letter}1-1", f"{letter}1-2"):
            page = post(desk, work + "thaw/", bag=bag, is_answered="yes")
            assert work + "count/" in links(page)
            asked = read(desk.get(work + "count/"))
            names = {e.get("name") for e in asked.all("input")} - {"next", "csrfmiddlewaretoken"}
            counted = {"millions_per_ml": "10", "viability": "85"} if letter == "L" else {}
            assert names == {"bag", "test.aspect", "test.ph", "reason", *counted}
            assert "Limpide" in asked.text and "Clear" not in asked.text
            page = post(desk, work + "count/", bag=bag, **counted)
            assert page.codes == {"EQ-W001"}
            page = post(desk, work + "count/", bag=bag, **counted, **{"test.aspect": "clear"})
            assert said("cells.counted", language="fr") in page.text
            assert "Limpide" in page.text
            assert unit.state.bags[bag].results == {"aspect": "clear"}
        page = post(desk, work, bag=[f"{letter}1-1", f"{letter}1-2"])
        assert said("cells.made", language="fr") in page.text

"""The funnel as a page, in a real browser that has no network."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from equipoise.problems import Language, Text
from equipoise.screening.funnel import CriterionCount, Funnel, Step
from equipoise.screening.plot import write_plot
from equipoise.study.criteria import Criterion
from tests.unit.eligibility.small_study import study

from .test_browser import FLAGS

STUDY = study(
    (
        Criterion(number="1", is_="hb >= 11 g/dL", text=Text(en="Not <anemic>", fr="Pas d'anémie")),
        Criterion(number="2", is_="crp > 5 mg/L", text=Text(en="Inflamed", fr="Inflammation")),
    ),
    (Criterion(number="1", is_="sex = male", text=Text(en="A man", fr="Un homme")),),
)
FUNNEL = Funnel(
    people=1000,
    eligible=430,
    not_eligible=500,
    undecided=70,
    potential=0,
    criteria=(
        CriterionCount("I1", 800, 150, 50),
        CriterionCount("I2", 690, 300, 10),
        CriterionCount("E1", 3, 990, 7),
    ),
    steps=(Step("I1", 150, 50, 800), Step("I2", 200, 60, 590), Step("E1", 3, 60, 587)),
)


@pytest.fixture(scope="module")
def page(chromium: str) -> Iterator[Page]:
    with sync_playwright() as playing:
        browser = playing.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser.new_context(offline=True).new_page()
        browser.close()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("excluded", "Not <anemic>", "1,000")),
        ("fr", ("exclues", "Pas d'anémie", "1\u202f000")),
    ],
)
def test_both_views_are_drawn_without_a_network(
    page: Page, tmp_path: Path, language: Language, words: tuple[str, str, str]
) -> None:
    """Bars for each criterion in two views, a tooltip with its text, and the figures as a table."""
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    path = tmp_path / "funnel.html"

    write_plot(STUDY, FUNNEL, path, language=language)
    page.goto(path.as_uri())
    page.wait_for_selector("#plot canvas, #plot svg")

    group, text, thousand = words
    assert faults == []
    assert asked == [path.as_uri()]
    assert page.locator("table").count() == 2
    assert page.locator("table").first.locator("tbody tr").count() == 3
    first = page.locator("table").first.locator("tbody tr").first
    assert first.locator("td").all_inner_texts() == [text, "150", "50", "800"]
    assert page.locator("thead").first.inner_text().split("\t")[2] == group
    assert thousand in page.locator("p").first.inner_text()
    plot = page.locator("#plot canvas, #plot svg").first.bounding_box()
    assert plot
    page.mouse.move(plot["x"] + 400, plot["y"] + 32)  # the first bar of the first view
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert text in page.locator("#vg-tooltip-element").inner_text()


def test_what_is_hidden_is_nowhere_in_the_page(page: Page, tmp_path: Path) -> None:
    """Neither a small count nor what would give it away, in the table or behind the bars."""
    path = tmp_path / "funnel.html"

    write_plot(STUDY, FUNNEL.suppressed(5), path)
    page.goto(path.as_uri())
    page.wait_for_selector("#plot canvas, #plot svg")

    assert page.locator("table").count() == 1
    rows = page.locator("tbody tr").all_inner_texts()
    assert [row for row in rows if row.startswith("E1")] == ["E1\tA man\thidden\thidden\t990"]
    drawn = path.read_text(encoding="utf-8").rsplit("vegaEmbed(", 1)[1]
    assert '"people":3,' not in drawn
    assert '"people":7,' not in drawn


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Unknown because", "1,040 missing, 10 not plausible")),
        ("fr", ("Inconnu car", "1\u202f040 manquant, 10 invraisemblable")),
    ],
)
def test_pointing_at_the_unknown_tells_why(
    page: Page, tmp_path: Path, language: Language, words: tuple[str, str]
) -> None:
    """With the counts of each kind, the most frequent first, and nothing of kinds nobody has."""
    reasons = {"implausible": 10, "missing": 1040, "stale": 0}
    counted = CriterionCount("I1", 0, 0, 1050, reasons)
    others = (CriterionCount("I2", 1050, 0, 0), CriterionCount("E1", 0, 1050, 0))
    steps = (Step("I1", 0, 1050, 0), Step("I2", 0, 1050, 0), Step("E1", 0, 1050, 0))
    funnel = Funnel(1050, 0, 0, 1050, 0, (counted, *others), steps)
    path = tmp_path / "funnel.html"

    write_plot(STUDY, funnel, path, language=language)
    page.goto(path.as_uri())
    page.wait_for_selector("#plot canvas, #plot svg")
    plot = page.locator("#plot canvas, #plot svg").first.bounding_box()
    assert plot
    told = []
    for height in range(20, int(plot["height"]), 8):
        page.mouse.move(plot["x"] + 400, plot["y"] + height)
        page.wait_for_timeout(20)
        told += page.locator("#vg-tooltip-element").all_inner_texts()
    (shown,) = {text for text in told if words[1] in text}

    assert words[0] in shown
    assert "0 too old" not in shown

    write_plot(STUDY, funnel.suppressed(20), path, language=language)
    assert "1,040" not in path.read_text(encoding="utf-8").rsplit("vegaEmbed(", 1)[1]

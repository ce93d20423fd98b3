"""Sealed packets on paper: what a scanner reads, and what nobody can tell from outside."""

import datetime as dt
import re
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from msgspec.structs import replace

from equipoise.exchange.packets import print_packets
from equipoise.problems import Language
from equipoise.study.load import load_study
from equipoise.study.study import Study
from equipoise.vault.packets.messages import Printed, PrintedPacket

AT = dt.datetime(2026, 11, 29, 21, 5, tzinfo=dt.UTC)
FOLDER = Path(__file__).parents[3] / "studies" / "nct06722105"
CODES = ("ABCDEFGHIJKLMNOP", "QRSTUVWXYZ234567")


@pytest.fixture(scope="module")
def study() -> Study:
    study = load_study(FOLDER).study
    assert study is not None
    return study


def batch(study: Study, arm: str, *, stratum: str = "") -> Printed:
    """One packet of an arm, with the one that breaks its code."""
    packets = (
        PrintedPacket(
            packet="P1-01", kind="randomization", opens="", number="P-14827", code=CODES[0]
        ),
        PrintedPacket(
            packet="B1-01",
            kind="code_break",
            opens="P1-01",
            number="P-14827",
            code=CODES[1],
            arm=arm,
            gives=study.identity.arms[arm].gives,
        ),
    )
    return Printed(batch=1, site="01", stratum=stratum, root="0" * 64, packets=packets)


def paper(study: Study, printed: Printed, language: Language = "en") -> dict[str, bytes]:
    return print_packets(study, printed, at=AT, is_rehearsal=True, language=language)


def symbols(pdf: bytes) -> list[list[str]]:
    with pypdfium2.PdfDocument(pdf) as document:
        pages = [page.render(scale=3).to_pil() for page in document]
    return [[b.text for b in zxingcpp.read_barcodes(page)] for page in pages]


def pages(pdf: bytes) -> list[str]:
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.get_textpage().get_text_range() for page in document]


@pytest.mark.requirement("C55")
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_scanner_reads_both_sheets(study: Study, language: Language) -> None:
    """Another's program reads the packet from the outside, and the proof from the inside alone."""
    arm = next(iter(study.identity.arms))
    made = paper(study, batch(study, arm), language)

    assert sorted(made) == ["B1-site-01.pdf", "C1-site-01.pdf", "P1-site-01.pdf"]
    assert symbols(made["P1-site-01.pdf"]) == [["P1-01"], [f"P1-01 {CODES[0]}"]]
    assert symbols(made["B1-site-01.pdf"]) == [["B1-01"], [f"B1-01 {CODES[1]}"]]
    assert symbols(made["C1-site-01.pdf"]) == [["P-14827"], []]
    outside, inside = pages(made["P1-site-01.pdf"])
    assert "P-14827" in inside and "ABCD-EFGH-IJKL-MNOP" in inside
    assert "P-14827" not in outside and "ABCD" not in outside
    breaks = pages(made["B1-site-01.pdf"])
    label = study.identity.arms[arm].label.say(language)
    assert label in breaks[1] and label not in breaks[0]


@pytest.mark.requirement("F26", "C55")
def test_no_arm_shows_in_layout_or_length(study: Study) -> None:
    """Every arm: the same papers to randomize, and pages of the same length to break the code."""
    made = {arm: paper(study, batch(study, arm)) for arm in study.identity.arms}
    names = {label for arm in study.identity.arms.values() for label in (arm.label.en,)}

    assert len({papers["P1-site-01.pdf"] for papers in made.values()}) == 1
    one = next(iter(made.values()))["P1-site-01.pdf"]
    assert not [name for name in names if name in " ".join(pages(one))]
    for file in ("B1-site-01.pdf", "C1-site-01.pdf"):
        assert len({papers[file] for papers in made.values()}) > 1
        assert len({len(papers[file]) for papers in made.values()}) == 1
        lengths = {tuple(re.findall(rb"/Length (\d+)", p[file])) for p in made.values()}
        assert len(lengths) == 1
        assert len({pages(papers[file])[0] for papers in made.values()}) == 1


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_infusion_has_its_line(study: Study, language: Language) -> None:
    """For the cell unit: the whole name at each visit, within the page; nothing names the arm."""
    for name, arm in study.identity.arms.items():
        pdf = paper(study, batch(study, name), language)["C1-site-01.pdf"]
        inside = " ".join(pages(pdf)[1].split())
        products = [study.treatments.products[p].label.say(language) for p in arm.gives.values()]
        for product in set(products):
            assert inside.count(product) == products.count(product)
        assert not re.search(r"\b(Arm|Bras)\b", inside)
        with pypdfium2.PdfDocument(pdf) as document:
            page = document[1]
            boxes = [o.get_bounds() for o in page.get_objects()]
            assert max(right for _, _, right, _ in boxes) <= page.get_width() - 20


def test_packets_of_given_numbers_have_no_sheet_for_the_cell_unit(study: Study) -> None:
    printed = batch(study, next(iter(study.identity.arms)), stratum="01/severe")
    known = replace(printed, packets=printed.packets[1:])

    (name,) = paper(study, known)
    assert name == "B1-site-01.pdf"
    assert "01/severe" in pages(paper(study, known)[name])[0]

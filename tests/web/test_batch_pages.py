"""The page of a batch: what its bags' labels said, its delivery note, and what is out of it."""

import pytest
from django.test import Client

from equipoise.conduct import RunningTrial, cells
from equipoise.conduct.cells import CellUnit
from equipoise.study.roles import Role

from . import course
from .conftest import SECOND, SignIn, name_of, said
from .reading import read
from .test_bedside_start import start
from .test_cell_pages import SHIPMENT, post
from .test_infusions import links

SYMBOLS = ("=W0000071234560000", "=<E0291V00", "&>0271252359")
"""A donation, a product and an expiry as ISBT 128 writes them; here each is one bag's scan."""


@pytest.fixture
def desk(sign_in: SignIn, unit: CellUnit) -> Client:
    return sign_in(Role.CELL_UNIT, door="sealed")


def received(desk: Client, **changes: str) -> set[str]:
    on = course.day("expires_on", course.TODAY.replace(year=course.TODAY.year + 1, day=1))
    return post(desk, "/stock/receive/", **{**SHIPMENT, **changes}, **on).codes


@pytest.mark.requirement("C74")
def test_what_a_bag_s_label_says_is_kept_as_it_was_scanned(desk: Client, unit: CellUnit) -> None:
    """One scan a bag in their order, or none; shown with the bag."""
    post(desk, "/stock/donor/", donor="D7", donation="0000000000007")
    assert received(desk, scans=" ".join(SYMBOLS[:2])) == {"EQ-B076"}
    assert received(desk, scans=f"{SYMBOLS[0]} {SYMBOLS[1]} {'9' * 201}") == {"EQ-B076"}
    assert received(desk, scans=" ".join(SYMBOLS)) == set()
    assert [unit.state.bags[f"L7-{n}"].scan for n in (1, 2, 3, 4)] == [*SYMBOLS, ""]
    page = read(desk.get("/stock/L7/"))
    for n, symbol in enumerate(SYMBOLS, start=1):
        assert symbol in next(e for e in page.all("tr") if f"L7-{n}" in e.text).text


@pytest.mark.requirement("C73")
def test_a_bag_of_the_delivery_note_that_nobody_has_is_told_until_explained(
    desk: Client, unit: CellUnit
) -> None:
    post(desk, "/stock/donor/", donor="D7", donation="0000000000007")
    assert received(desk, declared="5") == set()
    for page in ("/stock/", "/stock/L7/"):
        assert "5" in read(desk.get(page)).one("main").text
    assert f"{said('stock.lost')}: 1" in read(desk.get("/stock/")).text
    assert said("stock.difference", declared="5", n="4") in read(desk.get("/stock/L7/")).text
    assert "EQ-B077" in post(desk, "/stock/L7/release/", reason="Cultures are awaited").codes
    assert post(desk, "/stock/L7/explain/", reason="").codes == {"EQ-W001"}
    page = post(desk, "/stock/L7/explain/", reason="The maker counted the retained sample")
    assert "retained sample" in page.text and not page.codes
    assert post(desk, "/stock/L7/explain/", reason="Again").codes == {"EQ-B078"}
    assert "EQ-B077" not in post(desk, "/stock/L7/release/", reason="Cultures").codes


@pytest.mark.requirement("F24", "C73", "C74")
def test_a_blocked_batch_lists_what_is_out_with_the_way_back(
    trial: RunningTrial, sign_in: SignIn, unit: CellUnit
) -> None:
    """Nobody is to be told of an infusion that was not given; the bedside refuses it."""
    course.stocked(unit)
    code = course.ordered(trial)
    label = course.composed(unit, code, verified_by=name_of(Role.CELL_UNIT))
    batch = unit.state.bags[unit.state.preparations[label].draws[0][0]].batch
    desk = sign_in(Role.CELL_UNIT, door="sealed")
    ready = read(desk.get(f"/stock/{batch}/"))
    assert f"/work-list/{code}/M0/" in links(ready) and said("stock.nobody") in ready.text
    cells.hand_out(unit, by=SECOND, at=course.now(), label=label)
    page = post(desk, f"/stock/{batch}/block/", reason="Positive culture")
    assert said("stock.out_lead") in page.text and said("stock.nobody") in page.text
    way = f"/work-list/{code}/M0/take-back/"
    assert way in links(page)

    site = sign_in(Role.INVESTIGATOR, door="site")
    assert start(site, code, label=label).codes == {"EQ-B074"}
    desk = sign_in(Role.CELL_UNIT, door="sealed")
    read(desk.post(way))
    page = read(desk.get(f"/stock/{batch}/"))
    assert said("stock.out_lead") not in page.text

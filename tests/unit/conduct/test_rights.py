"""The matrix of role, act and site that is printed is the one that acts keep."""

import datetime as dt
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from equipoise import conduct
from equipoise.conduct import ACTS, RunningTrial
from equipoise.conduct.door import SYSTEM, View
from equipoise.conduct.events import PacketsPrinted
from equipoise.conduct.leaving.copying import SITE_COPIERS
from equipoise.problems import Refused
from equipoise.study.roles import Role
from equipoise.vault.packets.messages import OpenedPacket

from .conftest import Clock, Course

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "acts.md"
NOT_THERE = {"EQ-C003", "EQ-C014", "EQ-C130", "EQ-C166"}
"""What says that something is not at a site of the person's own."""


def printed() -> dict[str, list[str]]:
    """The cells of each act in the manual: of the site, then each role."""
    lines = re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE.read_text(encoding="utf-8"), re.M)
    return {name: [c.strip() for c in cells.split("|")] for name, cells in lines if name in ACTS}


MATRIX = printed()
OF_THE_SITE = sorted(name for name, (of_site, *_) in MATRIX.items() if of_site == "yes")


def arguments(trial: RunningTrial, act: str, clock: Clock) -> dict[str, Any]:
    """Something of site 01 for an act that is asked by somebody of site 02."""
    opened = {"packet": "P1-01", "code": "A", "participant": "01-001", "opened_at": clock.at}
    told = OpenedPacket(**opened, opened_by="x", by="x", reason="The server was down")
    known: dict[str, Any] = {
        "participant": "01-001",
        "site": "01",
        "told": told,
        "packet": "P1-01",
        "on": clock.today,
        "values": {},
        "criteria": (),
        "became": "returned",
        "kind": "archive" if act == "record_copy" else "other",
    }
    if act == "order_redaction":
        known["entry"] = next(x for x in trial.store.read() if x.type == "FormSubmitted")
    asked = inspect.signature(ACTS[act].decide).parameters.items()
    left_out = {"view", "by", "at", "reason"}
    return {
        name: known.get(name, 1 if name in ("seen", "repeat", "volume_ml") else "x")
        for name, p in asked
        if name not in left_out and (name in known or p.default is inspect.Parameter.empty)
    }


@pytest.mark.requirement("D15", "C27")
@pytest.mark.parametrize("name", OF_THE_SITE)
def test_an_act_of_the_site_is_refused_to_another_site(
    trial: RunningTrial, course: Course, clock: Clock, name: str
) -> None:
    """To every role that may ask for it, where their sites are others; nothing is recorded."""
    course.eligible()
    print_packet(trial, clock.at)
    for role in sorted(ACTS[name].roles):
        if role != Role.ADMINISTRATOR:
            conduct.add_person(
                trial,
                by="administrator",
                at=clock(),
                person=f"{role}-there",
                name=f"A {role} there",
                role=role,
                sites=("02",),
            )
    before = trial.store.heads()
    for role in sorted(ACTS[name].roles - {Role.ADMINISTRATOR}):
        ask = {"by": f"{role}-there", "at": clock(), "reason": "as in the source"}
        with pytest.raises(Refused) as caught:
            ACTS[name](trial, **ask, **arguments(trial, name, clock))
        found = {p.code for p in caught.value.problems}
        if name == "record_copy" and role not in SITE_COPIERS:
            assert found == {"EQ-C002"}, role  # they take copies of the whole trial alone
        else:
            assert found & NOT_THERE, (name, role)
    assert trial.store.heads() == before


def print_packet(trial: RunningTrial, at: dt.datetime) -> None:
    """A batch of one packet for site 01 is on record."""
    batch = PacketsPrinted(
        batch=1,
        site="01",
        stratum="",
        randomization=("P1-01",),
        code_break={},
        commitment="0" * 64,
        printed_at=at,
    )
    trial.record(View(trial.study, trial.state, SYSTEM), [batch], at=at, reason="")


@pytest.mark.requirement("D15", "C27")
def test_the_matrix_of_the_manual_is_that_of_the_acts() -> None:
    """Each act, each role; and what is not of the site names no participant and no site."""
    roles = list(Role)
    assert MATRIX.keys() == ACTS.keys()
    for name, (of_site, *cells) in MATRIX.items():
        assert {r for r, cell in zip(roles, cells, strict=True) if cell} == ACTS[name].roles
        parameters = inspect.signature(ACTS[name].decide).parameters
        if not of_site:
            assert not {"participant", "site", "packet", "told", "entry"} & parameters.keys(), name

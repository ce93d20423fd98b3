"""Copies on record: by whom, of what; never by somebody whose role may not take it."""

from collections.abc import Iterator
from typing import Any

import pytest

from equipoise import conduct
from equipoise.conduct import Person, RunningTrial
from equipoise.problems import Refused
from equipoise.study.roles import Role

from .conftest import Clock

DIGEST, SEAL = "a" * 64, "b" * 64
WHOLE = {
    "tables": {"data_manager", "auditor", "statistician", "unblinded_statistician"},
    "report": {
        *("data_manager", "auditor", "statistician", "unblinded_statistician"),
        *("monitor", "safety_officer", "dsmb"),
    },
    "archive": {"data_manager", "auditor", "administrator"},
}
OF_A_SITE = {"data_manager", "auditor", "administrator", "investigator", "monitor"}


def copy(trial: RunningTrial, clock: Clock, *, by: str, **what: Any) -> list[str]:
    """The codes of the refusal; none where it is on record."""
    given = {"kind": "tables", "digest": DIGEST, "seal": SEAL, **what}
    try:
        conduct.record_copy(trial, by=by, at=clock(), **given)
    except Refused as refused:
        return [p.code for p in refused.problems]
    return []


def takers(trial: RunningTrial, clock: Clock, **what: Any) -> Iterator[str]:
    for role in Role:
        found = copy(trial, clock, by=role.value, **what)
        assert found in ([], ["EQ-C002"])
        if not found:
            yield role.value


@pytest.mark.requirement("C09", "C27")
@pytest.mark.parametrize("kind", WHOLE)
def test_each_copy_has_its_roles(trial: RunningTrial, clock: Clock, kind: str) -> None:
    """Of the twelve roles those alone that work with it; by arm one alone."""
    assert set(takers(trial, clock, kind=kind)) == WHOLE[kind]
    assert set(takers(trial, clock, kind=kind, is_by_arm=True)) == {"unblinded_statistician"}


@pytest.mark.requirement("C34")
def test_a_site_takes_its_own_copy(trial: RunningTrial, clock: Clock) -> None:
    """The investigator too, at any time; not that of another site, nor the whole."""
    assert set(takers(trial, clock, kind="archive", site="01")) == OF_A_SITE
    conduct.add_person(
        trial, by="administrator", at=clock(), person="i.two", name="Two", role=Role.INVESTIGATOR,
        sites=("02",),
    )  # fmt: skip
    conduct.add_person(
        trial, by="administrator", at=clock(), person="d.two", name="Three",
        role=Role.DATA_MANAGER, sites=("02",),
    )  # fmt: skip
    for by in ("i.two", "d.two"):
        assert copy(trial, clock, by=by, kind="archive", site="02") == []
        assert copy(trial, clock, by=by, kind="archive", site="01") == ["EQ-C166"]
    assert copy(trial, clock, by="d.two", kind="archive") == ["EQ-C166"]


@pytest.mark.requirement("C09")
def test_a_copy_is_found_by_its_digest_and_by_its_taker(trial: RunningTrial, clock: Clock) -> None:
    assert copy(trial, clock, by="auditor", kind="archive", site="02") == []
    assert copy(trial, clock, by="statistician", digest="c" * 64) == []
    first, second = trial.state.copies
    assert (first.kind, first.site, first.seal, first.stamp.by) == (
        "archive",
        "02",
        SEAL,
        "auditor",
    )
    assert conduct.find_copies(trial.state) == (second, first)
    assert conduct.find_copies(trial.state, digest=DIGEST) == (first,)
    assert conduct.find_copies(trial.state, by="statistician") == (second,)
    assert conduct.find_copies(trial.state, digest="d" * 64) == ()


@pytest.mark.requirement("C09", "C33")
def test_nobody_takes_a_copy_without_a_role_or_off_duty(trial: RunningTrial, clock: Clock) -> None:
    """What is asked beforehand is what the act asks."""
    known = {"kind": "tables"}

    def asked(by: str, at: Any) -> list[str]:
        found = conduct.check_copier(trial.study, trial.state, by=by, at=at, kind="tables")
        return [p.code for p in found]

    at = clock()
    assert asked("nobody", at) == ["EQ-C001"] == copy(trial, clock, by="nobody", **known)
    assert asked("statistician", at) == []
    conduct.change_delegation(
        trial, by="administrator", at=clock(), reason="left", person="statistician",
        until_on=clock.today.replace(year=2025),
    )  # fmt: skip
    assert asked("statistician", at) == ["EQ-C096"] == copy(trial, clock, by="statistician")
    assert isinstance(trial.state.people["statistician"], Person)

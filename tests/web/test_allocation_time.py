"""When somebody was randomized: by the server's clock alone, before any infusion, never corrected.

What was opened on paper in an outage is the one exception: it is entered later, and says so.
"""

import ast
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import equipoise
from equipoise.conduct import (
    RunningTrial,
    correct_item,
    give_infusion,
    order_infusion,
    randomize_participant,
    record_number,
    redact_entry,
)
from equipoise.problems import Refused
from equipoise.study.roles import Role

from . import course
from .conftest import SignIn

SOURCE = Path(equipoise.__file__).parent
RECORDERS = {
    "randomize_participant", "finish_randomization", "request_randomization", "record_number",
    "call_off_randomization", "record_call_off", "enter_packet", "claim_packet",
}  # fmt: skip
"""Whatever puts an allocation on record."""
CLOCKS = {"visit.now", "dt.datetime.now(dt.UTC)"}
"""How a page and a command ask the server for its time."""


def refusal(attempt: Any) -> set[str]:
    with pytest.raises(Refused) as refused:
        attempt()
    return {p.code for p in refused.value.problems}


@pytest.mark.requirement("F33")
def test_whatever_a_page_is_told_the_instant_is_the_servers(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Every name under which a time or a day could be given, posted and in the address."""
    code = course.eligible(trial)
    client = sign_in(Role.COORDINATOR)
    names = ("at", "on", "date", "time", "instant", "randomized_on", "randomized_at", "opened_at")
    told = dict.fromkeys(names, "2020-02-02T02:02:02+00:00") | course.day("on", dt.date(2020, 2, 2))
    began = course.now()
    address = f"/participants/{code}/randomize/?at=2020-02-02T02:02:02Z&on=2020-02-02"
    assert (
        client.post(address, told, headers={"Date": "Sun, 02 Feb 2020 02:02:02 GMT"}).status_code
        == 302
    )
    ended = course.now()
    made = [
        e for e in trial.store.read(stream=code) if e.type.startswith(("Random", "ParticipantR"))
    ]
    assert [e.type for e in made] == ["RandomizationRequested", "ParticipantRandomized"]
    assert all(began <= e.at <= ended for e in made)
    subject = trial.state.participants[code]
    assert began <= (subject.randomized_at or ended) <= ended
    assert subject.randomized_on in {began.date(), ended.date()}
    assert b"2020" not in b"".join(e.body or b"" for e in made)


@pytest.mark.requirement("F33")
def test_no_page_and_no_command_passes_on_an_instant_that_it_was_given() -> None:
    """Each call that records an allocation, in the sources: its `at` is the server's clock."""
    found = list(_calls())
    assert {name for _, name, _ in found} >= {"randomize_participant", "enter_packet"}
    assert {(file, name) for file, name, at in found if at not in CLOCKS} == set()


def _calls() -> Iterator[tuple[str, str, str]]:
    """File, act and where the instant comes from, of each call by a page or a command."""
    for path in [p for part in ("web", "cli") for p in (SOURCE / part).rglob("*.py")]:
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            clocks = dict(_assigned(function))
            for call in ast.walk(function):
                name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
                if isinstance(call, ast.Call) and name in RECORDERS:
                    given = {k.arg: ast.unparse(k.value) for k in call.keywords}
                    yield path.name, name, clocks.get(given["at"], given["at"])


def _assigned(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            left, right = node.targets[0], node.value
            pairs = [(left, right)]
            if isinstance(left, ast.Tuple) and isinstance(right, ast.Tuple):
                pairs = list(zip(left.elts, right.elts, strict=True))
            yield from ((ast.unparse(a), ast.unparse(b)) for a, b in pairs)


@pytest.mark.requirement("F33")
@pytest.mark.parametrize(("days", "code"), [(-2, "EQ-C181"), (-400, "EQ-C181"), (2, "EQ-C018")])
def test_no_day_but_that_of_the_entry_is_taken(trial: RunningTrial, days: int, code: str) -> None:
    """Not even from a program that uses the acts."""
    subject = course.eligible(trial)
    on = course.TODAY + dt.timedelta(days=days)
    given: dict[str, Any] = {"by": course.COORDINATOR, "at": course.now(), "participant": subject}
    assert code in refusal(lambda: randomize_participant(trial, **given, on=on))
    assert trial.state.participants[subject].status == "screening"


@pytest.mark.requirement("F33")
def test_nothing_is_infused_before_the_randomization(trial: RunningTrial) -> None:
    """No order without a number; none of a day before it; none that began before its instant."""
    code = course.eligible(trial)
    by: dict[str, Any] = {"by": course.COORDINATOR, "participant": code, "encounter": "M0"}
    yesterday = course.TODAY - dt.timedelta(days=1)
    assert refusal(lambda: order_infusion(trial, **by, at=course.now(), on=course.TODAY)) >= {
        "EQ-C039"
    }

    randomize_participant(
        trial, by=course.COORDINATOR, at=course.now(), participant=code, on=course.TODAY
    )
    course.enter(trial, code, "vital_signs", "M0")
    assert refusal(lambda: order_infusion(trial, **by, at=course.now(), on=yesterday)) >= {
        "EQ-C184"
    }

    late = course.prepared(trial)
    subject = trial.state.participants[late]
    assert subject.randomized_at is not None
    infusion, over = subject.infusions["M0"], course.now()
    given: dict[str, Any] = {
        "by": course.COORDINATOR, "at": over, "participant": late, "encounter": "M0",
        "on": infusion.on, "label": infusion.label, "volume_ml": infusion.volume_ml,
        "scanned": late, "stopped_at": over, "checked_by": course.INVESTIGATOR,
        "reason": "From paper",
    }  # fmt: skip
    before = subject.randomized_at - dt.timedelta(minutes=1)
    assert refusal(lambda: give_infusion(trial, **given, started_at=before)) == {"EQ-C184"}
    give_infusion(trial, **given, started_at=subject.randomized_at)


@pytest.mark.requirement("F33")
def test_the_entry_of_an_allocation_cannot_be_changed(trial: RunningTrial) -> None:
    """It is no item of a form, its body cannot be taken out, and nobody gets another number."""
    code = course.randomized(trial)
    before = trial.state.participants[code]
    by: dict[str, Any] = {"by": course.INVESTIGATOR, "at": course.now(), "reason": "Another day"}
    for entry in trial.store.read(stream=code):
        if entry.type in ("RandomizationRequested", "ParticipantRandomized"):
            place = {"chain": entry.chain, "seq": entry.seq}
            assert refusal(lambda place=place: redact_entry(trial, **by, **place)) == {"EQ-C121"}
    assert refusal(lambda: record_number(trial, **by, participant=code, number="R-018")) == {
        "EQ-C050"
    }
    again = {"participant": code, "on": course.TODAY}
    assert refusal(lambda: randomize_participant(trial, **by, **again)) >= {"EQ-C050"}
    for item in ("randomized_on", "number"):
        where = {"encounter": "M0", "form": "randomization", "repeat": 0, "item": item, "seen": 1}
        change: dict[str, Any] = {"participant": code, **where, "value": "2020-02-02"}
        assert refusal(lambda change=change: correct_item(trial, **by, **change))
    now = trial.state.participants[code]
    assert (now.number, now.randomized_on, now.randomized_at, now.verdict) == (
        before.number, before.randomized_on, before.randomized_at, before.verdict,
    )  # fmt: skip

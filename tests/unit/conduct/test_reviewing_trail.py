"""The review of the audit trail: what it counts and draws, who records it, when the next is due."""

import datetime as dt
import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import RunningTrial
from equipoise.conduct.parts import TrailFilter
from equipoise.conduct.reviewing import trail
from equipoise.conduct.reviewing.trail import MOST, chains_of, derive_trail_days, list_reviews
from equipoise.ledger import Entry, Head
from equipoise.problems import Refused
from equipoise.study.roles import Role

from .conftest import Clock, Course

EVERYTHING = TrailFilter()


def refusal(attempt: Callable[[], object]) -> list[str]:
    with pytest.raises(Refused) as refused:
        attempt()
    return [p.code for p in refused.value.problems]


def review(
    trial: RunningTrial, clock: Clock, *, by: str = "monitor", **given: Any
) -> tuple[Entry, ...]:
    chain = given.pop("chain", "site-01")
    known: dict[str, Any] = {
        "chain": chain,
        "asked": EVERYTHING,
        "up_to": trial.store.heads().get(chain, Head(0, "")).seq,
    }
    return conduct.review_trail(trial, by=by, at=clock(), **{**known, **given})


def look(trial: RunningTrial, clock: Clock, **asked: Any) -> list[int]:
    seen = conduct.look_at_trail(trial, at=clock(), chain="site-01", asked=TrailFilter(**asked))
    return [x.seq for x in seen.entries]


@pytest.mark.requirement("C10")
def test_a_review_records_filter_sample_reviewer_and_finding(
    trial: RunningTrial, course: Course, clock: Clock
) -> None:
    """In the chain that was looked at, so that each site has what was found at it."""
    code = course.eligible()
    asked = TrailFilter(participant=code)
    (entry,) = review(
        trial, clock, asked=asked, up_to=5, n_sample=3, finding=" The year was typed twice "
    )
    assert (entry.chain, entry.type, entry.role) == ("site-01", "AuditTrailReviewed", "monitor")
    body = msgspec.json.decode(entry.body or b"")
    assert body["asked"] == {"participant": code}
    assert (body["up_to"], body["n_entries"]) == (5, 5)
    assert len(body["sample"]) == 3 and set(body["sample"]) < {1, 2, 3, 4, 5}
    assert body["finding"] == "The year was typed twice" and not body["entries"]
    (known,) = list_reviews(trial.state)
    assert (known.stamp.by, known.stamp.entry) == ("monitor", f"site-01:{entry.seq}")
    assert known.sample == tuple(body["sample"])


@pytest.mark.requirement("C10")
def test_a_finding_points_to_entries_that_were_looked_at(
    trial: RunningTrial, course: Course, clock: Clock
) -> None:
    """To no other; it says in words what it is, and its words name no arm."""
    course.eligible()
    (entry,) = review(trial, clock, finding="Corrected without a source", entries=(4, 2))
    assert msgspec.json.decode(entry.body or b"")["entries"] == [2, 4]

    drawn = list_reviews(trial.state)
    assert refusal(lambda: review(trial, clock, finding="No", entries=())) == ["EQ-C178"]
    assert refusal(lambda: review(trial, clock, entries=(2,))) == ["EQ-C178"]
    beyond = {"up_to": 3, "finding": "Late", "entries": (3, 4)}
    assert refusal(lambda: review(trial, clock, **beyond)) == ["EQ-C177"]
    assert refusal(lambda: review(trial, clock, finding="Had the sham")) == ["EQ-V032"]
    assert list_reviews(trial.state) == drawn


def test_each_filter_finds_what_it_should(
    trial: RunningTrial, course: Course, clock: Clock
) -> None:
    """Compared with the entries, one by one."""
    code = course.eligible()
    course.eligible()
    conduct.correct_item(
        trial, by="investigator", at=clock(), reason="Misread", participant=code,
        encounter="screening", form="skin", repeat=0, item="arm", value=11, seen=1,
    )  # fmt: skip
    conduct.redact_entry(
        trial, by="investigator", at=clock(), reason="typed by mistake", chain="site-01", seq=4
    )
    entries = list(trial.store.read(chain="site-01"))
    middle = entries[len(entries) // 2].at

    def those(fits: Callable[[Entry], bool]) -> list[int]:
        return [x.seq for x in entries if fits(x)]

    def is_skin(x: Entry) -> bool:
        known = msgspec.json.decode(x.body) if x.body else {}
        return isinstance(known, dict) and known.get("form") == "skin"

    assert look(trial, clock) == those(lambda _: True)
    assert look(trial, clock, participant=code) == those(lambda x: x.stream == code)
    assert look(trial, clock, person="coordinator") == those(lambda x: x.by == "coordinator")
    assert look(trial, clock, since=middle) == those(lambda x: x.at >= middle)
    assert look(trial, clock, before=middle) == those(lambda x: x.at < middle)
    assert look(trial, clock, form="skin") == those(is_skin) and is_skin(entries[-1])
    both = look(trial, clock, participant=code, form="skin", since=middle)
    assert both == those(lambda x: is_skin(x) and x.stream == code and x.at >= middle) != []


@pytest.mark.requirement("C10")
def test_nobody_chooses_the_sample_and_everybody_can_draw_it_again(
    trial: RunningTrial, course: Course, clock: Clock
) -> None:
    """By the rule as it is written down, computed here anew; later entries change nothing."""
    for _ in range(3):
        course.eligible()
    given: dict[str, Any] = {"chain": "site-01", "asked": EVERYTHING}
    seen = conduct.look_at_trail(trial, at=clock(), **given, n_sample=4)
    entries = list(trial.store.read(chain="site-01"))

    def digest(entry: Entry) -> str:
        text = f"{entries[-1].digest}:site-01:{entry.seq}"
        return hashlib.sha256(text.encode()).hexdigest()

    expected = sorted(x.seq for x in sorted(entries, key=digest)[:4])
    assert [x.seq for x in seen.entries] == expected
    assert seen.is_sample and seen.n_entries == len(entries)
    course.eligible()
    again = conduct.look_at_trail(trial, at=clock(), **given, up_to=seen.up_to, n_sample=4)
    assert [x.seq for x in again.entries] == expected
    anew = conduct.look_at_trail(trial, at=clock(), **given, n_sample=4)
    assert [x.seq for x in anew.entries] != expected
    every = conduct.look_at_trail(trial, at=clock(), **given, n_sample=10_000)
    assert not every.is_sample and every.n_entries == len(every.entries)


@pytest.mark.requirement("C10")
def test_who_reviews_which_chain(trial: RunningTrial, course: Course, clock: Clock) -> None:
    """Monitor, data manager and investigator, of what they may read; no auditor, no other site."""
    course.eligible()
    for role in Role:
        if role in (Role.MONITOR, Role.DATA_MANAGER, Role.INVESTIGATOR):
            review(trial, clock, by=role.value)
        else:
            assert refusal(lambda role=role: review(trial, clock, by=role.value)) == ["EQ-C002"]
    place: dict[str, Any] = {"person": "investigator", "sites": ("02",), "reason": "Moved"}
    conduct.change_delegation(trial, by="administrator", at=clock(), **place)
    assert refusal(lambda: review(trial, clock, by="investigator")) == ["EQ-C175"]
    for chain in ("site-02", "control"):  # nothing has happened at site 02 yet
        review(trial, clock, by="investigator", chain=chain)
    assert refusal(lambda: review(trial, clock, chain="site-03")) == ["EQ-C175"]
    assert refusal(lambda: review(trial, clock, chain="vault")) == ["EQ-C175"]
    for up_to in (-1, 10_000):
        assert refusal(lambda n=up_to: review(trial, clock, up_to=n)) == ["EQ-C120"]
    investigator = trial.state.people["investigator"]
    assert chains_of(trial.state, investigator) == ("site-02", "control")


def test_nobody_looks_at_too_many_at_once(
    trial: RunningTrial, course: Course, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then a sample is drawn, of as many as one looks at."""
    course.eligible()
    assert MOST == 500
    monkeypatch.setattr(trail, "MOST", 3)
    assert refusal(lambda: review(trial, clock)) == ["EQ-C176"]
    assert refusal(lambda: review(trial, clock, n_sample=4)) == ["EQ-C176"]
    review(trial, clock, n_sample=3)


def asked_to_review(trial: RunningTrial, months: int) -> None:
    identity = msgspec.structs.replace(trial.study.identity, trail_review_months=months)
    trial.study = msgspec.structs.replace(trial.study, identity=identity)


@pytest.mark.requirement("C10")
def test_when_the_next_review_is_due(trial: RunningTrial, course: Course, clock: Clock) -> None:
    """So many months after the site was opened, then after what was reviewed without a gap."""

    def due() -> dt.date:
        return derive_trail_days(trial.study, trial.state)["site-01"]

    course.eligible()
    assert derive_trail_days(trial.study, trial.state) == {}
    asked_to_review(trial, 3)
    opened = dt.date(2026, 6, 2)
    assert derive_trail_days(trial.study, trial.state) == {
        "site-01": opened, "site-02": opened, "control": opened,
    }  # fmt: skip

    may, june = (dt.datetime(2026, m, 10, 9, 0, tzinfo=dt.UTC) for m in (5, 6))
    clock.at = june
    for part in ({"form": "skin"}, {"person": "coordinator"}, {"participant": "01-001"}):
        review(trial, clock, asked=TrailFilter(**part))
    review(trial, clock, asked=TrailFilter(since=may))  # what came before it nobody saw
    review(trial, clock, chain="control")
    assert due() == opened
    review(trial, clock, asked=TrailFilter(before=may), n_sample=2)
    assert due() == dt.date(2026, 8, 10)
    review(trial, clock, asked=TrailFilter(since=may))
    assert due() == dt.date(2026, 9, 10)
    review(trial, clock, asked=TrailFilter(before=may))  # looking back moves nothing back
    assert due() == dt.date(2026, 9, 10)
    assert derive_trail_days(trial.study, trial.state)["site-02"] == opened


def test_what_came_while_somebody_read_waits_for_the_next_review(
    trial: RunningTrial, course: Course, clock: Clock
) -> None:
    """A page stands open for a month; what was recorded meanwhile is not taken as looked at."""
    asked_to_review(trial, 3)
    course.eligible()
    up_to = trial.store.heads()["site-01"].seq
    course.eligible()
    clock.at += dt.timedelta(days=31)
    review(trial, clock, up_to=up_to)
    (known,) = list_reviews(trial.state)
    first_unseen = next(x for x in trial.store.read(chain="site-01") if x.seq == up_to + 1)
    assert known.until == first_unseen.at
    assert derive_trail_days(trial.study, trial.state)["site-01"] == dt.date(2026, 6, 2)


def test_a_trial_without_a_site_has_nothing_to_review(trial: RunningTrial) -> None:
    asked_to_review(trial, 3)
    state = msgspec.structs.replace(trial.state, sites={})
    assert derive_trail_days(trial.study, state) == {}

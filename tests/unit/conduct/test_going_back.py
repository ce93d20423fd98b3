"""A record that loses entries under a running trial: a failover, a recovery to an earlier point."""

import pytest

from equipoise import conduct
from equipoise.conduct import RunningTrial
from equipoise.ledger import Entry, MemoryStore, Store
from equipoise.problems import Refused
from equipoise.vault import Break

from .conftest import Course
from .test_opening import codes


def holding(trial: RunningTrial, entries: list[Entry]) -> Store:
    """A store as it was when it held these entries."""
    store = MemoryStore(trial.store.study, trial.realm)
    store.restore(entries)
    return store


def refused_everywhere(course: Course) -> bool:
    """Whether nothing is read, recorded at a site or decided for the trial."""
    n_before = len(list(course.trial.store.read()))
    for act in (lambda: course.trial.state, course.screen, lambda: course.consent("01-001")):
        with pytest.raises(Refused) as caught:
            act()
        assert codes(caught) == ["EQ-G055"]
    return len(list(course.trial.store.read())) == n_before


@pytest.mark.requirement("D01", "F03")
@pytest.mark.parametrize("is_read", [True, False])
@pytest.mark.parametrize("n_lost", [1, 3, 1000])
def test_a_record_that_lost_entries_is_not_gone_on_with(
    course: Course, n_lost: int, is_read: bool
) -> None:
    """Some, or a whole chain: who is screened next would get a code that is given already.

    A fresh start reads what there is; and where the entries come back, the door goes on.
    """
    trial = course.trial
    code = course.screen()
    course.consent(code)
    whole = trial.store
    at_site = [x for x in whole.read() if x.chain == "site-01"]
    gone = {(x.chain, x.seq) for x in at_site[-n_lost:]}
    known = trial.state if is_read else None
    trial.store = holding(trial, [x for x in whole.read() if (x.chain, x.seq) not in gone])
    assert refused_everywhere(course)
    fresh = RunningTrial(trial.study, trial.store)
    assert (code in fresh.state.participants) == (n_lost < 1000 and len(at_site) > n_lost)
    trial.store = whole
    assert known in (None, trial.state) and code in trial.state.participants


@pytest.mark.requirement("D01", "F03")
@pytest.mark.parametrize("is_read", [True, False])
@pytest.mark.parametrize("n_beyond", [0, 1, 2])
def test_others_who_went_on_do_not_cover_what_was_lost(
    course: Course, n_beyond: int, is_read: bool
) -> None:
    """As long as before, or longer; the same numbers, other entries: their digests tell."""
    trial = course.trial
    course.screen()
    before = list(trial.store.read())
    course.screen()
    assert not is_read or len(trial.state.participants) == 2
    trial.store = holding(trial, before)
    elsewhere = Course(RunningTrial(trial.study, trial.store), course.clock)
    for _ in range(1 + n_beyond):
        elsewhere.screen()
    assert refused_everywhere(course)
    assert len(elsewhere.trial.state.participants) == 2 + n_beyond


def test_what_was_taken_back_is_not_taken_for_lost(course: Course) -> None:
    """Two breaks of the vault whose recording fails at its end: the trial goes on."""
    trial = course.trial
    code = course.randomized()
    broken = [
        Break(
            participant=code, kind="emergency", question="", by=f"physician-{n}", number="R-001",
            role="investigator", reason=f"Coma {n}", at=course.clock(), seq=n,
        )
        for n in (1, 2)
    ]  # fmt: skip
    n_before = len(list(trial.store.read()))
    with pytest.raises(ZeroDivisionError), trial.transaction():
        conduct.record_breaks(trial, broken, at=course.clock())
        raise ZeroDivisionError
    assert len(list(trial.store.read())) == n_before
    assert trial.state.participants[code].unblindings == ()
    assert len(conduct.record_breaks(trial, broken, at=course.clock())) == 2
    assert len(trial.state.participants[code].unblindings) == 2

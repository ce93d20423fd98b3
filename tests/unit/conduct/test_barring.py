"""Whatever happened before, in whatever order: who may not be randomized is told why."""

import itertools
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from equipoise import conduct
from equipoise.conduct import RunningTrial
from equipoise.problems import Refused, Text
from equipoise.study.protocol import StoppingRule
from equipoise.vault import LocalVault, VaultClient, read_token

from .conftest import Clock, Course, make_vault, open_small, small_study
from .test_ending import leave, sign
from .test_opening import codes
from .test_reporting import report
from .test_restoring import restored

ONE = StoppingRule(id="one", label=Text("One", "Un"), met_if="n_related_serious >= 1", does="pause")
LEAVING = {
    "withdrawn": "Wish of the participant",
    "dead": "Died at home before the infusion",
    "failed": "A place was not needed",
}
HAPPENS = ("left", "paused", "full", "locked", "restored")
TOLD = {"left": "EQ-C017", "paused": "EQ-C090", "full": "EQ-C020", "locked": "EQ-C016"}
"""The problem of each. A restored ledger (EQ-C110) may lack anything: then nothing else counts."""


class Trial:
    """A trial of two places, one taken, with somebody who could be randomized at once."""

    def __init__(self, vault: LocalVault, folder: Path, kind: str) -> None:
        study = small_study(planned=2)
        assert study.safety is not None
        guarded = replace(study, safety=replace(study.safety, stopping=(ONE,)))
        self.clock, self.kind = Clock(), kind
        assigning = VaultClient(vault, read_token(folder, "assign"))
        self.course = Course(open_small(guarded, assigning, self.clock), self.clock)
        self.first = self.course.randomized()
        self.code, self.next = self.course.eligible(), self.course.eligible()

    @property
    def running(self) -> RunningTrial:
        return self.course.trial

    def left(self) -> None:
        who = {"by": "investigator", "at": self.clock(), "participant": self.code}
        reason = LEAVING[self.kind]
        if self.kind == "failed":
            conduct.fail_screening(self.running, **who, reason=reason)
        else:
            conduct.withdraw_participant(self.running, **who, reason=reason, on=self.clock.today)

    def paused(self) -> None:
        report(self.course, self.first, related=True)

    def full(self) -> None:
        self.course.randomize(self.next)

    def locked(self) -> None:
        people = self.running.state.participants
        for code in {self.first, self.next} & {c for c in people if people[c].is_in_trial}:
            leave(self.course, code)
        for subject in self.running.state.randomized:
            sign(self.course, subject.code)
        conduct.lock_data(self.running, by="data_manager", at=self.clock())

    def restored(self) -> None:
        self.course = Course(restored(self.running, self.clock), self.clock)


@pytest.mark.requirement("F07", "C53")
def test_nobody_is_randomized_after_what_bars_it(tmp_path: Path) -> None:
    """Every order of what may happen, asked after each step; nothing is recorded.

    What an order makes impossible does not happen in it: nothing pauses after the lock.
    """
    seen: Counter[str] = Counter()
    study = small_study(planned=2)
    for k, order in enumerate(itertools.permutations(HAPPENS)):
        folder = make_vault(study, tmp_path / str(k))
        vault = LocalVault(folder)
        trial, held = Trial(vault, folder, [*LEAVING][k % len(LEAVING)]), set()
        for step in order:
            try:
                getattr(trial, step)()
            except Refused:
                continue
            held.add(step)
            seen[trial.kind if step == "left" else step] += 1
            n_entries = len(list(trial.running.store.read()))
            with pytest.raises(Refused) as refused:
                trial.course.randomize(trial.code)
            told = {TOLD[h] for h in held} if "restored" not in held else {"EQ-C110"}
            assert set(codes(refused)) == told, held
            assert len(list(trial.running.store.read())) == n_entries
        vault.close()
    assert set(seen) == {*LEAVING, *HAPPENS[1:]} and min(seen.values()) > 10

"""Many sequences at once, along the very walk that the vault draws from.

Each state that is reached is asked once for its chances; from then on the sequences in it are
carried together.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from equipoise.analysis.allocation.measuring import Numbers, Operating, Tally
from equipoise.randomization import Walk

Places = npt.NDArray[np.int64]


class Setting(Struct, frozen=True, kw_only=True):
    """In which trial: the ratio, how many participants, and how many come from each stratum.

    `shares` are the strata's relative rates; without them all are alike.
    """

    ratio: tuple[int, ...]
    n: int
    n_strata: int = 1
    shares: tuple[float, ...] = ()

    def draw_strata(self, n_sequences: int, randomness: np.random.Generator) -> Places:
        """The stratum of the next participant of each sequence."""
        if not self.shares:
            return randomness.integers(self.n_strata, size=n_sequences)
        upto = np.cumsum(self.shares) / sum(self.shares)
        at = randomness.random(n_sequences)
        return np.asarray(np.minimum(np.searchsorted(upto, at, side="right"), self.n_strata - 1))


def estimate_operating(
    walk: Walk, setting: Setting, *, n_sequences: int, randomness: np.random.Generator
) -> Operating:
    """What a scheme does in a trial."""
    everyone = np.arange(n_sequences)
    counts = np.zeros((n_sequences, setting.n_strata, len(setting.ratio)), dtype=np.int64)
    tally = Tally(setting.ratio, n_sequences)
    for stratum, chances, arm in _walk_on(walk, setting, n_sequences, randomness):
        tally.add(chances, counts[everyone, stratum])
        counts[everyone, stratum, arm] += 1
    return tally.finish(counts.sum(axis=1))


def draw_sequences(
    walk: Walk, setting: Setting, *, n_sequences: int, randomness: np.random.Generator
) -> tuple[Places, Places]:
    """The stratum and the arm of each participant, a sequence a row."""
    drawn = [(s, arm) for s, _, arm in _walk_on(walk, setting, n_sequences, randomness)]
    strata, arms = (np.stack(columns, axis=1) for columns in zip(*drawn, strict=True))
    return strata, arms


def _walk_on(
    walk: Walk, setting: Setting, n_sequences: int, randomness: np.random.Generator
) -> Iterator[tuple[Places, Numbers, Places]]:
    """Participant by participant the stratum, the chance of each arm, and the arm drawn."""
    table = _Table(walk, n_arms=len(setting.ratio))
    everyone = np.arange(n_sequences)
    states = np.full((n_sequences, setting.n_strata), table.known(walk.start))
    for _ in range(setting.n):
        stratum = setting.draw_strata(n_sequences, randomness)
        opened = table.open(states[everyone, stratum], randomness.random(n_sequences))
        place = table.draw(opened, randomness.random(n_sequences))
        yield stratum, table.chances(opened), np.array(walk.arms)[place]
        states[everyone, stratum] = table.after(opened, place)


class _Table:
    """The states met so far, each with its openings, its chances and what follows each place."""

    def __init__(self, walk: Walk, *, n_arms: int) -> None:
        self._walk = walk
        self._ids: dict[tuple[int, ...], int] = {}
        self._states: list[tuple[int, ...]] = []
        n_places = len(walk.arms)
        self._n_openings = np.zeros(0, dtype=np.int64)
        self._openings = np.zeros((0, 1), dtype=np.int64)
        self._upto = np.zeros((0, n_places))
        self._arms = np.zeros((0, n_arms))
        self._next = np.zeros((0, n_places), dtype=np.int64)

    def known(self, state: tuple[int, ...]) -> int:
        """The number of a state; a new one is added."""
        if state not in self._ids:
            self._ids[state] = len(self._states)
            self._states.append(state)
            self._grow()
        return self._ids[state]

    def open(self, states: Places, at: Numbers) -> Places:
        """The state that each sequence goes on from; `at` chooses among equally likely ones."""
        for state in np.unique(states[self._n_openings[states] == 0]):
            self._list_openings(int(state))
        chosen = (at * self._n_openings[states]).astype(np.int64)
        opened = self._openings[states, chosen]
        for state in np.unique(opened[self._upto[opened, -1] == 0]):
            self._list_chances(int(state))
        return np.asarray(opened)

    def chances(self, opened: Places) -> Numbers:
        """The chance of each arm, sequence by sequence."""
        return self._arms[opened]

    def draw(self, opened: Places, at: Numbers) -> Places:
        """The place that each sequence draws."""
        place = np.zeros(len(opened), dtype=np.int64)
        for before in range(self._upto.shape[1] - 1):
            place += at >= self._upto[opened, before]
        return place

    def after(self, opened: Places, place: Places) -> Places:
        """The state of each sequence after its draw."""
        return self._next[opened, place]

    def _list_openings(self, state: int) -> None:
        openings = [self.known(opening) for opening in self._walk.openings(self._states[state])]
        missing = len(openings) - self._openings.shape[1]
        if missing > 0:
            self._openings = np.pad(self._openings, ((0, 0), (0, missing)))
        self._openings[state, : len(openings)] = openings
        self._n_openings[state] = len(openings)

    def _list_chances(self, state: int) -> None:
        weights = np.array(self._walk.weights(self._states[state]), dtype=float)
        self._upto[state] = np.cumsum(weights) / weights.sum()
        self._upto[state, -1] = 1.0
        np.add.at(self._arms[state], np.array(self._walk.arms), weights / weights.sum())
        for place in np.flatnonzero(weights):
            follows = self.known(self._walk.advance(self._states[state], int(place)))
            self._next[state, place] = follows

    def _grow(self) -> None:
        """Room for the states known, twice as much each time."""
        missing = len(self._states) - len(self._upto)
        if missing <= 0:
            return
        more = max(missing, len(self._upto))
        for name in ("_n_openings", "_openings", "_upto", "_arms", "_next"):
            table = getattr(self, name)
            room = np.zeros((more, *table.shape[1:]), dtype=table.dtype)
            setattr(self, name, np.concatenate([table, room]))

"""What so many code-breaks tell of everybody else, by who knows the scheme.

The chance of each other person's arm, given the arms that were broken, is exact along the scheme's
walk: a pass from the first place of the list and one from the last meet at each place (the forward
and backward recursions of Baum, 1970). Only who is broken and how the list falls is simulated.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from equipoise.analysis.allocation.measuring import Estimate, Numbers, estimate_mean
from equipoise.analysis.allocation.walking import Places, Setting, draw_sequences
from equipoise.randomization import Walk

SEQUENCES = 1_000
MOST = 48
"""So many participants are looked at: of a longer trial the first."""
HIDDEN = -1
SURE = 1 - 1e-9


class Disclosed(Struct, frozen=True, kw_only=True):
    """What is known of the others after `n_broken` arms came to be known; shares of one.

    `guessed`: others whose arm the best guess names rightly; `certain`: those whose arm is known.
    """

    n_broken: int
    guessed: Estimate
    certain: Estimate


def estimate_disclosed(
    walk: Walk,
    setting: Setting,
    *,
    n_broken: Sequence[int],
    randomness: np.random.Generator,
    n_sequences: int = SEQUENCES,
) -> tuple[Disclosed, ...]:
    """After each number of code-breaks, of people drawn at random, what is known of the others.

    Everybody was randomized and the code-breaks tell the arm, which is the most that they can. Who
    guesses knows the scheme and everybody's stratum; of blocks in random order the sizes, and not
    which was drawn. Each number must leave somebody.
    """
    setting = _shortened(setting)
    drawn = draw_sequences(walk, setting, n_sequences=n_sequences, randomness=randomness)
    rows = _Rows(*drawn, n_strata=setting.n_strata)
    lattice = Lattice(walk, length=rows.length, n_arms=len(setting.ratio))
    turn = randomness.random((n_sequences, setting.n)).argsort(axis=1).argsort(axis=1)
    found = []
    for n in n_broken:
        is_broken = turn < n
        known = rows.lay(np.where(is_broken, rows.arms, HIDDEN))
        chance = rows.take(lattice.chances(known).max(axis=2))
        others = np.where(is_broken, 0.0, chance)
        n_others = setting.n - n
        guessed, certain = (x.sum(axis=1) / n_others for x in (others, others >= SURE))
        found.append(
            Disclosed(n_broken=n, guessed=estimate_mean(guessed), certain=estimate_mean(certain))
        )
    return tuple(found)


class Lattice:
    """The states that a walk can be in at each place of a list, and the ways between them."""

    def __init__(self, walk: Walk, *, length: int, n_arms: int) -> None:
        self._n_arms = n_arms
        self._ways: list[dict[tuple[int, int, int], float]] = []
        self._sizes = [1]
        states = {walk.start: 0}
        for _ in range(length):
            reached: dict[tuple[int, ...], int] = {}
            ways: dict[tuple[int, int, int], float] = {}
            for state, here in states.items():
                openings = walk.openings(state)
                for opened in openings:
                    weights = walk.weights(opened)
                    for place in (p for p, weight in enumerate(weights) if weight):
                        there = reached.setdefault(walk.advance(opened, place), len(reached))
                        way = here, walk.arms[place], there
                        chance = weights[place] / sum(weights) / len(openings)
                        ways[way] = ways.get(way, 0.0) + chance
            self._ways.append(ways)
            self._sizes.append(len(reached))
            states = reached

    def chances(self, known: Places) -> Numbers:
        """The chance of each arm at each place, a list a row.

        `known` has the arm at each place, or `HIDDEN`; places beyond the end are hidden too.
        """
        n_rows, length = known.shape
        fits = [
            [(known[:, t] == a) | (known[:, t] == HIDDEN) for a in range(self._n_arms)]
            for t in range(length)
        ]
        after = self._from_the_end(fits, n_rows)
        found = np.zeros((n_rows, length, self._n_arms))
        before = np.ones((1, n_rows))
        for t, ways in enumerate(self._ways):
            following = np.zeros((self._sizes[t + 1], n_rows))
            for (here, arm, there), chance in ways.items():
                came = before[here] * fits[t][arm] * chance
                following[there] += came
                found[:, t, arm] += came * after[t + 1][there]
            before = following / following.sum(axis=0)
        return np.asarray(found / found.sum(axis=2, keepdims=True))

    def _from_the_end(self, fits: list[list[npt.NDArray[np.bool_]]], n_rows: int) -> list[Numbers]:
        """For each place and state, how well it fits with what is known from there on."""
        after = [np.ones((self._sizes[-1], n_rows))]
        for t in range(len(self._ways) - 1, -1, -1):
            here_on = np.zeros((self._sizes[t], n_rows))
            for (here, arm, there), chance in self._ways[t].items():
                here_on[here] += after[-1][there] * fits[t][arm] * chance
            after.append(here_on / here_on.max(axis=0))
        return after[::-1]


class _Rows:
    """Trials as lists: a row for each stratum of each trial, in the order in which people came."""

    def __init__(self, strata: Places, arms: Places, *, n_strata: int) -> None:
        self.arms = arms
        n_trials, n = strata.shape
        self._row = np.arange(n_trials)[:, None] * n_strata + strata
        counts = np.zeros(n_trials * n_strata, dtype=np.int64)
        self._place = np.zeros_like(strata)
        for t in range(n):
            self._place[:, t] = counts[self._row[:, t]]
            counts[self._row[:, t]] += 1
        self._n_rows, self.length = len(counts), int(counts.max())

    def lay(self, values: Places) -> Places:
        """What belongs to a participant, at its place of the list."""
        laid = np.full((self._n_rows, self.length), HIDDEN)
        laid[self._row, self._place] = values
        return laid

    def take(self, values: Numbers) -> Numbers:
        """What stands at each participant's place."""
        return np.asarray(values[self._row, self._place])


def _shortened(setting: Setting) -> Setting:
    return Setting(
        ratio=setting.ratio,
        n=min(setting.n, MOST),
        n_strata=setting.n_strata,
        shares=setting.shares,
    )

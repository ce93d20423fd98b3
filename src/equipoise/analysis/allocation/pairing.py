"""An adversary who tells which pairs of people share contents, against one who saw nothing."""

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from equipoise.analysis.allocation.measuring import Estimate, Numbers, estimate_mean

Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
PRIOR = 60
"""How many pairs' worth the scheme alone counts beside what was learned of a sight."""
Z95 = 1.959963984540054


class Pairing(Struct, frozen=True):
    """The share of pairs told rightly, `chance` without having seen anything, and the difference.

    The difference is taken trial by trial, so its error is not that of two shares.
    """

    told: Estimate
    chance: Estimate
    gained: Estimate

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of what was gained."""
        half = Z95 * self.gained.mc_error
        return self.gained.estimate - half, self.gained.estimate + half

    @property
    def is_at_chance(self) -> bool:
        """Seeing gained nothing that these trials could show."""
        return self.interval[0] <= 0


def estimate_pairing(same: Flags, known: Codes, seen: Codes) -> Pairing:
    """Learn on the first half of the trials, a row each, what a sight means; tell on the others.

    `known` numbers what the scheme says of a pair, `seen` also what was observed. The adversary
    says of each pair what was more common among the same; a rare sight counts less than the scheme.
    """
    half = len(same) // 2
    _, kind = np.unique(known, return_inverse=True)
    _, sight = np.unique(seen, return_inverse=True)
    kind, sight = kind.reshape(same.shape), sight.reshape(same.shape)
    by_kind = _share(same[:half], kind[:half], n=kind.max() + 1, prior=0.5, weight=1)
    of_sight = np.full(sight.max() + 1, 0.5)
    of_sight[sight] = by_kind[kind]
    by_sight = _share(same[:half], sight[:half], n=len(of_sight), prior=of_sight, weight=PRIOR)
    truth = same[half:]
    told = ((by_sight > 0.5)[sight[half:]] == truth).mean(axis=1)
    chance = ((by_kind > 0.5)[kind[half:]] == truth).mean(axis=1)
    return Pairing(*(estimate_mean(x) for x in (told, chance, told - chance)))


def _share(same: Flags, codes: Codes, *, n: int, prior: Numbers | float, weight: float) -> Numbers:
    """How often each code went with the same contents, drawn towards what was known before."""
    total = np.bincount(codes.ravel(), minlength=n)
    alike = np.bincount(codes.ravel(), weights=same.ravel(), minlength=n)
    return np.asarray((alike + weight * prior) / (total + weight))

"""The few machine operations that all counts need, over bitmaps of one bit a row.

What is the same is made once, what nobody counts is not made, and what no later step needs is
dropped, so that a piece of a table stays near the processor.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Literal

import numpy as np
from msgspec import Struct

from equipoise.screening.counting.bitmaps import Bitmap, Tally

Bits = int
"""A bitmap of a circuit, by its number."""

NOBODY: Bits = 0
EVERYBODY: Bits = 1
_Op = Literal["and", "or", "xor"]
_UFUNCS: Mapping[_Op, np.ufunc] = {
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}


class Circuit:
    """Bitmaps that are given, and those made of two others."""

    def __init__(self) -> None:
        self.given: dict[Bits, str] = {NOBODY: "nobody", EVERYBODY: "everybody"}
        self.made: dict[Bits, tuple[_Op, Bits, Bits]] = {}
        self._numbers: dict[object, Bits] = {n: b for b, n in self.given.items()}
        self._within: dict[Bits, frozenset[Bits]] = {}

    def take(self, name: str) -> Bits:
        """A bitmap that a piece of the table brings."""
        return self._number(name)

    def both(self, first: Bits, second: Bits) -> Bits:
        """Where two bitmaps have a bit."""
        if NOBODY in (first, second):
            return NOBODY
        if second == EVERYBODY or second in self._wholes(first):
            return first
        if first == EVERYBODY or first in self._wholes(second):
            return second
        found = self._number(("and", first, second))
        self._within[found] = self._wholes(first) | self._wholes(second)
        return found

    def either(self, first: Bits, second: Bits) -> Bits:
        """Where one of two bitmaps has a bit."""
        if EVERYBODY in (first, second):
            return EVERYBODY
        if second in (NOBODY, first):
            return first
        return second if first == NOBODY else self._number(("or", first, second))

    def without(self, whole: Bits, part: Bits) -> Bits:
        """What a bitmap has beside a part of it."""
        if part == NOBODY:
            return whole
        found = NOBODY if whole == part else self._number(("xor", whole, part))
        self._within[found] = self._wholes(whole)
        return found

    def all_of(self, bitmaps: Iterable[Bits]) -> Bits:
        """Where every bitmap has a bit."""
        return reduce(self.both, bitmaps, EVERYBODY)

    def any_of(self, bitmaps: Iterable[Bits]) -> Bits:
        """Where some bitmap has a bit."""
        return reduce(self.either, bitmaps, NOBODY)

    def _wholes(self, bits: Bits) -> frozenset[Bits]:
        """The bitmaps that this one is known to be a part of."""
        return self._within.get(bits, frozenset()) | {bits}

    def _number(self, key: object) -> Bits:
        if key not in self._numbers:
            number = self._numbers[key] = len(self._numbers)
            if isinstance(key, tuple):
                self.made[number] = key
            else:
                self.given[number] = str(key)
        return self._numbers[key]


class Step(Struct, frozen=True):
    """One operation on numbered places, and the places that nothing needs after it. Without a
    function, it counts what is in `first`."""

    to: Bits
    first: Bits
    second: Bits = NOBODY
    function: np.ufunc | None = None
    dropped: tuple[Bits, ...] = ()


def plan_counts(circuit: Circuit, counted: Sequence[Bits]) -> tuple[Step, ...]:
    """The steps that count these bitmaps, each as soon as it is made."""
    steps: list[Step] = []
    done: set[Bits] = set(circuit.given)
    for bits in dict.fromkeys(counted):
        steps += _making(circuit, bits, done)
        steps.append(Step(bits, bits))
    last = {place: at for at, s in enumerate(steps) for place in (s.to, s.first, s.second)}
    ends: dict[int, list[Bits]] = {}
    for place, at in last.items():
        if place in circuit.made:
            ends.setdefault(at, []).append(place)
    return tuple(
        Step(s.to, s.first, s.second, s.function, tuple(ends.get(at, ())))
        for at, s in enumerate(steps)
    )


def _making(circuit: Circuit, bits: Bits, done: set[Bits]) -> list[Step]:
    """What is still to be made for a bitmap, parts first; a stack, for a rule may be deep."""
    steps: list[Step] = []
    waiting = [bits]
    while waiting:
        top = waiting[-1]
        if top in done:
            waiting.pop()
            continue
        op, first, second = circuit.made[top]
        missing = [b for b in (first, second) if b not in done]
        if missing:
            waiting += missing
            continue
        steps.append(Step(top, first, second, _UFUNCS[op]))
        done.add(waiting.pop())
    return steps


def run_counts(steps: Sequence[Step], given: Mapping[Bits, Bitmap]) -> dict[Bits, int]:
    """How many rows each counted bitmap has."""
    places: dict[Bits, Bitmap] = dict(given)
    counted = [s.to for s in steps if s.function is None]
    tally = Tally(places[EVERYBODY], len(counted))
    for step in steps:
        if step.function is None:
            tally.add(places[step.first])
        else:
            places[step.to] = step.function(places[step.first], places[step.second])
        for place in step.dropped:
            del places[place]
    return dict(zip(counted, tally.totals(), strict=True))

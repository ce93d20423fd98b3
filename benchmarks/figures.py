"""What a benchmark gives, and how it is taken and shown."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Literal

from msgspec import Struct

HEADER = ("what", "figure", "peer or limit", "ratio", "runs", "spread (min - median - max)")


class Sizes(Struct, frozen=True, kw_only=True):
    """How much each benchmark does."""

    runs: int = 5
    appends: int = 200
    entries: int = 20_000
    verdicts: int = 200
    saves: int = 40
    assigns: int = 100
    people: int = 10_000
    weeks: int | None = None
    seconds: float = 3


TINY = Sizes(
    runs=2, appends=3, entries=400, verdicts=2, saves=2, assigns=3, people=50, weeks=16, seconds=1
)
"""Enough to see that every benchmark still runs; its figures mean nothing."""


class Figure(Struct, frozen=True, kw_only=True):
    """One measured quantity, once a run, beside that of a peer or a limit in the same unit."""

    what: str
    unit: str
    ours: tuple[float, ...]
    against: str
    theirs: tuple[float, ...]
    kind: Literal["peer", "limit"] = "peer"
    is_rate: bool = False

    @property
    def value(self) -> float:
        """The median of the runs."""
        return median(self.ours)

    @property
    def ratio(self) -> float:
        """Our cost over theirs; the median of the runs."""
        pairs = list(zip(self.ours, self.theirs, strict=True))
        return median(b / a if self.is_rate else a / b for a, b in pairs)

    @property
    def is_missed(self) -> bool:
        """Whether a limit is not held."""
        return self.kind == "limit" and self.ratio > 1

    def to_answer(self) -> dict[str, object]:
        """For machines."""
        return {
            "what": self.what,
            "figure": self.value,
            "unit": self.unit,
            "kind": self.kind,
            "against": self.against,
            "against_figure": median(self.theirs),
            "ratio": self.ratio,
            "is_missed": self.is_missed,
            "runs": len(self.ours),
            "samples": self.ours,
        }

    def to_row(self) -> tuple[str, ...]:
        """For people."""
        verdict = "" if self.kind == "peer" else " MISSED" if self.is_missed else " held"
        return (
            self.what,
            f"{show(self.value)} {self.unit}",
            f"{self.against}: {show(median(self.theirs))} {self.unit}",
            f"{self.ratio:.2f}{verdict}",
            str(len(self.ours)),
            " - ".join(show(x) for x in (min(self.ours), self.value, max(self.ours))),
        )


class Watch:
    """Adds up the time of pieces of work, by the clock and of the processor."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu_seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count what is done within."""
        began, began_cpu = time.perf_counter(), time.process_time()
        yield
        self.cpu_seconds += time.process_time() - began_cpu
        self.seconds += time.perf_counter() - began


def cpu_seconds(work: Callable[[], object], *, times: int = 1) -> float:
    """Processor seconds of this process for one go of `work`."""
    watch = Watch()
    with watch.running():
        for _ in range(times):
            work()
    return watch.cpu_seconds / times


def to_table(figures: Sequence[Figure]) -> str:
    """All figures under one header."""
    rows = [HEADER, *(f.to_row() for f in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def show(number: float) -> str:
    """Three digits that matter."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"

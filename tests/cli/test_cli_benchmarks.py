"""The benchmarks still run, and a missed limit is said to be missed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.__main__ import BENCHMARKS
from benchmarks.figures import HEADER, Figure, to_table

ROOT = Path(__file__).parents[2]


def bench(*words: str) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "benchmarks", *words]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)


def test_every_benchmark_runs_and_gives_figures() -> None:
    """With sizes too small to mean anything: two runs each, every quantity positive."""
    done = bench("--tiny", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)["figures"]

    begun = {f["what"].partition(":")[0] for f in figures}
    assert begun == set(BENCHMARKS)
    assert len(figures) >= 2 * len(BENCHMARKS)
    for figure in figures:
        assert figure["runs"] == len(figure["samples"]) == 2
        assert min(figure["samples"]) > 0 and figure["ratio"] > 0
        assert figure["against"] and figure["kind"] in ("peer", "limit")


def test_a_benchmark_that_there_is_not_is_wrong_use() -> None:
    assert bench("no-such").returncode == 2


def figure(*, kind: str, is_rate: bool = False) -> Figure:
    return Figure(
        what="a thing",
        unit="ms",
        ours=(2.0, 6.0, 3.0),
        against="another",
        theirs=(4.0, 4.0, 4.0),
        kind=kind,  # type: ignore[arg-type]
        is_rate=is_rate,
    )


@pytest.mark.parametrize(
    ("kind", "is_rate", "ratio", "words"),
    [
        ("peer", False, 0.75, "0.75"),
        ("limit", False, 0.75, "0.75 held"),
        ("peer", True, 4 / 3, "1.33"),
        ("limit", True, 4 / 3, "1.33 MISSED"),
    ],
)
def test_the_ratio_is_our_cost_over_the_other(
    kind: str, is_rate: bool, ratio: float, words: str
) -> None:
    """More time is more cost, a higher rate is less; the median of the runs is what counts."""
    found = figure(kind=kind, is_rate=is_rate)

    assert found.ratio == pytest.approx(ratio)
    assert found.is_missed == ("MISSED" in words)
    header, _, row = to_table([found]).splitlines()
    assert [header.index(name) for name in HEADER] == sorted(header.index(n) for n in HEADER)
    for cell in ("a thing", "3 ms", "another: 4 ms", words, "2 - 3 - 6"):
        assert row.index(cell) in {header.index(name) for name in HEADER}

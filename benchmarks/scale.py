"""Screening at scale: CPU seconds of our engines beside reading alone and beside queries by hand.

    python -m benchmarks.scale [--rows 10000000]

Virtual people: 49 values of the first study and an id, 15 % of the cells empty. Times are CPU
seconds (user and system, all threads), the least of several runs after one to warm up: wall time
on a shared machine says more about the neighbors. What counts is the ratio within one run.
"""

import resource
from collections.abc import Callable

import numpy as np
import polars as pl

from equipoise.study.study import Study
from equipoise.study.vocabulary import value_names

EMPTY = 0.15
COMPUTED = {"birth_month", "first_non_raynaud_on", "raynaud_on", "neoplasm_on", "weight", "height"}
RANGES = {
    "age": (10, 95),
    "acr_eular": (0, 20),
    "mrss": (0, 51),
    "duration": (0, 30),
    "hb": (6, 18),
    "crp": (0, 60),
    "neutrophils": (0.5, 12),
    "platelets": (20, 500),
    "lymphocytes": (0.2, 5),
    "alt": (5, 200),
    "alt_upper": (30, 50),
    "ast": (5, 200),
    "ast_upper": (30, 50),
    "gfr": (10, 140),
    "fvc": (30, 120),
    "dlco": (15, 120),
    "dlco_corrected": (15, 120),
    "lvef": (25, 75),
    "spap": (15, 80),
    "mpap": (8, 60),
    "bmi": (13, 40),
    "neoplasm_age": (0, 40),
}
WHOLE = {"age": pl.Int16, "mrss": pl.Int16, "acr_eular": pl.Int8}


def draw_people(study: Study, n: int, *, seed: int = 1) -> pl.DataFrame:
    """`n` virtual people with every value of the study and one judgement, each cell empty or not
    by a coin of its own."""
    rng = np.random.default_rng(seed)
    columns = [pl.Series("person_id", np.arange(n))]
    for name, kind in value_names(study).items():
        if name in COMPUTED or name == "reference_date":
            continue
        if kind.kind == "number":
            low, high = RANGES[name]
            drawn = pl.Series(name, rng.integers(low * 10, high * 10, n) / 10)
            drawn = drawn.cast(WHOLE[name]) if name in WHOLE else drawn
        elif kind.kind == "boolean":
            drawn = pl.Series(name, rng.random(n) < 0.2)
        else:
            codes = pl.Series(kind.codes, dtype=pl.Enum(list(kind.codes)))
            drawn = codes.gather(rng.integers(0, len(codes), n)).alias(name)
        columns.append(_with_holes(drawn, rng))
    columns.append(_with_holes(pl.Series("5b-attribution", rng.random(n) < 0.7), rng))
    return pl.DataFrame(columns)


def _with_holes(drawn: pl.Series, rng: np.random.Generator) -> pl.Series:
    is_there = pl.Series(rng.random(len(drawn)) >= EMPTY)
    return pl.select(pl.when(is_there).then(drawn).otherwise(None).alias(drawn.name)).to_series()


def cpu_seconds(act: Callable[[], object], *, runs: int = 5) -> float:
    """The least CPU time of several runs after one to warm up."""
    act()
    return min(_once(act) for _ in range(runs))


def _once(act: Callable[[], object]) -> float:
    before = _used()
    act()
    return _used() - before


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

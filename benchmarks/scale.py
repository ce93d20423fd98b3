"""Screening at scale: CPU seconds of our engines beside reading alone and beside queries by hand.

    python -m benchmarks.scale [--rows 10000000] [--memory]

Virtual people: 49 values of the first study and an id, 15 % of the cells empty. Times are CPU
seconds (user and system, all threads), the least of several runs after one to warm up: wall time
on a shared machine says more about the neighbors. What counts is the ratio within one run.
"""

import argparse
import datetime as dt
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import polars as pl
from sqlglot import exp

from equipoise.cli.folders import first_study, load_checked
from equipoise.problems import Where
from equipoise.screening import prepare, screen
from equipoise.screening import run as engine_run
from equipoise.screening.engine import SATISFIED, WAITS, judge, verdicts
from equipoise.screening.mapping import Concept, Facts, latest
from equipoise.screening.people import masks
from equipoise.screening.warehouse.database import plan_warehouse
from equipoise.screening.warehouse.mapped import Source
from equipoise.screening.warehouse.queries import people_query
from equipoise.study.study import Study
from equipoise.study.vocabulary import value_names

EMPTY = 0.15
COMPUTED = {"birth_month", "first_non_raynaud_on", "raynaud_on", "neoplasm_on", "weight", "height"}
OTHER_READINGS = {"creatinine", "fvc_equation", "gfr_method", "signed_copy"}
"""Values that the criteria ask for under another reading of a decision alone."""
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
        if name in COMPUTED | OTHER_READINGS or name == "reference_date":
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


class Seconds(float):
    """The least of several runs, which also tells how often it ran and the most that it took."""

    most: float
    runs: int


def cpu_seconds(act: Callable[[], object], *, runs: int = 5) -> Seconds:
    """The least CPU time of several runs after one to warm up."""
    return in_turn(act, runs=runs)[0]


def in_turn(*acts: Callable[[], object], runs: int = 5) -> list[Seconds]:
    """As `cpu_seconds`, of each: run one after the other, so that a busy machine slows all."""
    for act in acts:
        act()
    taken = zip(*([_once(act) for act in acts] for _ in range(runs)), strict=True)
    return [_least(of_one) for of_one in taken]


def _least(taken: Sequence[float]) -> Seconds:
    found = Seconds(min(taken))
    found.most, found.runs = max(taken), len(taken)
    return found


def _once(act: Callable[[], object]) -> float:
    before = _used()
    act()
    return _used() - before


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Row(NamedTuple):
    """One figure: ours, what it is held against, and how often the one is of the other."""

    what: str
    seconds: Seconds
    against: str
    reference: Seconds
    limit: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.reference


def run(rows: int = 1_000_000, *, runs: int = 3) -> list[Row]:
    """Every figure, for so many people; the measurements are three for each."""
    study = load_checked(first_study())
    people = draw_people(study, rows)
    with tempfile.TemporaryDirectory() as folder:
        parquet = Path(folder) / "people.parquet"
        people.write_parquet(parquet, compression="snappy")
        found = [*_in_memory(study, people, runs), *_from_parquet(study, parquet, runs)]
        found += _in_duckdb(study, parquet, runs)
        del people
        facts = draw_facts(3 * rows)
        return [*found, *_latest(study, facts, runs)]


def _in_memory(study: Study, people: pl.DataFrame, runs: int) -> Iterator[Row]:
    rows = people.lazy()
    engine = prepare(study, rows, {}, reference_on=None, where=Where("people"))
    read = cpu_seconds(lambda: people.select(pl.all().max()), runs=runs)
    ours = cpu_seconds(lambda: engine_run(engine, rows, where=Where("people")), runs=runs)
    yield Row("frame: verdicts and all counts", ours, "max of every column", read, 2.5)
    by_hand = polars_by_hand(rows)
    plan = cpu_seconds(lambda: by_hand.collect(engine="in-memory"), runs=runs)
    yield Row("frame: verdicts and all counts", ours, "the same in Polars by hand", plan, 1.0)
    kept = verdicts(engine, judge(engine, rows)).select(SATISFIED, WAITS, *masks(engine))
    both = cpu_seconds(lambda: kept.collect(engine="streaming"), runs=runs)
    yield Row("frame: verdicts and both masks kept", both, "counts alone", ours, 4.0)


def _from_parquet(study: Study, path: Path, runs: int) -> Iterator[Row]:
    def read() -> None:
        pl.scan_parquet(path).select(pl.all().max()).collect(engine="streaming")

    ours = cpu_seconds(lambda: screen(study, path), runs=runs)
    yield Row(
        "Parquet: verdicts and all counts",
        ours,
        "reading alone",
        cpu_seconds(read, runs=runs),
        1.15,
    )


def _in_duckdb(study: Study, path: Path, runs: int) -> Iterator[Row]:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE people AS FROM '{path}'")
        described = connection.execute("DESCRIBE people").fetchall()
        types = {n: "varchar" if t.startswith("ENUM") else t.lower() for n, t, *_ in described}
        plan = plan_warehouse(
            study,
            Source(exp.to_table("people"), types),
            {},
            reference_on=None,
            where=Where("people"),
        )
        queries = people_query(plan, "duckdb"), BY_HAND
        made = [f"CREATE OR REPLACE TEMP TABLE kept AS {q}" for q in queries]
        assert len({_number(connection, m, "SELECT count(*) FROM kept") for m in made}) == 1
        # With more threads DuckDB takes more CPU for the same work, whosever query it is.
        for threads in sorted({1, _number(connection, "SELECT current_setting('threads')")}):
            connection.execute(f"SET threads = {threads}")
            ours, theirs = in_turn(*(partial(connection.execute, m) for m in made), runs=runs)
            what = f"DuckDB: survivors, threads: {threads}"
            yield Row(what, ours, "the same query by hand", theirs, 1.2)


def _number(connection: duckdb.DuckDBPyConnection, *queries: str) -> int:
    """The number that the last of some queries gives."""
    for query in queries:
        connection.execute(query)
    (found,) = connection.fetchall()[0]
    return int(found)


def believed(name: str, low: float, high: float) -> str:
    return f"CASE WHEN {name} BETWEEN {low} AND {high} THEN {name} END"


V = {
    n: believed(n, *bounds)
    for n, bounds in {
        "age": (0, 110),
        "duration": (0, 70),
        "mrss": (0, 51),
        "hb": (2, 25),
        "crp": (0, 500),
        "neutrophils": (0, 100),
        "platelets": (1, 2000),
        "lymphocytes": (0, 100),
        "alt": (1, 10000),
        "alt_upper": (10, 100),
        "ast": (1, 10000),
        "ast_upper": (10, 100),
        "gfr": (1, 250),
        "fvc": (10, 180),
        "dlco": (5, 180),
        "dlco_corrected": (5, 180),
        "lvef": (5, 90),
        "spap": (5, 150),
        "mpap": (3, 100),
        "bmi": (8, 90),
        "neoplasm_age": (0, 100),
    }.items()
}
INCLUDED = [
    f"({V['age']}) >= 18 AND ({V['age']}) < 71",
    "acr_eular >= 9 AND NOT better_explained",
    f"""(({V["duration"]}) <= 2 AND ({V["mrss"]}) >= 20
        AND (({V["crp"]}) > 5 OR ({V["hb"]}) < 11))
     OR (({V["mrss"]}) >= 15 AND "5b-attribution" AND (
        (((({V["dlco"]}) < 80) OR (({V["fvc"]}) < 80)) AND ild)
        OR (({V["spap"]}) > 35 AND ({V["spap"]}) < 50)
        OR (rhc_done AND ({V["mpap"]}) > 20 AND ({V["mpap"]}) < 40)
        OR renal_crisis OR hemolytic_anemia OR renal_insufficiency OR heart_failure OR rhythm
        OR av_block IN ('second', 'third') OR effusion IN ('mild', 'moderate')
        OR (mri_done AND (mri_mapping OR mri_enhancement OR mri_septum))))""",
    "NOT (sex = 'female' AND may_conceive) OR contraception = 'highly_effective'",
    "NOT (sex = 'male' AND may_conceive) OR condoms",
    "insurance",
]
EXCLUDED = [
    "sex = 'female' AND may_conceive AND (pregnancy = 'positive' OR contraception = 'refused')",
    f"""({V["dlco_corrected"]}) < 30 OR ({V["lvef"]}) < 40 OR ({V["spap"]}) > 50
        OR (rhc_done AND ({V["mpap"]}) > 40) OR ({V["gfr"]}) < 30""",
    f"({V['ast']}) > 3 * ({V['ast_upper']}) + 1e-9 OR ({V['alt']}) > 3 * ({V['alt_upper']}) + 1e-9",
    f"""(neoplasm AND neoplasm_kind = 'other' AND ({V["neoplasm_age"]}) < 5)
        OR myelodysplasia""",
    "hiv IN ('hiv_1', 'hiv_2', 'both')",
    f"({V['bmi']}) < 16.5",
    f"""({V["neutrophils"]}) < 1 OR ({V["platelets"]}) < 50 OR ({V["hb"]}) < 8
        OR ({V["lymphocytes"]}) < 0.5""",
    "in_other_trial",
    "guardianship = 'tutelle'",
]
_ALL = [*INCLUDED, *EXCLUDED]
BY_HAND = (
    "SELECT person_id, "
    + " + ".join(f"CAST((({c}) IS TRUE) AS BIGINT) * {1 << k}" for k, c in enumerate(_ALL))
    + " AS met, "
    + " + ".join(f"CAST((({c}) IS NULL) AS BIGINT) * {1 << k}" for k, c in enumerate(_ALL))
    + " AS unknown FROM people WHERE "
    + " AND ".join(
        [*(f"({c}) IS NOT FALSE" for c in INCLUDED), *(f"({c}) IS NOT TRUE" for c in EXCLUDED)]
    )
)
"""As a careful person writes it: filter by what excludes, then explain who is left."""


def polars_by_hand(people: pl.LazyFrame) -> pl.LazyFrame:
    """The counts of a funnel as a careful person writes them: a column a criterion, joined in
    order, the trues and the nulls of each counted."""
    judged = [pl.sql_expr(c) for c in INCLUDED] + [~pl.sql_expr(c) for c in EXCLUDED]
    steps = list(accumulate((pl.col(f"{k}") for k in range(len(judged))), lambda a, b: a & b))
    counted = [
        count.alias(f"{kind} {k}")
        for k, step in enumerate(steps)
        for kind, count in (
            ("met", pl.col(f"{k}").sum()),
            ("unknown", pl.col(f"{k}").null_count()),
            ("passed", step.sum()),
            ("open", step.null_count()),
        )
    ]
    return people.select(c.alias(f"{k}") for k, c in enumerate(judged)).select(counted)


ANALYTES = (
    "hb",
    "crp",
    "neutrophils",
    "platelets",
    "lymphocytes",
    "alt",
    "alt_upper",
    "ast",
    "ast_upper",
    "gfr",
    "weight",
)
REFERENCE = dt.date(2026, 3, 27)


def draw_facts(n: int, *, seed: int = 2) -> pl.DataFrame:
    """`n` measurements of eleven analytes over two years, fifteen for each person."""
    rng = np.random.default_rng(seed)
    codes = pl.Series(ANALYTES, dtype=pl.Enum(list(ANALYTES)))
    first = np.datetime64(REFERENCE) - 730
    return pl.DataFrame(
        {
            "person": rng.integers(0, max(1, n // 15), n),
            "concept": codes.gather(rng.integers(0, len(codes), n)),
            "value": rng.integers(10, 2000, n) / 10,
            "day": pl.Series(first + rng.integers(0, 730, n)).cast(pl.Date),
        }
    )


def _latest(study: Study, facts: pl.DataFrame, runs: int) -> Iterator[Row]:
    units = {n: t.unit for n, t in value_names(study).items()}
    mapped = Facts(
        person="person",
        concept="concept",
        value="value",
        on="day",
        concepts={a: Concept(gives=a, unit=units[a]) for a in ANALYTES},
    )
    ours = latest(study, mapped, facts.lazy(), reference_on=REFERENCE)
    start = REFERENCE - dt.timedelta(days=28)
    by_hand = (
        facts.lazy()
        .filter(pl.col("day").is_between(start, REFERENCE))
        .group_by("person", "concept")
        .agg(pl.col("value").sort_by("day").last())
    )
    taken = in_turn(*(partial(q.collect, engine="streaming") for q in (ours, by_hand)), runs=runs)
    yield Row("latest in its window, ties found", taken[0], "filter, group, last", taken[1], 1.3)


class Memory(NamedTuple):
    """The most that a process took, in MB: its own memory, and all that was resident."""

    own: int
    resident: int


SCREENING = """
import sys; from pathlib import Path
from equipoise.cli.folders import first_study, load_checked
from equipoise.screening import screen
screen(load_checked(first_study()), Path(sys.argv[1]))
print(Path("/proc/self/status").read_text())
"""


def _memory(rows: int) -> Memory:
    """What a process of its own takes that screens so many people from Parquet. Linux keeps the
    most that was resident; its own part, without mapped files, is looked at every few ms."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.parquet"
        draw_people(load_checked(first_study()), rows).write_parquet(path, compression="snappy")
        command = [sys.executable, "-c", SCREENING, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            own = 0
            while process.poll() is None:
                own = max(own, _told(Path(f"/proc/{process.pid}/status").read_text(), "RssAnon"))
                time.sleep(0.004)
            assert process.stdout is not None and process.returncode == 0
            return Memory(own, _told(process.stdout.read(), "VmHWM"))


def _told(status: str, name: str) -> int:
    """Megabytes; none of a process that has ended but was not waited for."""
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    return int(found[1]) // 1024 if found else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--memory", action="store_true", help="most memory, at 1 and 10 times ROWS")
    told = parser.parse_args()
    if told.memory:
        for times in (1, 10):
            took = _memory(times * told.rows)
            print(
                f"{times * told.rows:>12,} people from Parquet: {took.own:,} MB of its own, "
                f"{took.resident:,} MB resident"
            )
        return 0
    for row in run(told.rows):
        verdict = "held" if row.ratio <= row.limit else "MISSED"
        ours, theirs = row.seconds, row.reference
        print(
            f"{row.what:<38}{ours:7.3f} to {ours.most:.3f} s, {ours.runs} runs {row.ratio:6.2f} x "
            f"{row.against} ({theirs:.3f} to {theirs.most:.3f} s), limit {row.limit}: {verdict}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

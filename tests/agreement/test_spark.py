"""The SQL of the criteria in a local Spark: the same statuses and counts. A long run, which needs
PySpark and a Java 17."""

import datetime as dt
import os
import random
import warnings
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from sqlglot import exp

from equipoise.problems import Where
from equipoise.screening import prepare, run
from equipoise.screening.people import assess_people
from equipoise.screening.warehouse.database import plan_warehouse
from equipoise.screening.warehouse.mapped import Source
from equipoise.screening.warehouse.queries import count_query, people_query
from equipoise.study.criteria import Criterion
from equipoise.study.study import Study
from tests.agreement.people import MORE_VALUES, NAMED_RULES
from tests.unit.eligibility.small_study import judged, study

pytestmark = pytest.mark.skipif(
    not os.environ.get("EQUIPOISE_SPARK"), reason="needs Java and Spark, which make spark installs"
)
TYPES = {
    "person_id": ("bigint", pl.Int64),
    "crp": ("double", pl.Float64),
    "hb": ("double", pl.Float64),
    "weight": ("double", pl.Float64),
    "height": ("int", pl.Int32),
    "born": ("date", pl.Date),
    "onset": ("date", pl.Date),
    "sex": ("string", pl.String),
    "method": ("string", pl.String),
    "fertile": ("boolean", pl.Boolean),
    "reference_date": ("date", pl.Date),
    "E1": ("boolean", pl.Boolean),
}
CHOICES: dict[str, tuple[object, ...]] = {
    "crp": (None, 0.0, 5.0, 5.000001, 12.7),
    "hb": (None, 19.0, 38.1, 109.9, 110.0, 250.0),
    "weight": (None, 42.25, 57.0, 60.0, 120.0),
    "height": (None, 0, 160, 190),
    "born": (None, dt.date(1955, 3, 27), dt.date(1985, 7, 2), dt.date(2008, 2, 29)),
    "onset": (None, dt.date(2024, 2, 29), dt.date(2024, 3, 27), dt.date(2026, 3, 1)),
    "sex": (None, "female", "male"),
    "method": (None, "good", "bad"),
    "fertile": (None, True, False),
    "reference_date": (None, dt.date(2026, 3, 27), dt.date(2024, 2, 29)),
    "E1": (None, True, False),
}


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    from pyspark import sql

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        builder = sql.SparkSession.builder.master("local[2]").appName("equipoise")
        settings = {
            "spark.ui.enabled": "false",
            "spark.sql.ansi.enabled": "true",
            "spark.sql.shuffle.partitions": "2",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
        }
        for key, value in settings.items():
            builder = builder.config(key, value)
        session = builder.getOrCreate()
    yield session
    session.stop()


def people(n: int = 400) -> pl.DataFrame:
    drawing = random.Random(7)
    rows = [
        (at, *(drawing.choice(CHOICES[name]) for name in TYPES if name != "person_id"))
        for at in range(n)
    ]
    return pl.DataFrame(rows, schema={n: t for n, (_, t) in TYPES.items()}, orient="row")


def studies() -> Iterator[Study]:
    """Every kind of rule, a few at a time."""
    for at in range(0, len(NAMED_RULES), 6):
        rules = NAMED_RULES[at : at + 6]
        inclusion = tuple(Criterion(number=str(k), is_=r) for k, r in enumerate(rules[:3], 1))
        exclusion = tuple(Criterion(number=str(k), is_=r) for k, r in enumerate(rules[3:], 2))
        asked = Criterion(number="1", judgement=judged())
        yield study(inclusion, (asked, *exclusion), MORE_VALUES)


@pytest.mark.filterwarnings("ignore")
def test_spark_gives_the_verdicts_of_polars(spark: Any) -> None:
    """Counts of everybody, and masks of whom nothing excludes."""
    table = people()
    described = ", ".join(f"`{n}` {t}" for n, (t, _) in TYPES.items())
    frame = spark.createDataFrame(table.rows(), described)
    frame.createOrReplaceTempView("people")
    frame.cache()
    types = {n: "varchar" if t == "string" else t for n, (t, _) in TYPES.items()}
    types["height"] = "integer"
    for assessed in studies():
        where = Where("people")
        plan = plan_warehouse(
            assessed, Source(exp.to_table("people"), types), {}, reference_on=None, where=where
        )
        counted = spark.sql(count_query(plan, "spark")).collect()[0].asDict()
        kept = spark.sql(people_query(plan, "spark")).collect()

        engine = prepare(assessed, table.lazy(), {}, reference_on=None, where=where)
        funnel = run(engine, table.lazy(), where=where)
        judged_rows = assess_people(engine, table.lazy()).collect()

        assert counted["eligible"] == funnel.eligible
        assert counted["open"] == (funnel.undecided or 0) + (funnel.potential or 0)
        for c in funnel.criteria:
            assert (counted[f"met {c.id}"], counted[f"unknown {c.id}"]) == (c.met, c.unknown), c.id
        expected = judged_rows.filter(pl.col("verdict") != "not_eligible")
        assert {(r["person"], r["met"], r["unknown"]) for r in kept} == set(
            expected.select("person", "met", "unknown").iter_rows()
        )

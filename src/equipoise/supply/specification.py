"""Results held against a product's specification: released, conditionally, or not."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from equipoise.problems import LANGUAGES, Problem, Text, Where, problem
from equipoise.study.protocol import Product, ReleaseTest

Result = float | str
VIABILITY = "viability"
"""The test whose result is what was counted in a thawed bag of cells, in percent."""
Standing = Literal["met", "failed", "pending"]


class Judged(Struct, frozen=True):
    """Where a batch or a bag stands: the tests by what became of them.

    `noted` are results that are for information and never stop anything.
    """

    met: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()

    @property
    def is_released(self) -> bool:
        """Every test that decides has a result within its limit."""
        return not (self.failed or self.pending or self.missing)

    @property
    def may_be_conditional(self) -> bool:
        """Nothing failed, and only what may follow is awaited."""
        return bool(self.pending) and not (self.failed or self.missing)


def tests_at(product: Product, step: Literal["release", "thaw"]) -> tuple[ReleaseTest, ...]:
    """The tests of a product's specification that are done at a step."""
    return tuple(t for t in product.specification if t.at == step)


def tests_after_thaw(product: Product) -> tuple[ReleaseTest, ...]:
    """The tests of a thawed bag that are done beside its count, which gives the viability."""
    tests = tests_at(product, "thaw")
    return tuple(t for t in tests if t.id != VIABILITY) if product.active else tests


def judge_results(tests: Iterable[ReleaseTest], results: Mapping[str, Result]) -> Judged:
    """Each test with its result; a test without one is pending if it may follow, else missing."""
    found: dict[str, list[str]] = {name: [] for name in Judged.__struct_fields__}
    for test in tests:
        found[_kind(test, results.get(test.id))].append(test.id)
    return Judged(**{name: tuple(ids) for name, ids in found.items()})


def is_within(test: ReleaseTest, result: Result) -> bool:
    """Whether a result keeps the limit; a code where a number is asked, or the reverse, does not.

    Limits belong to the interval: a viability of exactly 70 % meets "at least 70".
    """
    if test.equals:
        return result == test.equals
    if isinstance(result, str) or not math.isfinite(result):
        return False
    low = -math.inf if test.at_least is None else test.at_least
    high = math.inf if test.at_most is None else test.at_most
    return low <= result <= high


def check_results(
    tests: Sequence[ReleaseTest], results: Mapping[str, Result], *, where: Where
) -> Iterator[Problem]:
    """Each result, good or bad, is of one of these tests: one of its codes, or a number."""
    by_id = {t.id: t for t in tests}
    for name, result in results.items():
        if name not in by_id:
            yield problem("EQ-B027", where, test=name, known=names_of(tests, by_id))
        elif not _is_of(by_id[name], result):
            yield problem("EQ-B029", where, result=result)


def names_of(tests: Iterable[ReleaseTest], ids: Iterable[str]) -> Text:
    """The tests of these names in words; a name of none of them as it is."""
    known = {t.id: t.label for t in tests}
    labels = [known.get(i, Text(i)) for i in ids]
    return Text(*(", ".join(x.say(language) for x in labels) for language in LANGUAGES))


def _is_of(test: ReleaseTest, result: Result) -> bool:
    return result in test.choices if test.choices else not isinstance(result, str)


def _kind(test: ReleaseTest, result: Result | None) -> str:
    if not test.decides:
        return "noted"
    if result is None:
        return "pending" if test.may_follow else "missing"
    return "met" if is_within(test, result) else "failed"

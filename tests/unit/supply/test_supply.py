"""European codes, specifications, the count of places, and labels that tell nothing."""

import datetime as dt
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.problems import Text, Where
from equipoise.study.protocol import ReleaseTest
from equipoise.supply import (
    Judged,
    Receipt,
    count_places,
    draw_label,
    judge_results,
    read_european_code,
    read_scans,
    symbol_of,
)
from equipoise.supply.specification import is_within

HERE = Where(record="B1")
CODE = "FR" + "000123" + "0000000012345" + "E" + "0000057" + "000" + "20271231"
ABC = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@pytest.mark.requirement("C74")
def test_a_european_code_is_parsed() -> None:
    """Country, establishment, donation (21 together), system, product, split, expiry: 40."""
    assert len(CODE) == 40
    for text in (CODE, CODE.lower(), f"SEC:{CODE[:21]} {CODE[21:]}"):
        code, problems = read_european_code(text, where=HERE)
        assert problems == ()
        assert code is not None
        assert code.donation_sequence == CODE[:21]
        assert (code.country, code.establishment, code.system) == ("FR", "000123", "E")
        assert (code.product, code.split) == ("0000057", "000")
        assert code.expires_on == dt.date(2027, 12, 31)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (CODE[:-1], "EQ-B014"),
        (CODE + "0", "EQ-B014"),
        ("", "EQ-B014"),
        ("ZZ" + CODE[2:], "EQ-B015"),
        ("F0" + CODE[2:], "EQ-B015"),
        (CODE[:21] + "C" + CODE[22:], "EQ-B015"),
        (CODE[:10] + "-" + CODE[11:], "EQ-B015"),
        (CODE[:32] + "2027123A", "EQ-B015"),
        (CODE[:32] + "20270229", "EQ-B016"),
        (CODE[:32] + "20271301", "EQ-B016"),
    ],
)
def test_what_is_no_european_code(text: str, code: str) -> None:
    found, problems = read_european_code(text, where=HERE)

    assert found is None
    assert [p.code for p in problems] == [code]


def test_a_code_may_have_no_expiry() -> None:
    code, problems = read_european_code(CODE[:32] + "00000000", where=HERE)

    assert (problems, code and code.expires_on) == ((), None)


@given(
    st.text(ABC, min_size=19, max_size=19),
    st.sampled_from("ABE"),
    st.text(ABC, min_size=10, max_size=10),
    st.dates(dt.date(2000, 1, 1), dt.date(2099, 12, 31)),
)
def test_what_is_put_together_is_read_again(
    source: str, system: str, product: str, on: dt.date
) -> None:
    text = f"DE{source}{system}{product}{on:%Y%m%d}"
    code, _ = read_european_code(text, where=HERE)

    assert code is not None
    assert code.donation_sequence == f"DE{source}"
    assert (code.product + code.split, code.expires_on) == (product, on)


def limit(name: str, **more: object) -> ReleaseTest:
    return ReleaseTest(id=name, label=Text(name), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("test", "result", "is_met"),
    [
        (limit("cd73", at_least=95), 95.0, True),
        (limit("cd73", at_least=95), 94.9, False),
        (limit("neg", at_most=2), 2.0, True),
        (limit("neg", at_most=2), 2.1, False),
        (limit("ph", at_least=7, at_most=7.6), 7.7, False),
        (limit("ph", at_least=7, at_most=7.6), float("nan"), False),
        (limit("cd73", at_least=95), "95", False),
        (limit("sterility", equals="no-growth"), "no-growth", True),
        (limit("sterility", equals="no-growth"), "growth", False),
        (limit("sterility", equals="no-growth"), 0.0, False),
    ],
)
def test_a_result_is_held_to_its_limit(
    test: ReleaseTest, result: float | str, is_met: bool
) -> None:
    """ISCT 2006: CD73 from 95 %, negative markers up to 2 %; the limits belong to it."""
    assert is_within(test, result) is is_met


def test_a_batch_stands_where_its_worst_result_stands() -> None:
    tests = [
        limit("cd73", at_least=95),
        limit("hla", at_most=2, decides=False),
        limit("sterility", equals="no-growth", may_follow=True),
    ]

    assert judge_results(tests, {}) == Judged(
        missing=("cd73",), pending=("sterility",), noted=("hla",)
    )
    early = judge_results(tests, {"cd73": 97.0, "hla": 30.0})
    assert (early.is_released, early.may_be_conditional) == (False, True)
    late = judge_results(tests, {"cd73": 97.0, "sterility": "no-growth"})
    assert (late.is_released, late.may_be_conditional) == (True, False)
    bad = judge_results(tests, {"cd73": 90.0})
    assert (bad.failed, bad.is_released, bad.may_be_conditional) == (("cd73",), False, False)


D = dt.date(2026, 3, 2)


def days(n: int) -> dt.date:
    return D + dt.timedelta(days=n)


def places(receipts: list[Receipt], *given_on: int, needed: int = 0) -> int:
    return count_places(
        receipts,
        products=["cells", "placebo"],
        bags_each=2,
        infusions=[days(n) for n in given_on],
        needed_until=days(needed),
    )


@pytest.mark.requirement("F22", "F23")
def test_the_scarcest_product_counts_and_every_infusion_uses_up_all() -> None:
    stock = [
        Receipt("cells", 6, days(10)),
        Receipt("cells", 4, days(400)),
        Receipt("placebo", 20, days(400)),
    ]

    assert places(stock) == 5
    assert places(stock, 1) == 4
    assert places(stock, 1, 2, 3) == 2  # the first lot is empty
    assert places(stock, needed=11) == 2  # and it does not last
    assert places(stock, 11, 12) == 3  # what had expired was not used: 6 are still counted today
    assert places(stock, 11, 12, needed=11) == 0
    assert places([Receipt("cells", 99, days(9))]) == 0
    assert count_places([], products=[], bags_each=1, infusions=[], needed_until=D) == 0


N_KITS = 2000


def visible(labels: list[str]) -> np.ndarray:
    """What can be read from a label and its place: digits, parity, sums, order, neighbors."""
    digits = np.array([[int(d) for d in label] for label in labels], float)
    numbers = np.array([int(label) for label in labels], float)
    order = np.arange(len(labels), dtype=float)
    steps = np.diff(numbers, prepend=numbers[0])
    columns = [
        digits,
        (digits % 2),
        digits.sum(1)[:, None] % 10,
        (digits.sum(1) % 2)[:, None],
        (numbers / 1e8)[:, None],
        (numbers % 97)[:, None],
        (order % 3)[:, None],
        (order % 2)[:, None],
        order[:, None],
        steps[:, None],
    ]
    features = np.hstack(columns)
    return (features - features.mean(0)) / (features.std(0) + 1e-12)


def area(truth: np.ndarray, score: np.ndarray) -> float:
    """The area under the curve, by ranks (Mann and Whitney)."""
    ranks = np.argsort(np.argsort(score)) + 1.0
    n_yes = truth.sum()
    n_no = len(truth) - n_yes
    return float((ranks[truth].sum() - n_yes * (n_yes + 1) / 2) / (n_yes * n_no))


def crossed_area(features: np.ndarray, truth: np.ndarray) -> float:
    """A ridge classifier over the features and their products, learned on four fifths each time."""
    pairs = [features[:, i] * features[:, j] for i in range(8) for j in range(i)]
    design = np.column_stack([np.ones(len(truth)), features, *pairs])
    fold = np.arange(len(truth)) % 5
    score = np.empty(len(truth))
    for k in range(5):
        seen = fold != k
        square = design[seen].T @ design[seen] + 10 * np.eye(design.shape[1])
        weights = np.linalg.solve(square, design[seen].T @ (2.0 * truth[seen] - 1))
        score[~seen] = design[~seen] @ weights
    return area(truth, score)


def drawn(make: Callable[[random.Random, bool, set[str]], str]) -> tuple[list[str], np.ndarray]:
    source, used = random.Random(21), set[str]()
    truth = [source.random() < 0.5 for _ in range(N_KITS)]
    labels = []
    for is_active in truth:
        labels.append(make(source, is_active, used))
        used.add(labels[-1])
    return labels, np.array(truth)


@pytest.mark.requirement("F21")
def test_no_classifier_tells_the_arm_from_2000_labels() -> None:
    """Number, digits, parity, order, distance to the last: an area of 0.45 to 0.55."""
    labels, truth = drawn(lambda source, _, used: draw_label(source.randrange, used=used))

    assert len(set(labels)) == N_KITS
    assert {len(label) for label in labels} == {8}
    assert 0.45 <= crossed_area(visible(labels), truth) <= 0.55


@pytest.mark.requirement("F21")
@pytest.mark.parametrize(
    "leak",
    [
        lambda source, active, _: f"{2 * source.randrange(5 * 10**7) + active:08d}",
        lambda source, active, _: f"{source.randrange(10**7) + 5 * 10**7 * active:08d}",
    ],
    ids=["parity", "range"],
)
def test_the_classifier_finds_what_leaks(
    leak: Callable[[random.Random, bool, set[str]], str],
) -> None:
    labels, truth = drawn(leak)

    assert crossed_area(visible(labels), truth) > 0.95


def test_a_label_is_never_given_twice() -> None:
    numbers = iter([7, 7, 9])

    assert draw_label(lambda _: next(numbers), used={"00000007"}) == "00000009"


@pytest.mark.requirement("F24")
@pytest.mark.parametrize(
    ("label", "card", "found"),
    [
        ("12345678", "01-001", ("12345678", "01-001")),
        ("12345678 01-001", "", ("12345678", "")),
        ("", "12345678 01-001", ("12345678", "")),
        ("12345678 01-001", "12345678 01-001", ("12345678", "")),
        ("12345678 01-001", "01-002", ("12345678", "01-002")),
        ("12345678", "", ("12345678", "")),
        ("", "01-001", ("", "01-001")),
        (" ", "", ("", "")),
    ],
)
def test_what_was_scanned_into_two_fields(label: str, card: str, found: tuple[str, str]) -> None:
    """The bar code or the symbol gives the label, and the card alone says who it is."""
    assert read_scans(label, card) == found
    assert read_scans(symbol_of(*found), found[1]) == found or not all(found)

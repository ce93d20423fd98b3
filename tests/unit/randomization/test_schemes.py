"""Each scheme: its chances in every state, its ratio, its balance, and what a list of it keeps."""

import random
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import islice, pairwise, product

import msgspec
import pytest
from exact_walks import arm_chances, follow
from hypothesis import given
from hypothesis import strategies as st

from equipoise.randomization import (
    Specification,
    counter_draws,
    draw_further,
    draw_list,
    walk_of,
)
from equipoise.randomization.schemes import (
    biased_coin,
    big_stick,
    block_urn,
    blocks_of,
    complete,
    pick,
    place_of,
)

EVEN = (1, 1, 1)


def spec(scheme, *, n=18, ratio=EVEN, **settings):
    return Specification(
        study="S1",
        arms=tuple("ABCD"[: len(ratio)]),
        ratio=ratio,
        n_planned=n,
        scheme=scheme,
        **settings,
    )


LISTS = [
    spec("complete"),
    spec("random_allocation_rule"),
    spec("permuted_blocks", blocks=(9,)),
    spec("permuted_blocks", blocks=(3, 6), block_order="random"),
    spec("big_stick", tolerance=2),
    spec("block_urn", lambda_=2),
    spec("biased_coin", probability="0.8"),
]
NAMES = [f"{s.scheme}-{s.block_order}" for s in LISTS]


@pytest.mark.requirement("F10")
@pytest.mark.parametrize("ratio", [(1, 1), (1, 1, 1), (2, 1), (3, 2, 1)])
@pytest.mark.parametrize(
    "make",
    [
        complete,
        lambda r: blocks_of(r, (sum(r),)),
        lambda r: blocks_of(r, (sum(r), 2 * sum(r)), order="random"),
        lambda r: blocks_of(r, (2 * sum(r), sum(r))),
        lambda r: big_stick(r, 1),
        lambda r: big_stick(r, 2),
        lambda r: biased_coin(r, Fraction(4, 5)),
    ],
)
def test_the_ratio_holds_at_every_place_of_the_list(make, ratio):
    """Over all sequences, each arm has exactly its share of the first place, the second, ..."""
    assert follow(make(ratio), ratio, 9).drift == 0


def test_a_block_urn_keeps_only_an_even_ratio_at_every_place():
    """With an taken one it drifts, of which `check` warns."""
    assert follow(block_urn((1, 1, 1), 2), (1, 1, 1), 9).drift == 0
    assert follow(block_urn((2, 1), 2), (2, 1), 12).drift > Fraction(1, 50)


@pytest.mark.requirement("F10")
@pytest.mark.parametrize(("ratio", "size"), [((1, 1, 1), 9), ((2, 1), 6), ((3, 2, 1), 12)])
def test_a_block_ends_at_the_exact_ratio(ratio, size):
    """Whatever was drawn: no other count is possible."""
    ends = follow(blocks_of(ratio, (size,)), ratio, size).ends
    assert ends == {tuple(size // sum(ratio) * share for share in ratio): 1}


def test_shuffled_blocks_have_the_chances_of_the_walk():
    """All answers of a generator, through the shuffle: each sequence as often as the walk says."""
    told = spec("permuted_blocks", n=6, ratio=(2, 1), blocks=(3, 3))
    walk, seen = walk_of(told), Counter()
    for answers in product(range(3), range(2), range(3), range(2)):
        given_in_turn = iter(answers)
        drawn = draw_list(told, draw_below=lambda _n, g=given_in_turn: next(g))
        seen["".join(a.arm for a in drawn)] += 1
    for sequence, n in seen.items():
        chance, state = Fraction(1), walk.start
        for letter in sequence:
            (state,) = walk.openings(state)
            place = "AB".index(letter)
            chance *= arm_chances(walk, state, 2)[place]
            state = walk.advance(state, place)
        assert chance == Fraction(n, 36)


def test_blocks_in_turn_begin_again_from_the_first_size():
    """Three, six, three, six: full counts where a block ends and nowhere else by need."""
    walk = blocks_of((2, 1), (3, 6))
    state, sizes = walk.start, []
    for _ in range(4):
        (state,) = walk.openings(state)
        sizes.append(sum(state[1:]))
        while any(state[1:]):
            state = walk.advance(state, next(k for k, n in enumerate(state[1:]) if n))
    assert sizes == [3, 6, 3, 6]


@given(st.lists(st.integers(0, 2), max_size=30), st.integers(1, 4))
def test_the_stick_never_lets_the_arms_part_by_more(places, tolerance):
    """Whoever is drawn among those it allows, the range stays within the tolerance."""
    walk, state = big_stick(EVEN, tolerance), (0, 0, 0)
    for wanted in places:
        weights = walk.weights(state)
        place = wanted if weights[wanted] else weights.index(1)
        state = walk.advance(state, place)
        assert min(state) == 0
        assert max(state) <= tolerance


def test_the_coin_is_efrons_for_two_arms():
    """Even at a tie, else p for the arm that is behind; and for three arms, odds of p to 1 - p."""
    walk = biased_coin((1, 1), Fraction(2, 3))
    assert walk.weights((0, 0)) == (1, 1)
    assert arm_chances(walk, (0, 3), 2) == [Fraction(2, 3), Fraction(1, 3)]
    assert arm_chances(biased_coin(EVEN, Fraction(2, 3)), (0, 0, 1), 3) == [
        Fraction(2, 5), Fraction(2, 5), Fraction(1, 5),
    ]  # fmt: skip


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 3))
def test_the_urn_is_that_of_its_paper(answers, n_sets):
    """(lambda w + w k - n) of (lambda W + W k - i), with k whole sets drawn (Zhao, Weng 2011)."""
    ratio = (2, 1)
    walk, state, used = block_urn(ratio, n_sets), (0, 0), [0, 0]
    for answer in answers:
        k = min(used[0] // 2, used[1])
        expected = tuple(n_sets * w + w * k - n for w, n in zip(ratio, used, strict=True))
        assert walk.weights(state) == expected
        assert sum(expected) == n_sets * 3 + 3 * k - sum(used)
        place = place_of(answer % sum(expected), expected)
        state = walk.advance(state, place)
        used[place] += 1


def test_a_draw_falls_on_its_place():
    """Each number below the sum belongs to one place, in proportion; beyond it is a bug."""
    assert [place_of(k, (2, 0, 1)) for k in range(3)] == [0, 0, 2]
    with pytest.raises(ValueError, match="0"):
        place_of(3, (2, 0, 1))
    assert pick((0, 5), lambda n: n - 1) == 1


@pytest.mark.requirement("F10", "F12")
@pytest.mark.parametrize("told", LISTS, ids=NAMES)
def test_a_hundred_thousand_draws_have_the_ratio(told):
    """Chi-square over 100,000 places of many lists against their exact shares (0.1 % limit, 2 df).

    Places of one list lean on each other, so one place is taken from each.
    """
    rng, counts = random.Random(1), Counter()
    walk, taken = walk_of(told), 0
    for k in range(100_000):
        if k % 9 == 0:
            state = walk.start
        openings = walk.openings(state)
        state = openings[rng.randrange(len(openings))]
        place = pick(walk.weights(state), rng.randrange)
        state = walk.advance(state, place)
        counts[walk.arms[place]] += k % 9 == 4
        taken += k % 9 == 4
    expected = taken / 3
    assert sum((counts[a] - expected) ** 2 / expected for a in range(3)) < 13.82


@pytest.mark.requirement("C69")
@pytest.mark.parametrize("told", LISTS, ids=NAMES)
def test_a_list_is_the_same_again_and_as_the_walk_allows(told):
    """Replayed from its key; no entry has chance zero; another key gives another list."""
    drawn = draw_list(told, draw_below=counter_draws(b"k"))
    assert drawn == draw_list(told, draw_below=counter_draws(b"k"))
    assert drawn != draw_list(told, draw_below=counter_draws(b"l"))
    assert [a.order for a in drawn] == list(range(1, 19))
    assert {a.arm for a in drawn} <= {"A", "B", "C"}
    states, walk = {walk_of(told).start}, walk_of(told)
    for entry in drawn:
        states = {
            walk.advance(opening, place)
            for state in states
            for opening in walk.openings(state)
            for place, weight in enumerate(walk.weights(opening))
            if weight and "ABC"[walk.arms[place]] == entry.arm
        }
        assert states


@pytest.mark.requirement("F36")
@pytest.mark.parametrize("told", LISTS, ids=NAMES)
def test_a_list_goes_on_after_the_last_planned(told):
    """Without end, the same each time, by the same scheme, and each stratum by itself."""
    strata = msgspec.structs.replace(told, strata=("s", "t"))
    more = {s: list(islice(draw_further(strata, s, seed=b"k"), 60)) for s in "st"}
    assert more["s"] == list(islice(draw_further(strata, "s", seed=b"k"), 60))
    assert [a.order for a in more["t"]] == list(range(19, 79))
    assert {a.stratum for a in more["t"]} == {"t"}
    assert [a.arm for a in more["s"]] != [a.arm for a in more["t"]]
    counts = Counter(a.arm for a in more["s"])
    assert all(5 < counts[a] < 40 for a in "ABC")


def test_a_block_that_was_begun_is_finished_first():
    """Eighteen in drawn blocks of six and nine may end inside one; what follows completes it."""
    told = spec("permuted_blocks", n=20, blocks=(6, 9), block_order="random")
    for k in range(20):
        seed = bytes([k])
        planned = draw_list(told, draw_below=counter_draws(seed))
        arms = [a.arm for a in (*planned, *islice(draw_further(told, "", seed=seed), 40))]
        balanced = [n for n in range(len(arms) + 1) if len(set(_counts(arms[:n]))) == 1]
        assert max(b - a for a, b in pairwise(balanced)) <= 9


def _counts(arms):
    return [arms.count(a) for a in "ABC"]


@pytest.mark.requirement("F36")
def test_blocks_in_turn_go_on_with_the_next_size():
    """After 3, 6, 3 comes 6: balanced after three and after nine more, by need."""
    told = spec("permuted_blocks", n=12, blocks=(3, 6))
    ends = defaultdict(int)
    for k in range(40):
        arms = [a.arm for a in islice(draw_further(told, "", seed=bytes([k])), 9)]
        for n in range(1, 10):
            ends[n] += len(set(_counts(arms[:n]))) == 1
    assert ends[6] == ends[9] == 40
    assert ends[3] < 40


def test_one_block_for_all_holds_at_least_everybody():
    """Twenty in three arms: a block of twenty-one, of which twenty are planned."""
    told = spec("random_allocation_rule", n=20)
    drawn = draw_list(told, draw_below=counter_draws(b"k"))
    (last,) = islice(draw_further(told, "", seed=b"k"), 1)
    assert sorted(_counts([a.arm for a in (*drawn, last)])) == [7, 7, 7]

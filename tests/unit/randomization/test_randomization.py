import hashlib
import hmac
from collections import Counter
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.problems import Text, Where, has_errors
from equipoise.randomization import (
    Allocation,
    Specification,
    check_randomization,
    check_specification,
    counter_draws,
    draw_list,
    specify,
)
from equipoise.study.protocol import (
    CodeBreakBound,
    Factor,
    Identity,
    RandomizationPlan,
    Site,
    StudyArm,
)

SPECIFICATION = Specification(
    study="S1", arms=("A", "B", "C"), ratio=(1, 1, 1), blocks=(9,), n_planned=18
)


def spec(**changes):
    import msgspec

    return msgspec.structs.replace(SPECIFICATION, **changes)


def arms(specification, key=b"key"):
    return [a.arm for a in draw_list(specification, draw_below=counter_draws(key))]


def codes(problems):
    return [p.code for p in problems]


@pytest.mark.requirement("F10")
@given(st.binary(min_size=1, max_size=32))
def test_eighteen_in_blocks_of_nine(key):
    """6/6/6, and 3/3/3 in each half, whatever the key."""
    drawn = arms(SPECIFICATION, key)
    assert Counter(drawn) == {"A": 6, "B": 6, "C": 6}
    assert Counter(drawn[:9]) == {"A": 3, "B": 3, "C": 3}


@pytest.mark.requirement("F10")
def test_unequal_ratio_and_blocks_in_turn():
    """Blocks are used in the order given, again from the first; each holds the ratio."""
    drawn = arms(spec(arms=("A", "B"), ratio=(2, 1), blocks=(3, 6), n_planned=20))
    assert len(drawn) == 21
    for start, end in ((0, 3), (3, 9), (9, 12), (12, 18), (18, 21)):
        block = Counter(drawn[start:end])
        assert block["A"] == 2 * block["B"]


@pytest.mark.requirement("F11")
def test_each_stratum_has_a_list_of_its_own():
    """As long as the whole trial, and not the same as another's."""
    drawn = draw_list(spec(strata=("mild", "severe"), n_planned=90), draw_below=counter_draws(b"k"))
    lists = {s: [a for a in drawn if a.stratum == s] for s in ("mild", "severe")}
    assert drawn[0] == Allocation("mild", 1, drawn[0].arm)
    assert [a.order for a in lists["severe"]] == list(range(1, 91))
    same = sum(a.arm == b.arm for a, b in zip(*lists.values(), strict=True))
    assert 15 <= same <= 45


def test_every_order_of_a_block_is_equally_likely():
    """All answers a generator can give, each once: all 24 orders of four, each once."""
    four = spec(arms=("A", "B", "C", "D"), ratio=(1, 1, 1, 1), blocks=(4,), n_planned=4)
    seen = Counter()
    for answers in product(range(4), range(3), range(2)):
        given_in_turn = iter(answers)
        asked = []

        def draw_below(n, given_in_turn=given_in_turn, asked=asked):
            asked.append(n)
            return next(given_in_turn)

        seen["".join(a.arm for a in draw_list(four, draw_below=draw_below))] += 1
        assert asked == [4, 3, 2]
    assert seen == {"".join(order): 1 for order in permutations("ABCD")}


@pytest.mark.requirement("F12")
def test_draws_are_uniform():
    """Chi-square over 100,000 draws below 6 and below 7 (limits: 0.1 % points, 5 and 6 df)."""
    for n, limit in ((6, 20.52), (7, 22.46)):
        draw_below = counter_draws(b"uniform")
        counts = Counter(draw_below(n) for _ in range(100_000))
        expected = 100_000 / n
        assert sum((c - expected) ** 2 / expected for c in counts.values()) < limit
        assert set(counts) == set(range(n))


def test_numbers_beyond_the_last_multiple_are_passed_over():
    """Below a number just over half the range about every second value is rejected, not folded."""
    n = (1 << 255) + 1
    draw_below = counter_draws(b"reject")
    values = [draw_below(n) for _ in range(50)]
    raw = [
        int.from_bytes(
            hmac.new(
                b"reject", b"equipoise/draw/1" + k.to_bytes(8, "big"), hashlib.sha256
            ).digest(),
            "big",
        )
        for k in range(400)
    ]
    assert values == [v for v in raw if v < n][:50]


@pytest.mark.requirement("C69")
def test_the_list_of_a_known_key_never_changes():
    """A list drawn by an older version must be drawn again by every newer one."""
    draw_below = counter_draws(bytes(range(32)))
    assert [draw_below(1000) for _ in range(8)] == GOLDEN_DRAWS
    assert "".join(arms(SPECIFICATION, bytes(range(32)))) == GOLDEN_LIST


GOLDEN_DRAWS = [445, 104, 754, 403, 143, 651, 918, 849]
GOLDEN_LIST = "ACCBBBAACACCBCAABB"


def plan(**changes):
    fields = {"scheme": "permuted_blocks", "ratio": (1, 1, 1), "blocks": (9,)}
    return RandomizationPlan(**{**fields, **changes})


def check(planned=18, arms=("A", "B", "C"), **changes):
    return check_randomization(
        plan(**changes), arms, planned=planned, locate=lambda key: Where("study.yaml", len(key))
    )


def test_a_sound_plan():
    """The first study's plan has nothing wrong."""
    assert check() == ()
    assert check_specification(SPECIFICATION) == ()


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"ratio": (1, 1)}, ["EQ-V101", "EQ-V102"]),
        ({"blocks": (9, 4, 5)}, ["EQ-V102", "EQ-V102"]),
        ({"blocks": ()}, ["EQ-V103"]),
        ({"planned": 0}, ["EQ-V103"]),
        ({"blocks": (12,)}, ["EQ-V104"]),
        ({"arms": ("A", "A", "B")}, ["EQ-V105"]),
        ({"arms": ("A",), "ratio": (1,)}, ["EQ-V105"]),
        ({"ratio": (), "blocks": (0,)}, ["EQ-V101", "EQ-V102"]),
    ],
)
def test_what_is_wrong_with_a_plan(changes, found):
    """Every fault is reported, at the key that has it."""
    problems = check(**changes)
    assert codes(problems) == found
    assert {p.where.file for p in problems} == {"study.yaml"}


def test_an_open_last_block_is_a_warning():
    """The trial can be run; the statistician is told."""
    assert [p.severity for p in check(blocks=(12,))] == ["warning"]


@pytest.mark.parametrize("strata", [(), ("a", "a")])
def test_strata_are_named_once(strata):
    """No stratum, or one twice, cannot be drawn."""
    assert codes(check_specification(spec(strata=strata))) == ["EQ-V106"]


def plan_of(scheme, **changes):
    return RandomizationPlan(**{"scheme": scheme, "ratio": (1, 1, 1), **changes})


SOUND = [
    plan_of("complete"),
    plan_of("random_allocation_rule"),
    plan_of("permuted_blocks", blocks=(3, 6), block_order="random"),
    plan_of("big_stick", tolerance=2),
    plan_of("block_urn", lambda_=2),
    plan_of("biased_coin", probability=0.6667),
    plan_of("minimization", probability=0.8, floor=0.1),
    plan_of("imported", digest="ab" * 32),
]


def check_plan(plan, planned=18):
    return check_randomization(
        plan, ("A", "B", "C"), planned=planned, locate=lambda key: Where(f"study.yaml/{key}")
    )


@pytest.mark.requirement("F31")
def test_a_bound_for_code_breaks_leaves_somebody_to_guess():
    """Seventeen of eighteen may be broken, not all; nothing is refused for it."""
    for breaks, found in ((17, []), (18, ["EQ-R012"])):
        bound = CodeBreakBound(breaks=breaks, guessed=0.5)
        problems = check(after_breaks=bound)
        assert [p.code for p in problems] == found
        assert not has_errors(problems)


@pytest.mark.parametrize("sound", SOUND, ids=lambda p: p.scheme)
def test_every_scheme_has_a_sound_plan(sound):
    """And none of them without participants."""
    assert check_plan(sound) == ()
    assert codes(check_plan(sound, planned=0)) == ["EQ-V103"]


@pytest.mark.parametrize(
    ("wrong", "found", "key"),
    [
        (plan_of("big_stick"), "EQ-V110", "tolerance"),
        (plan_of("block_urn"), "EQ-V110", "lambda"),
        (plan_of("biased_coin"), "EQ-V110", "probability"),
        (plan_of("minimization", probability=0.8), "EQ-V110", "floor"),
        (plan_of("imported"), "EQ-V110", "digest"),
        (plan_of("complete", blocks=(3,)), "EQ-V111", "blocks"),
        (plan_of("complete", block_order="random"), "EQ-V111", "block_order"),
        (plan_of("block_urn", lambda_=2, tolerance=1), "EQ-V111", "tolerance"),
        (plan_of("big_stick", tolerance=1, floor=0.1), "EQ-V111", "floor"),
        (plan_of("biased_coin", probability=0.5), "EQ-V112", "probability"),
        (plan_of("biased_coin", probability=1.0), "EQ-V112", "probability"),
        (plan_of("minimization", probability=0.66, floor=0.1), "EQ-V112", "probability"),
        (plan_of("minimization", probability=0.9, floor=0.1), "EQ-V114", "floor"),
        (plan_of("imported", digest="AB" * 32), "EQ-V116", "digest"),
        (plan_of("imported", digest="12"), "EQ-V116", "digest"),
        (plan_of("permuted_blocks", blocks=(3, 3), block_order="random"), "EQ-V117", "block_order"),
    ],
)
def test_what_is_wrong_with_the_settings_of_a_scheme(wrong, found, key):
    """What is missing, what does not belong, what is out of range: at its key, as an error."""
    (problem,) = check_plan(wrong)
    assert (problem.code, problem.where.file) == (found, f"study.yaml/{key}")
    assert problem.severity == "error"


@pytest.mark.requirement("F16")
def test_minimization_certain_of_its_arm_is_refused():
    """With probability 1 the next arm could be foreseen; and then no floor is met either."""
    assert codes(check_plan(plan_of("minimization", probability=1.0, floor=0.01))) == [
        "EQ-V112", "EQ-V114",
    ]  # fmt: skip


def test_what_is_only_worth_a_look():
    """A scheme that cannot do what the plan seems to want of it."""
    uneven = plan_of("block_urn", ratio=(2, 1, 1), lambda_=2)
    strata = plan_of("random_allocation_rule", stratify=("site",))
    for plan, found in ((uneven, "EQ-V115"), (strata, "EQ-V113")):
        assert [(p.code, p.severity) for p in check_plan(plan)] == [(found, "warning")]


def test_a_ratio_of_one_arm_asks_no_chance_of_minimization():
    """The ratio is told, and nothing is divided by nothing."""
    plan = plan_of("minimization", ratio=(1,), probability=0.8, floor=0.1)
    assert codes(check_plan(plan)) == ["EQ-V101"]


def test_a_study_becomes_what_its_vault_draws_from():
    """Strata are all combinations of sites and levels, in their order; chances stay exact."""
    factor = Factor(label=Text("Skin"), levels={"mild": "x < 1", "severe": "x >= 1"})
    plan = plan_of(
        "minimization", probability=0.7, floor=0.1, stratify=("site", "skin"),
        factors={"skin": factor},
    )  # fmt: skip
    identity = Identity(
        study="S1",
        title=Text("T"),
        planned_participants=18,
        arms={a: StudyArm(type="other", label=Text(a)) for a in "ABC"},
        sites={"01": Site(label=Text("1")), "02": Site(label=Text("2"))},
    )
    told = specify(identity, plan)
    assert told.strata == ("01/mild", "01/severe", "02/mild", "02/severe")
    assert (told.probability, told.floor, told.arms) == ("0.7", "0.1", ("A", "B", "C"))
    assert check_specification(told) == ()
    assert specify(identity, plan_of("complete")).strata == ("",)

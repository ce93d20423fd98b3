"""Strata: read from what is in the ledger, never typed; what was used stays beside what changed."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from equipoise import conduct
from equipoise.conduct import Person, RunningTrial, StratumChange, find_stratum_changes
from equipoise.conduct.stratifying import stratum_of
from equipoise.ledger import MemoryStore
from equipoise.problems import Refused, Text, Where
from equipoise.randomization import specify
from equipoise.study.protocol import Factor, RandomizationPlan
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.vault import LocalVault, VaultClient, create_vault, read_token

from .conftest import Clock, Course, small_study
from .test_capturing import correct
from .test_opening import codes

SKIN = {"mild": "skin.total < 25", "severe": "skin.total >= 25"}
Opening = Callable[..., Course]


def stratified(*factors: str, scheme: str = "permuted_blocks", **levels: str) -> Study:
    study = small_study(planned=8)
    settings = {
        "permuted_blocks": {"blocks": (2,)},
        "minimization": {"probability": 0.8, "floor": 0.1},
    }[scheme]
    plan = RandomizationPlan(
        scheme=scheme,  # type: ignore[arg-type]
        ratio=(1, 1),
        stratify=factors,
        factors={"skin": Factor(label=Text("Skin", "Peau"), levels=levels or SKIN)},
        **settings,  # type: ignore[arg-type]
    )
    return replace(study, identity=replace(study.identity, randomization=plan))


@pytest.fixture
def opening(tmp_path: Path, clock: Clock) -> Iterator[Opening]:
    opened: list[LocalVault] = []

    def make(study: Study) -> Course:
        plan = study.identity.randomization
        assert plan is not None
        contents = {name: arm.gives for name, arm in study.identity.arms.items()}
        told = specify(study.identity, plan)
        create_vault(tmp_path / "v", told, contents=contents, realm="rehearsal")
        opened.append(LocalVault(tmp_path / "v"))
        assigning = VaultClient(opened[0], read_token(tmp_path / "v", "assign"))
        trial = RunningTrial(study, MemoryStore("small", "rehearsal"), assigning)
        people = [Person(role.value, role.value, role.value) for role in Role]
        conduct.open_trial(trial, at=clock(), people=people)
        return Course(trial, clock)

    yield make
    for vault in opened:
        vault.close()


@pytest.mark.requirement("F01")
def test_strata_come_from_the_site_and_the_entered_values(opening: Opening) -> None:
    """Total 20 is mild, 30 severe; the vault has the list of each stratum, and numbers follow."""
    course = opening(stratified("site", "skin"))
    strata = {}
    for site, arm in (("01", 10), ("01", 20), ("02", 20), ("01", 10)):
        code = course.screen(site)
        course.consent(code)
        course.submit(code, "skin", arm=arm, leg=10)
        course.submit(code, "vitals", weight=70.0, pregnant=False)
        course.judge(code)
        course.randomize(code)
        subject = course.trial.state.participants[code]
        strata[subject.number] = subject.stratum
    assert strata == {
        "R-001": "01/mild", "R-009": "01/severe", "R-025": "02/severe", "R-002": "01/mild",
    }  # fmt: skip
    assert find_stratum_changes(course.trial.study, course.trial.state) == ()


@pytest.mark.requirement("F01")
def test_nobody_can_type_a_stratum() -> None:
    """No act has a parameter for it."""
    for act in (conduct.randomize_participant, *(a for a in conduct.ACTS.values())):
        asked = inspect.signature(getattr(act, "decide", act)).parameters
        assert "stratum" not in asked
        assert not any("level" in name for name in asked)


@pytest.mark.requirement("F01")
@pytest.mark.parametrize(
    ("levels", "code", "said"),
    [
        ({"mild": "skin.leg < 15", "severe": "skin.leg >= 15"}, "EQ-V132", "skin.leg"),
        ({"mild": "skin.arm < 5", "severe": "skin.arm > 15"}, "EQ-V133", "-"),
        ({"low": "skin.arm < 15", "mild": "skin.arm < 20"}, "EQ-V133", "low, mild"),
        ({"low": "skin.arm < 15", "mild": "skin.leg < 20"}, "EQ-V132", "skin.leg"),
    ],
)
def test_no_stratum_no_randomization(
    opening: Opening, levels: dict[str, str], code: str, said: str
) -> None:
    """A missing value, a gap between the levels, two that overlap: refused, in both languages."""
    study = stratified("skin", **levels)
    total = replace(study.eligibility.values["score"], from_="skin.arm")
    score = replace(study.eligibility.inclusion[0], is_="score >= 5")
    eligibility = replace(
        study.eligibility,
        values={**study.eligibility.values, "score": total},
        inclusion=(score, *study.eligibility.inclusion[1:]),
    )
    course = opening(replace(study, eligibility=eligibility))
    who = course.screen()
    course.consent(who)
    conduct.submit_form(
        course.trial,
        by="investigator",
        at=course.clock(),
        participant=who,
        encounter="screening",
        form="skin",
        on=course.clock.today,
        values={"arm": 10, "leg": None},
        not_done={"leg": "Bandage"},
    )
    course.submit(who, "vitals", weight=70.0, pregnant=False)
    course.judge(who)
    with pytest.raises(Refused) as refused:
        course.randomize(who)
    assert codes(refused) == [code]
    (problem,) = refused.value.problems
    assert said in problem.message
    assert "Peau" in problem.say("fr")
    assert course.trial.state.participants[who].status == "screening"


@pytest.mark.requirement("F01")
def test_a_correction_is_kept_beside_what_was_used(opening: Opening) -> None:
    """The number and its stratum stay; what the data say now is told, and so is its loss."""
    course = opening(stratified("site", "skin"))
    code = course.eligible()
    course.randomize(code)
    before = course.trial.state.participants[code]

    correct(course, code, "arm", 20)
    after = course.trial.state.participants[code]
    assert (after.number, after.stratum) == (before.number, "01/mild")
    assert find_stratum_changes(course.trial.study, course.trial.state) == (
        StratumChange(code, "skin", "mild", "severe"),
    )
    request = next(e for e in course.trial.store.read() if e.type == "RandomizationRequested")
    assert msgspec.json.decode(request.body or b"")["stratum"] == "01/mild"
    correct(course, code, "leg", None, not_done="Bandage", seen=2)
    (told,) = find_stratum_changes(course.trial.study, course.trial.state)
    assert (told.used, told.now) == ("mild", "")


@pytest.mark.requirement("F01")
def test_what_comes_after_randomization_is_no_stratum(opening: Opening) -> None:
    """A worse score at the first treatment visit is not what the stratum was read from."""
    course = opening(stratified("skin"))
    code = course.eligible()
    course.randomize(code)
    course.submit(code, "skin", encounter="M0", arm=30, leg=30)
    assert find_stratum_changes(course.trial.study, course.trial.state) == ()


def test_without_a_plan_or_factors_there_is_one_stratum(opening: Opening) -> None:
    """Its name is empty, and nothing can change."""
    study = stratified()
    course = opening(study)
    code = course.eligible()
    course.randomize(code)
    subject = course.trial.state.participants[code]
    assert subject.stratum == ""
    assert find_stratum_changes(study, course.trial.state) == ()
    bare = replace(study, identity=replace(study.identity, randomization=None))
    where = Where(record=code)
    assert stratum_of(bare, subject, on=subject.randomized_on, where=where) == ""
    assert find_stratum_changes(bare, course.trial.state) == ()


@pytest.mark.requirement("F17", "F18")
def test_minimization_counts_everybody_who_was_ever_randomized(
    opening: Opening, clock: Clock
) -> None:
    """Who withdraws stays in the history, as intention to treat keeps them; all of it replays."""
    course = opening(stratified("site", "skin", scheme="minimization"))
    for k in range(7):
        code = course.eligible("01" if k % 2 else "02")
        course.randomize(code)
        if k < 3:
            conduct.withdraw_participant(
                course.trial, by="investigator", at=clock(), participant=code,
                on=clock.today, reason="moved away",
            )  # fmt: skip
    *_, last = course.trial.state.participants
    error = {"kind": "randomized_in_error", "reason": "wrong person", "on": clock.today}
    before = course.trial.state.participants[last]
    conduct.record_deviation(course.trial, by="coordinator", at=clock(), participant=last, **error)
    after = course.trial.state.participants[last]
    assert (after.number, after.status) == (before.number, before.status)
    assert after in course.trial.state.randomized
    waiting = course.eligible("01")
    with pytest.raises(Refused) as refused:
        conduct.record_deviation(
            course.trial, by="coordinator", at=clock(), participant=waiting, **error
        )
    assert codes(refused) == ["EQ-V144"]
    course.randomize(waiting)
    numbers = [p.number for p in course.trial.state.participants.values() if p.number]
    assert sorted(numbers) == [f"R-{k:03}" for k in range(1, 9)]
    assert course.trial.vault is not None
    report = course.trial.vault.verify()
    assert (report.ok, report.n_assigned) == (True, 8)

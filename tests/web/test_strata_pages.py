"""The stratum on a participant's page: the one that was used, and beside it what changed."""

import pytest
from msgspec.structs import replace

from equipoise.conduct import RunningTrial, correct_item
from equipoise.problems import Text
from equipoise.study.load import load_study
from equipoise.study.protocol import Factor
from equipoise.study.roles import Role
from equipoise.study.study import Study

from . import course
from .conftest import FOLDER, SignIn, name_of, said
from .reading import read


@pytest.fixture
def study() -> Study:
    """The first study, stratified by site and by the weight at screening."""
    loaded = load_study(FOLDER).study
    assert loaded is not None
    plan = loaded.identity.randomization
    assert plan is not None
    weight = Factor(
        label=Text("Body weight", "Poids"),
        levels={"light": "vital_signs.weight < 71 kg", "heavy": "vital_signs.weight >= 71 kg"},
    )
    stratified = replace(plan, stratify=("site", "weight"), factors={"weight": weight})
    return replace(loaded, identity=replace(loaded.identity, randomization=stratified))


@pytest.mark.requirement("F01")
def test_the_stratum_used_stays_and_what_changed_is_told(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Before a correction the stratum alone; after it, what the data say now. Not for assessors."""
    code = course.randomized(trial)
    page = f"/participants/{code}/"
    words = said("participant.stratum_now", factor="Body weight", now="heavy")
    before = read(sign_in(Role.COORDINATOR).get(page))
    assert "01/light" in before.text
    assert words not in before.text
    correct_item(
        trial,
        by=name_of(Role.COORDINATOR),
        at=course.now(),
        reason="read from the chart",
        participant=code,
        encounter="screening",
        form="vital_signs",
        item="weight",
        value=75.0,
        seen=1,
    )
    after = read(sign_in(Role.COORDINATOR).get(page))
    assert "01/light" in after.text
    assert words in after.text
    assessor = read(sign_in(Role.OUTCOME_ASSESSOR).get(page))
    assert "01/light" not in assessor.text

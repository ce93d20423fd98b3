"""An amendment of the randomization on the pages: who sees it, who agrees, and what then waits."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from equipoise.conduct import RunningTrial, request_amendment
from equipoise.study.roles import Role
from equipoise.study.study import Study

from . import course
from .conftest import PASSWORD, SignIn, name_of, said
from .reading import Reading, read

PATH = "/amendment/"


@pytest.fixture
def amended(study: Study) -> Study:
    """The first study with its last arm closed and six more people planned."""
    plan = study.identity.randomization
    assert plan is not None
    plan = replace(plan, ratio=(1, 1, 0), blocks=(6, 6, 6, 6))
    identity = replace(study.identity, randomization=plan, planned_participants=24)
    return replace(study, identity=identity, digest="ab" * 32)


@pytest.fixture
def asked(trial: RunningTrial, amended: Study) -> Iterator[RunningTrial]:
    statistician = name_of(Role.STATISTICIAN)
    request_amendment(
        trial, by=statistician, at=course.now(), reason="The board closed it", to=amended
    )
    yield trial


@pytest.mark.requirement("F34")
def test_what_changes_stands_there_before_anybody_agrees(
    asked: RunningTrial, sign_in: SignIn, amended: Study
) -> None:
    """As it is and as it will be, whose list begins anew, who asked and why; no arm is named."""
    page = read(sign_in(Role.SAFETY_OFFICER).get(PATH))
    for text in ("[1,1,1]", "[1,1,0]", "[9,9]", "18", "24", "The board closed it", amended.digest):
        assert text in page.html
    assert said("amendment.all_anew") in page.html
    assert page.value("digest") == amended.digest
    asker = read(sign_in(Role.STATISTICIAN).get(PATH))
    assert not [b for b in asker.all("button") if b.text == said("amendment.button")]
    assert not any(arm in page.html for arm in amended.identity.arms)


@pytest.mark.requirement("F34", "C24")
def test_a_second_person_agrees_with_their_own_proof(
    asked: RunningTrial, sign_in: SignIn, amended: Study
) -> None:
    """A wrong password, another digest, the one who asked: nothing; then randomization waits."""

    def agree(role: Role, password: str = PASSWORD, digest: str = amended.digest) -> Reading:
        data = {"digest": digest, "password": password}
        return read(sign_in(role).post(PATH, data, follow=True))

    assert "EQ-W026" in agree(Role.SAFETY_OFFICER, "wrong").codes
    assert "EQ-C145" in agree(Role.SAFETY_OFFICER, digest="0" * 64).codes
    assert "EQ-C002" in agree(Role.STATISTICIAN).codes
    assert asked.state.amendment is not None and asked.state.amendment.confirmed is None
    page = agree(Role.SAFETY_OFFICER)
    confirmed = asked.state.amendment
    assert confirmed is not None and confirmed.confirmed is not None
    assert said("amendment.waits") in page.html
    assert "EQ-C140" in agree(Role.DATA_MANAGER).codes

    code = course.eligible(asked)
    client = sign_in(Role.COORDINATOR)
    assert said("amendment.banner") in read(client.get("/")).html
    tried = client.post(f"/participants/{code}/randomize/", follow=True)
    assert "EQ-C140" in read(tried).codes
    assert asked.state.participants[code].number == ""


def test_without_an_amendment_the_page_says_so(trial: RunningTrial, sign_in: SignIn) -> None:
    """And no other page has a banner."""
    page = read(sign_in(Role.DATA_MANAGER).get(PATH))
    assert said("amendment.none") in page.html
    assert said("amendment.asked") not in page.html

"""The second person at an infusion shows who they are by any way that the trial uses."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from equipoise.conduct import RunningTrial
from equipoise.study.roles import Role

from . import course, test_elsewhere, test_passkeys
from .authenticating import ORIGIN, Device
from .conftest import PASSWORD, SignIn, name_of, said
from .provider import Provider
from .reading import Reading, read
from .test_elsewhere import provider, settings_of  # noqa: F401 - fixtures
from .test_infusions import SCANNED
from .test_structure import english_in, faults

FIRST, SECOND = name_of(Role.INVESTIGATOR), name_of(Role.COORDINATOR)


@pytest.fixture(autouse=True)
def at_home(behind: Callable[..., None]) -> Iterator[None]:
    from equipoise.web.identity.models import Passkey, Ticket

    behind("site", ORIGIN=ORIGIN)
    yield
    Passkey.objects.all().delete()
    Ticket.objects.all().delete()


class Giving:
    """An infusion about to be begun by the first person, at their screen."""

    def __init__(self, trial: RunningTrial, client: Client) -> None:
        self.trial, self.client, self.code = trial, client, course.prepared(trial)
        self.address = f"/participants/{self.code}/encounters/M0/start/"
        self.page = read(client.get(self.address))
        label = SCANNED["label"]
        self.fields = {"label": label, "scanned": self.code, "_what": self.page.value("_what")}

    def challenge(self, kind: str = "second", **changes: str) -> dict[str, Any]:
        fields = {**self.fields, **changes}
        return test_passkeys.options(self.client, kind, _path=self.address, **fields)

    def send(self, **given: str) -> Reading:
        posted = {**self.fields, **given}
        return read(self.client.post(self.address, posted, follow=True))

    def prove(self, name: str) -> Reading:
        """Through the provider, as somebody, and back."""
        posted = {**self.fields, "_path": self.address, "_kind": "second"}
        return read(test_elsewhere.follow(self.client, self.client.post("/prove/", posted), name))

    @property
    def checked_by(self) -> str:
        infusion = self.trial.state.participants[self.code].infusions["M0"]
        assert (infusion.status == "started") == bool(infusion.checked_by)
        return infusion.checked_by


@pytest.mark.requirement("F24", "C18", "C19")
def test_a_passkey_of_the_second_person_is_enough(trial: RunningTrial, sign_in: SignIn) -> None:
    """It says who it is: no name, no password; the first person stays who is logged in."""
    device = test_passkeys.enroll(sign_in(Role.COORDINATOR))
    giving = Giving(trial, sign_in(Role.INVESTIGATOR))
    assert said("second.passkey", button=said("start.button")) in giving.page.text
    giving.send(passkey=device.answer(giving.challenge()))
    assert giving.checked_by == SECOND
    last = [e for e in trial.store.read() if e.type == "InfusionStarted"][-1]
    assert last.by == FIRST


@pytest.mark.requirement("F24", "C17", "C18", "C19")
def test_a_passkey_answers_for_this_form_and_for_another_person(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """One's own, one of a role that has no part in it, one for other fields, one that was made to
    sign, one that was used: nothing is recorded.
    """
    theirs = test_passkeys.enroll(sign_in(Role.COORDINATOR))
    monitors = test_passkeys.enroll(sign_in(Role.MONITOR))
    client = sign_in(Role.INVESTIGATOR)
    own = test_passkeys.enroll(client)
    giving = Giving(trial, client)

    def send(device: Device, kind: str = "second", **changes: str) -> set[str]:
        return giving.send(passkey=device.answer(giving.challenge(kind, **changes))).codes

    assert send(own) == {"EQ-B053"}
    assert send(monitors) == {"EQ-B054"}
    assert send(theirs, label="87654321") == {"EQ-W044"}
    assert send(own, kind="sign") == {"EQ-W043"}
    assert giving.send(passkey="{}").codes == {"EQ-W042"}
    answer = theirs.answer(giving.challenge())
    assert giving.send(passkey=answer, label="87654321").codes == {"EQ-W044"}
    assert giving.send(passkey=answer).codes == {"EQ-W043"}
    assert giving.checked_by == ""
    stranger = Client().post("/passkeys/options/", {"_kind": "second"})
    assert "EQ-W043" in stranger.json()["problem"]


@pytest.mark.requirement("F24", "C23")
def test_through_the_provider_as_the_second_person(
    trial: RunningTrial,
    provider: Provider,  # noqa: F811
) -> None:
    """A log-in made just now, by somebody else; then the first person presses once more."""
    client, _ = test_elsewhere.come_in(FIRST)
    giving = Giving(trial, client)
    proven = giving.prove(SECOND)
    assert (provider.asked[-1]["prompt"], provider.asked[-1]["max_age"]) == ("login", "0")
    assert said("second.proven") in proven.text
    assert {trial.state.people[n].name in proven.text for n in (FIRST, SECOND)} == {True}
    assert giving.checked_by == ""
    sent = {name: proven.value(name) for name in (*giving.fields, "fresh")}
    assert giving.send(**{**sent, "label": "87654321"}).codes == {"EQ-W059"}
    fresh = giving.prove(SECOND).value("fresh")
    giving.send(**{**sent, "fresh": fresh})
    assert giving.checked_by == SECOND
    assert len(trial.state.people[SECOND].means) == 1


@pytest.mark.requirement("F24", "C18", "C23")
def test_a_log_in_elsewhere_that_is_no_second_person(
    trial: RunningTrial,
    provider: Provider,  # noqa: F811
    sign_in: SignIn,
) -> None:
    """The first person again; one who logged in an hour ago; a proof that was made to sign."""
    client, _ = test_elsewhere.come_in(FIRST)
    giving = Giving(trial, client)
    assert giving.prove(FIRST).codes == {"EQ-W103"}
    provider.forgets_prompt = True
    provider.sessions[SECOND] = 1
    assert giving.prove(SECOND).codes == {"EQ-W056"}
    provider.forgets_prompt = False
    proof = {**giving.fields, "_path": giving.address}
    signing = read(test_elsewhere.follow(client, client.post("/prove/", proof), FIRST))
    assert giving.send(fresh=signing.value("fresh")).codes == {"EQ-W059"}
    assert giving.checked_by == ""


@pytest.mark.requirement("F24", "C21")
def test_nobody_is_no_second_person(
    trial: RunningTrial, sign_in: SignIn, behind: Callable[..., None]
) -> None:
    """Nothing typed counts as no try; without passwords none counts, and none is asked for."""
    giving = Giving(trial, sign_in(Role.INVESTIGATOR))
    for given in ({}, {"second": SECOND}, {"password": PASSWORD}):
        for _ in range(3):
            assert giving.send(**given).codes == {"EQ-W102"}
    behind("site", ORIGIN=ORIGIN, PASSWORDS=False)
    assert giving.send(second=SECOND, password=PASSWORD).codes == {"EQ-W051"}
    page = read(giving.client.get(giving.address))
    assert not page.all("input", id="password")
    assert said("passkey.no_way") in page.text
    behind("site", ORIGIN=ORIGIN)
    typed = giving.send(second=SECOND, password="wrong")
    assert (typed.codes, typed.value("second"), typed.value("password")) == (
        {"EQ-W062"},
        SECOND,
        "",
    )
    giving.send(second=SECOND, password=PASSWORD)
    assert giving.checked_by == SECOND


@pytest.mark.parametrize("language", ["en", "fr"])
def test_its_pages_can_be_read_out(
    language: str,
    trial: RunningTrial,
    provider: Provider,  # noqa: F811
) -> None:
    """The form, the page after the log-in, a refusal."""
    client, _ = test_elsewhere.come_in(FIRST, Client(HTTP_ACCEPT_LANGUAGE=language))
    giving = Giving(trial, client)
    pages = (giving.page, giving.prove(SECOND), giving.prove(FIRST), giving.send())
    for page in pages:
        wrong = list(faults(page)) + (english_in(page) if language == "fr" else [])
        assert (wrong, page.one("html").get("lang")) == ([], language)

"""The people of the trial on their page: who is added, trained, moved, removed; passwords."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from equipoise.conduct import RunningTrial
from equipoise.study.roles import Role

from . import course
from .conftest import PASSWORD, SignIn, name_of, said
from .reading import Reading, read

STRONG = "three words in a row"
PAST = dt.date(2026, 1, 6)


def date_parts(name: str, on: dt.date) -> dict[str, str]:
    return {f"{name}.{part}": str(getattr(on, part)) for part in ("day", "month", "year")}


def add(client: Client, **given: object) -> tuple[int, Reading]:
    where = "ticked" if given.get("sites") else "all"
    posted = {"person": "a.martin", "name": "Alix Martin", "role": "coordinator", "where": where}
    posted |= given
    response = client.post("/people/add/", posted)
    return response.status_code, read(response)


def ticked(page: Reading) -> list[str]:
    boxes = page.all("input", type="checkbox", name="sites")
    return [e.get("value") for e in boxes if "checked" in e.attrs]


def code_on(page: Reading) -> str:
    return page.one("td", **{"class": "code"}).text


def choose(name: str, code: str, password: str = STRONG, again: str | None = None) -> set[str]:
    posted = {"username": name, "code": code, "password": password}
    posted["again"] = password if again is None else again
    response = Client().post("/welcome/", posted)
    assert response.status_code == (422 if response.content else 302)
    return read(response).codes if response.content else set()


def log_in(name: str, password: str) -> tuple[Client, int]:
    client = Client()
    return client, client.post("/sign-in/", {"username": name, "password": password}).status_code


def codes_of_sign_in(name: str, password: str) -> set[str]:
    return read(Client().post("/sign-in/", {"username": name, "password": password})).codes


@pytest.fixture
def administrator(sign_in: SignIn) -> Client:
    get_user_model().objects.filter(username__in=["a.martin", "b.durand"]).delete()
    return sign_in(Role.ADMINISTRATOR)


@pytest.mark.requirement("C26", "C29", "C32")
def test_a_new_coordinator_from_the_first_page_to_the_first_act(
    trial: RunningTrial, administrator: Client
) -> None:
    """A role, a code, an own password; and only once trained may they work, at their site."""
    status, page = add(administrator, sites="02")
    code = code_on(page)
    assert (status, trial.state.people["a.martin"].sites) == (200, ("02",))
    assert log_in("a.martin", STRONG)[1] == 422

    assert choose("a.martin", code) == set()
    client, status = log_in("a.martin", STRONG)
    assert status == 302
    assert read(client.get("/participants/")).codes == {"EQ-C097"}
    for training in ("gcp", "protocol"):
        posted = {"training": training, **date_parts("on", PAST)}
        assert administrator.post("/people/a.martin/train/", posted).status_code == 302
    assert trial.state.people["a.martin"].trained["gcp"] == dt.date(2029, 1, 6)
    assert client.get("/participants/").status_code == 200
    screened = client.post("/screen/", {"site": "02", **date_parts("on", PAST)})
    assert screened.status_code == 302
    assert trial.state.participants["02-001"].stamp.by == "a.martin"


def test_the_sites_are_ticked_and_all_of_them_is_said(
    trial: RunningTrial, administrator: Client, sign_in: SignIn
) -> None:
    """A box for each open site under its own question; nothing is chosen before somebody does."""
    page = read(administrator.get("/people/add/"))
    boxes = page.all("input", type="checkbox", name="sites")
    assert [e.get("value") for e in boxes] == sorted(trial.state.sites)
    assert all(e.is_in("fieldset") for e in boxes)
    assert (page.value("where"), ticked(page)) == ("", [])
    french = read(sign_in(Role.ADMINISTRATOR, language="fr").get("/people/add/")).text
    assert said("people.all_sites", language="fr") in french

    status, page = add(administrator, sites=["01", "02"], name="")
    assert (status, page.value("where"), ticked(page)) == (422, "ticked", ["01", "02"])
    add(administrator, sites=["01", "02"])
    add(administrator, person="b.durand", name="Bo Durand")
    people = trial.state.people
    assert (people["a.martin"].sites, people["b.durand"].sites) == (("01", "02"), ())


def test_what_cannot_be_added_comes_back_with_its_reason(
    trial: RunningTrial, administrator: Client
) -> None:
    """A used name, a site that is none, somebody of the cell unit under another name."""
    n_people = len(trial.state.people)
    cell_unit = trial.state.people[name_of(Role.CELL_UNIT)].name
    cases: list[tuple[dict[str, object], str]] = [
        ({"person": "the-monitor"}, "EQ-C012"),
        ({"person": "A.Martin"}, "EQ-C102"),
        ({"sites": ["01", "77"]}, "EQ-C014"),
        ({"sites": ["01"], "where": "all"}, "EQ-C185"),
        ({"where": "ticked"}, "EQ-C185"),
        ({"where": ""}, "EQ-W001"),
        ({"name": cell_unit}, "EQ-C013"),
        ({"name": ""}, "EQ-W001"),
    ]
    for given, code in cases:
        status, page = add(administrator, **given)
        assert (status, page.codes) == (422, {code})
        assert page.value("person") == given.get("person", "a.martin")
    assert len(trial.state.people) == n_people


@pytest.mark.requirement("C35")
def test_a_code_counts_once_for_its_person(administrator: Client) -> None:
    """Not for another, not twice, not once a newer password is chosen; weak ones are refused."""
    code = code_on(add(administrator)[1])
    other = code_on(add(administrator, person="b.durand", name="Bo Durand")[1])

    assert choose("a.martin", other) == {"EQ-W030"}
    assert choose("nobody-here", code) == {"EQ-W030"}
    assert choose("a.martin", code, again="something else") == {"EQ-W031"}
    assert choose("a.martin", code, "short") == {"EQ-W032"}
    assert choose("a.martin", code, "administrator") == {"EQ-W032"}
    assert choose("a.martin", code) == set()
    assert choose("a.martin", code, "another long password") == {"EQ-W030"}
    assert log_in("a.martin", STRONG)[1] == 302


def test_a_forgotten_password_is_replaced_by_its_owner(administrator: Client) -> None:
    """The administrator gives a new code; the old password counts until it is used."""
    choose("a.martin", code_on(add(administrator)[1]))
    code = code_on(read(administrator.post("/people/a.martin/invite/")))
    assert log_in("a.martin", "a quite new password")[1] == 422

    assert choose("a.martin", code, "a quite new password") == set()
    assert log_in("a.martin", STRONG)[1] == 422
    assert log_in("a.martin", "a quite new password")[1] == 302
    assert choose("a.martin", code) == {"EQ-W030"}


@pytest.mark.requirement("C29", "C35")
def test_an_administrator_alone_does_not_sign_as_somebody_else(
    trial: RunningTrial, administrator: Client, sign_in: SignIn
) -> None:
    """Makes the code, types it, comes in as them: on record and told, and nothing is signed before
    the auditor has asked; the maker confirms nothing."""
    who, user = name_of(Role.INVESTIGATOR), get_user_model()
    code = code_on(read(administrator.post(f"/people/{who}/invite/")))
    before, auditor = user.objects.get(username=who).password, sign_in(Role.AUDITOR)
    try:
        assert choose(who, code) == set()
        client, _ = log_in(who, STRONG)
        told = [(e.type, e.by) for e in trial.store.read() if e.stream == f"person/{who}"][-3:]
        assert [kind for kind, _ in told] == ["InvitationMade", "PasswordChosen", "SignedIn"]
        assert told[0][1] == name_of(Role.ADMINISTRATOR)
        maker = trial.state.people[name_of(Role.ADMINISTRATOR)].name
        assert f"by: {maker}." in client.get("/").content.decode()

        participant = course.consented(trial)
        address = f"/participants/{participant}/sign/"
        posted = {"digest": read(client.get(address)).value("digest"), "password": STRONG}
        assert read(client.post(address, posted)).codes == {"EQ-C190"}
        assert read(client.get("/passkeys/add/")).codes == {"EQ-C190"}
        for asks, n_links in ((administrator, 0), (auditor, 1)):
            page = read(asks.get("/people/"))
            assert said("people.unconfirmed") in page.text
            assert len(page.all("a", href=f"/people/{who}/confirm/")) == n_links
            assert len(read(asks.get("/")).all("a", href=f"/people/{who}/confirm/")) == n_links
        confirm, known = f"/people/{who}/confirm/", {"reason": "asked at the bedside"}
        for asks, codes in ((administrator, {"EQ-C191"}), (auditor, set())):
            page = read(asks.get(confirm))
            known |= {n: page.value(n) for n in ("chosen", "is_answered")}
            assert read(asks.post(confirm, known)).codes == codes
        assert read(auditor.get(confirm)).codes == {"EQ-C192"}
        assert client.post(address, posted).status_code == 302
        assert trial.state.participants[participant].signature is not None
    finally:
        user.objects.filter(username=who).update(password=before)


@pytest.mark.requirement("C31", "C33")
def test_a_change_of_the_delegation_holds_at_the_next_click(
    trial: RunningTrial, administrator: Client, sign_in: SignIn
) -> None:
    """From the day after tomorrow on: an open session is refused, and works again later."""
    client = sign_in("only-at-02")
    assert client.get("/participants/").status_code == 200
    page = read(administrator.get("/people/only-at-02/delegate/"))
    assert (page.value("where"), ticked(page)) == ("ticked", ["02"])
    later = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=2)
    where = {"where": "ticked", "sites": "02", "extent": "role"}
    posted = {**where, "reason": "on leave", **date_parts("from_on", later)}
    assert administrator.post("/people/only-at-02/delegate/", posted).status_code == 302
    shown = read(administrator.get("/people/only-at-02/delegate/"))
    assert shown.value("from_on.year") == str(later.year)

    refused = client.get("/participants/")
    assert (refused.status_code, read(refused).codes) == (403, {"EQ-C096"})
    administrator.post("/people/only-at-02/delegate/", {**where, "reason": "back early"})
    assert client.get("/participants/").status_code == 200
    assert administrator.post("/people/nobody/delegate/", posted).status_code == 403


@pytest.mark.requirement("C29", "C31")
def test_a_role_is_taken_away_with_a_reason(administrator: Client, sign_in: SignIn) -> None:
    """The session of who lost it ends; the list keeps them."""
    client = sign_in(Role.MONITOR)
    address = f"/people/{name_of(Role.MONITOR)}/remove/"
    assert read(administrator.post(address, {"reason": ""})).codes == {"EQ-W001"}
    assert administrator.post(address, {"reason": "left the hospital"}).status_code == 302

    assert read(client.get("/participants/")).codes == {"EQ-C001"}
    assert said("people.removed") in read(administrator.get("/people/")).text
    assert administrator.get(address).status_code == 403


def test_who_is_asked_for_no_training_gets_none(administrator: Client) -> None:
    address = f"/people/{name_of(Role.AUDITOR)}/train/"
    assert read(administrator.get(address)).codes == {"EQ-W029"}


def test_an_auditor_reads_and_changes_nothing(sign_in: SignIn) -> None:
    page = read(sign_in(Role.AUDITOR).get("/people/"))
    assert not page.all("a", href="/people/add/")
    assert said("people.done") in page.text


@pytest.mark.requirement("C21", "C35")
@pytest.mark.parametrize("name", ["the-monitor", "nobody-here"])
def test_five_wrong_passwords_make_a_name_wait(
    name: str, trial: RunningTrial, behind: Callable[..., None], administrator: Client
) -> None:
    """Known or not, in the same words; the right password has to wait too, and it is on record."""
    codes = [codes_of_sign_in(name, "wrong") for _ in range(6)]

    assert codes == [{"EQ-W025"}] * 4 + [{"EQ-W028"}] * 2
    assert codes_of_sign_in(name, PASSWORD) == {"EQ-W028"}
    recorded = [e.stream for e in trial.store.read() if e.type == "SignInBarred"]
    assert recorded == (["person/the-monitor"] if name == "the-monitor" else [])
    told = said("people.barred", at="").strip()
    assert (told in read(administrator.get("/people/")).text) == (name == "the-monitor")


@pytest.mark.requirement("C19", "C21")
def test_who_tries_passwords_at_a_signature_waits_too(trial: RunningTrial, sign_in: SignIn) -> None:
    """Somebody at an open screen cannot guess on: after five, the right one does not sign."""
    code = course.consented(trial)
    client = sign_in(Role.INVESTIGATOR)
    address = f"/participants/{code}/sign/"
    digest = read(client.get(address)).value("digest")

    def sign(password: str) -> set[str]:
        return read(client.post(address, {"digest": digest, "password": password})).codes

    assert [sign("wrong") for _ in range(5)] == [{"EQ-W026"}] * 4 + [{"EQ-W028"}]
    assert sign(PASSWORD) == {"EQ-W028"}
    assert trial.state.participants[code].signature is None

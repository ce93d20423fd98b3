"""Passkeys: made, used to come in and to sign, and every way in which one must not count."""

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from equipoise.conduct import RunningTrial, remove_person
from equipoise.study.roles import Role

from . import course
from .authenticating import ORIGIN, Device
from .conftest import PASSWORD, SignIn, name_of, said
from .reading import Reading, read
from .test_structure import english_in, faults

INVESTIGATOR = name_of(Role.INVESTIGATOR)


@pytest.fixture(autouse=True)
def at_home(behind: Callable[..., None]) -> Iterator[None]:
    """The site door at its own address, with no passkey left from another test."""
    from equipoise.web.identity.models import Passkey, Ticket

    behind("site", ORIGIN=ORIGIN)
    yield
    Passkey.objects.all().delete()
    Ticket.objects.all().delete()


def options(client: Client, kind: str, **fields: str) -> dict[str, Any]:
    told = client.post("/passkeys/options/", {"_kind": kind, **fields}).json()
    assert "publicKey" in told, told
    found: dict[str, Any] = told["publicKey"]
    return found


def problem_of(client: Client, kind: str, **fields: str) -> str:
    response = client.post("/passkeys/options/", {"_kind": kind, **fields})
    assert response.status_code == 422
    return str(response.json()["problem"])


def permit(client: Client) -> str:
    page = read(client.post("/passkeys/add/", {"password": PASSWORD}))
    return page.value("permit")


def enroll(client: Client, device: Device | None = None, name: str = "phone") -> Device:
    device = device or Device()
    may = permit(client)
    made = device.make(options(client, "enroll", permit=may))
    posted = {"permit": may, "name": name, "passkey": made}
    assert client.post("/passkeys/make/", posted).status_code == 302
    return device


def come_in(
    device: Device, *, client: Client | None = None, **bent: Any
) -> tuple[Client, set[str]]:
    client = client or Client()
    answer = device.answer(options(client, "sign_in"), **bent)
    response = client.post("/sign-in/passkey/", {"passkey": answer})
    return client, read(response).codes if response.content else set()


class Casebook:
    """A participant's casebook, to be signed with a passkey."""

    def __init__(self, trial: RunningTrial, client: Client) -> None:
        self.trial, self.client = trial, client
        self.code = course.consented(trial)
        self.address = f"/participants/{self.code}/sign/"

    @property
    def fields(self) -> dict[str, str]:
        page = read(self.client.get(self.address))
        return {"digest": page.value("digest"), "_what": page.value("_what")}

    def ask(self, **fields: str) -> dict[str, Any]:
        return options(self.client, "sign", _path=self.address, **fields)

    def send(self, answer: str, **fields: str) -> Reading:
        response = self.client.post(self.address, {**fields, "passkey": answer}, follow=True)
        return read(response)

    @property
    def is_signed(self) -> bool:
        return self.trial.state.participants[self.code].signature is not None


@pytest.mark.requirement("C18", "C19")
def test_a_passkey_from_its_making_to_a_signature(trial: RunningTrial, sign_in: SignIn) -> None:
    """Made after the password, listed, in by it alone, and a casebook signed under one's name."""
    client = sign_in(Role.INVESTIGATOR)
    assert said("passkey.no_keys") in read(client.get("/passkeys/")).text
    device = enroll(client, name="my phone")
    assert "my phone" in read(client.get("/passkeys/")).text
    (entry,) = [e for e in trial.store.read() if e.type == "SignInMeansChanged"]
    assert (entry.by, entry.stream) == (INVESTIGATOR, f"person/{INVESTIGATOR}")
    assert b"my phone" not in (entry.body or b"")

    client, codes = come_in(device)
    assert codes == set()
    assert client.get("/participants/").status_code == 200
    log_in = [e for e in trial.store.read() if e.type == "SignedIn"][-1]
    assert (log_in.by, b'"passkey"' in (log_in.body or b"")) == (INVESTIGATOR, True)
    casebook = Casebook(trial, client)
    seen = casebook.fields
    page = casebook.send(device.answer(casebook.ask(**seen)), **seen)
    assert page.codes == set()
    signature = trial.state.participants[casebook.code].signature
    assert signature is not None
    assert signature.stamp.by == INVESTIGATOR
    assert signature.stamp.proof == "passkey"
    assert said("proof.passkey") in page.text


def test_nothing_is_made_without_showing_who_one_is(trial: RunningTrial, sign_in: SignIn) -> None:
    """Not with a wrong password, nor without a permit; a permit counts once and for its owner."""
    client, device = sign_in(Role.INVESTIGATOR), Device()
    refused = read(client.post("/passkeys/add/", {"password": "wrong"}))
    assert refused.codes == {"EQ-W026"}
    assert "EQ-W043" in problem_of(client, "enroll", permit="made up")
    assert "EQ-W043" in problem_of(Client(), "enroll", permit="made up")
    may = permit(client)
    assert "EQ-W043" in problem_of(sign_in(Role.MONITOR), "enroll", permit=may)

    made = device.make(options(client, "enroll", permit=may))
    posted = {"permit": may, "name": "", "passkey": made}
    unnamed = read(client.post("/passkeys/make/", posted))
    assert unnamed.codes == {"EQ-W050"}
    again = read(client.post("/passkeys/make/", {**posted, "name": "phone"}))
    assert again.codes == {"EQ-W043"}
    assert trial.state.people[INVESTIGATOR].means == ()


def test_a_passkey_is_made_once_here_by_a_device_that_checks(sign_in: SignIn) -> None:
    """Elsewhere, unverified, twice or unreadable: refused, and nothing is kept."""
    from equipoise.web.identity.models import Passkey

    client = sign_in(Role.INVESTIGATOR)

    def make(device: Device, **bent: Any) -> set[str]:
        may = permit(client)
        made = device.make(options(client, "enroll", permit=may), **bent)
        posted = {"permit": may, "name": "x", "passkey": made}
        response = client.post("/passkeys/make/", posted)
        return read(response).codes if response.content else set()

    assert make(Device(), origin="https://evil.example") == {"EQ-W049"}
    assert make(Device(), verified=False) == {"EQ-W049"}
    assert make(Device("evil.example")) == {"EQ-W049"}
    for answer in ("", "{", "[]", '{"id": 1}'):
        posted = {"permit": permit(client), "name": "x", "passkey": answer}
        assert read(client.post("/passkeys/make/", posted)).codes == {"EQ-W042"}
    assert not Passkey.objects.exists()
    device = enroll(client)
    assert make(device) == {"EQ-W046"}
    assert Passkey.objects.count() == 1


@pytest.mark.requirement("C18", "C35")
def test_at_the_door_an_answer_counts_once_here_and_unbent(sign_in: SignIn) -> None:
    """Replayed, from another browser, another origin or domain, unverified, with another key."""
    device, other = enroll(sign_in(Role.INVESTIGATOR)), Device()
    client = Client()
    answer = device.answer(options(client, "sign_in"))
    stolen = read(Client().post("/sign-in/passkey/", {"passkey": answer}))
    assert stolen.codes == {"EQ-W043"}
    assert client.post("/sign-in/passkey/", {"passkey": answer}).status_code == 302
    for _ in range(2):
        replayed = read(client.post("/sign-in/passkey/", {"passkey": answer}))
        assert replayed.codes == {"EQ-W043"}
        client.post("/sign-out/")

    assert come_in(device, origin="https://evil.example")[1] == {"EQ-W049"}
    assert come_in(device, crossOrigin=True)[1] == {"EQ-W049"}
    assert come_in(device, verified=False)[1] == {"EQ-W047"}
    assert come_in(device, handle="AAAA")[1] == {"EQ-W046"}
    assert come_in(other)[1] == {"EQ-W045"}
    other.id = device.id
    assert come_in(other, handle=device.handle)[1] == {"EQ-W049"}
    device.domain = "evil.example"
    assert come_in(device)[1] == {"EQ-W049"}
    device.domain = "testserver"
    assert come_in(device)[1] == set()


def test_an_answer_that_no_browser_gives_is_refused(sign_in: SignIn) -> None:
    """Rubbish in each part: a page with a problem, never a traceback."""
    import json

    device, client = enroll(sign_in(Role.INVESTIGATOR)), Client()
    whole = json.loads(device.answer(options(client, "sign_in")))
    for raw in ("", "null", "x" * 100_000, "\x00", json.dumps({**whole, "type": "other"})):
        assert read(client.post("/sign-in/passkey/", {"passkey": raw})).codes == {"EQ-W042"}
    for part in ("clientDataJSON", "authenticatorData", "signature"):
        for value in ("", "AAAA", "!!!!", 7):
            asked = options(client, "sign_in")
            bent = json.loads(device.answer(asked))
            bent["response"][part] = value
            found = read(client.post("/sign-in/passkey/", {"passkey": json.dumps(bent)})).codes
            assert found <= {"EQ-W042", "EQ-W043", "EQ-W047", "EQ-W049"} and found, (part, value)
    assert "EQ-W042" in problem_of(client, "no such kind")


def test_a_challenge_waits_five_minutes(sign_in: SignIn) -> None:
    from equipoise.web.identity.models import Ticket

    device, client = enroll(sign_in(Role.INVESTIGATOR)), Client()
    answer = device.answer(options(client, "sign_in"))
    late = timezone.now() - dt.timedelta(seconds=1)
    waits = Ticket.objects.get(kind="sign_in")
    assert waits.expires_at - timezone.now() <= dt.timedelta(minutes=5)
    Ticket.objects.update(expires_at=late)

    assert read(client.post("/sign-in/passkey/", {"passkey": answer})).codes == {"EQ-W043"}
    options(client, "sign_in")
    assert [t.kind for t in Ticket.objects.all()] == ["sign_in"]  # the old ones are cleared


@pytest.mark.requirement("C17", "C19")
def test_an_answer_signs_the_form_that_it_was_made_for(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """Another casebook, other fields, a challenge of the door, a replay: nothing is signed."""
    client = sign_in(Role.INVESTIGATOR)
    device = enroll(client)
    one, other = Casebook(trial, client), Casebook(trial, client)
    seen, others = one.fields, other.fields

    assert other.send(device.answer(one.ask(**seen)), **others).codes == {"EQ-W044"}
    answer = device.answer(one.ask(**{**seen, "digest": "0" * 64}))
    assert one.send(answer, **seen).codes == {"EQ-W044"}
    assert one.send(device.answer(options(client, "sign_in")), **seen).codes == {"EQ-W043"}
    assert one.send("{}", **seen).codes == {"EQ-W042"}
    assert not one.is_signed and not other.is_signed
    answer = device.answer(one.ask(**seen))
    assert one.send(answer, **seen).codes == set()
    assert one.is_signed
    n_entries = len(list(trial.store.read()))
    assert one.send(answer, **seen).codes == {"EQ-W043"}
    assert len(list(trial.store.read())) == n_entries


@pytest.mark.requirement("C18", "C19")
def test_nobody_signs_with_the_passkey_of_another(trial: RunningTrial, sign_in: SignIn) -> None:
    """Somebody at an open screen holds their own passkey to it, with a good answer."""
    theirs = enroll(sign_in(Role.SAFETY_OFFICER))
    client = sign_in(Role.INVESTIGATOR)
    enroll(client)
    casebook = Casebook(trial, client)
    seen = casebook.fields
    assert casebook.send(theirs.answer(casebook.ask(**seen)), **seen).codes == {"EQ-W046"}
    assert not casebook.is_signed


@pytest.mark.requirement("C22", "C31")
def test_a_copied_passkey_ends_itself(trial: RunningTrial, sign_in: SignIn) -> None:
    """A counter that goes back shows a copy: refused, taken away, on record; a forgery does not."""
    device = enroll(sign_in(Role.INVESTIGATOR))
    assert come_in(device)[1] == set()
    forged = Device()
    forged.id, forged.handle, forged.count = device.id, device.handle, 0
    assert come_in(forged)[1] == {"EQ-W049"}
    assert come_in(device)[1] == set()

    assert come_in(device, step=-1)[1] == {"EQ-W048"}
    last = [e for e in trial.store.read() if e.type == "SignInMeansChanged"][-1]
    assert (last.by, last.reason != "") == ("system", True)
    assert trial.state.people[INVESTIGATOR].means == ()
    assert come_in(device, step=5)[1] == {"EQ-W045"}


def test_a_passkey_without_a_counter_works_again_and_again(sign_in: SignIn) -> None:
    """Those that are kept in several devices count nothing: always 0."""
    device = Device()
    device.count = 0
    enroll(sign_in(Role.INVESTIGATOR), device)
    assert [come_in(device, step=0)[1] for _ in range(3)] == [set()] * 3


@pytest.mark.requirement("C31")
def test_the_table_of_accounts_opens_nothing_that_the_ledger_does_not_know(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """A public key that is exchanged there, or a row that is given to another, is refused."""
    from django.contrib.auth import get_user_model

    from equipoise.web.identity.models import Passkey

    mine, theirs = enroll(sign_in(Role.INVESTIGATOR)), enroll(sign_in(Role.MONITOR))
    rows = Passkey.objects.order_by("pk")
    victim, thief = rows[0], rows[1]
    kept = victim.public_key
    Passkey.objects.filter(pk=victim.pk).update(public_key=thief.public_key)
    theirs.id, theirs.handle = mine.id, mine.handle
    assert come_in(theirs)[1] == {"EQ-W045"}
    Passkey.objects.filter(pk=victim.pk).update(public_key=kept)
    assert come_in(mine)[1] == set()
    safety = get_user_model().objects.get(username=name_of(Role.SAFETY_OFFICER))
    Passkey.objects.filter(pk=victim.pk).update(user=safety)
    assert come_in(mine)[1] == {"EQ-W045"}


@pytest.mark.requirement("C31")
def test_a_passkey_of_who_is_removed_opens_nothing(trial: RunningTrial, sign_in: SignIn) -> None:
    """What is open ends at the next click, and the passkey does not come in again."""
    device = enroll(sign_in(Role.MONITOR))
    client, _ = come_in(device)
    assert client.get("/").status_code == 200
    by, monitor = name_of(Role.ADMINISTRATOR), name_of(Role.MONITOR)
    remove_person(trial, by=by, at=course.now(), person=monitor, reason="left")
    assert read(client.get("/participants/")).codes == {"EQ-C001"}
    assert come_in(device)[1] == {"EQ-W045"}


def test_one_gives_up_a_passkey_with_a_proof(trial: RunningTrial, sign_in: SignIn) -> None:
    """Its own owner, after the password; a passkey of another is not there for them."""
    client = sign_in(Role.INVESTIGATOR)
    device = enroll(client)
    page = read(client.get("/passkeys/"))
    (address,) = {a.get("href") for a in page.all("a") if "/remove/" in a.get("href")}
    assert read(sign_in(Role.MONITOR).post(address, {"password": PASSWORD})).codes == {"EQ-W045"}
    assert read(client.post(address, {"password": "wrong"})).codes == {"EQ-W026"}
    assert come_in(device)[1] == set()

    done = read(client.post(address, {"password": PASSWORD}, follow=True))
    assert said("passkey.removed", name="phone") in done.text
    assert come_in(device)[1] == {"EQ-W045"}
    assert trial.state.people[INVESTIGATOR].means == ()


@pytest.mark.requirement("C22", "C31")
def test_what_a_passkey_opened_ends_when_it_is_given_up(sign_in: SignIn) -> None:
    """A session that outlived its passkey would be nobody's to take away any more."""
    device = enroll(sign_in(Role.INVESTIGATOR))
    client, _ = come_in(device)
    page = read(client.get("/passkeys/"))
    (address,) = {a.get("href") for a in page.all("a") if "/remove/" in a.get("href")}
    posted = {"_kind": "sign", "_path": address}
    answer = device.answer(client.post("/passkeys/options/", posted).json()["publicKey"])
    left = client.post(address, {"passkey": answer}, follow=True)
    assert left.redirect_chain == [("/sign-in/", 302)]
    assert said("passkey.removed", name="phone") in read(left).text
    assert client.get("/passkeys/").status_code == 302
    assert said("passkey.no_keys") in read(sign_in(Role.INVESTIGATOR).get("/passkeys/")).text


@pytest.mark.requirement("C22", "C31")
def test_a_lost_device_is_taken_away_by_the_administrator(
    trial: RunningTrial, sign_in: SignIn
) -> None:
    """With a reason, at once, for all passkeys of that person; unknown people have none."""
    client = sign_in(Role.INVESTIGATOR)
    devices = [enroll(client, name="one"), enroll(client, name="two")]
    administrator = sign_in(Role.ADMINISTRATOR)
    address = f"/people/{INVESTIGATOR}/keys/"
    assert address in {a.get("href") for a in read(administrator.get("/people/")).all("a")}
    assert read(administrator.post(address, {"reason": ""})).codes == {"EQ-W001"}
    assert come_in(devices[0])[1] == set()

    thief, _ = come_in(devices[0])
    assert thief.get("/participants/").status_code == 200
    assert administrator.post(address, {"reason": "lost on a train"}).status_code == 302
    assert thief.get("/participants/").headers["Location"] == "/sign-in/"
    assert client.get("/participants/").status_code == 200  # the owner, with the password
    assert [come_in(d)[1] for d in devices] == [{"EQ-W045"}] * 2
    assert read(administrator.get("/people/nobody/keys/")).codes == {"EQ-C001"}


@pytest.mark.requirement("C21")
def test_wrong_passwords_do_not_keep_a_passkey_out(sign_in: SignIn) -> None:
    """Whoever guesses at a name makes its password wait, not its owner."""
    device = enroll(sign_in(Role.INVESTIGATOR))
    given = {"username": INVESTIGATOR, "password": "wrong"}
    codes = [read(Client().post("/sign-in/", given)).codes for _ in range(6)]
    assert codes[-1] == {"EQ-W028"}
    assert come_in(device)[1] == set()


def test_failed_passkeys_keep_nobody_waiting(sign_in: SignIn) -> None:
    """There is nothing to guess, and a stranger could shut people out."""
    device = enroll(sign_in(Role.INVESTIGATOR))
    for _ in range(7):
        assert come_in(device, origin="https://evil.example")[1] == {"EQ-W049"}
    assert sign_in(Role.INVESTIGATOR).get("/").status_code == 200
    assert come_in(device)[1] == set()


def test_of_two_who_bring_one_answer_one_comes_in(sign_in: SignIn) -> None:
    from equipoise.web.identity import tickets

    client = Client()
    options(client, "sign_in")
    waits = tickets.Ticket.objects.get(kind="sign_in")
    request: Any = type("Request", (), {"session": {"holder": waits.holder}})()

    def redeem(_: int) -> bool:
        from django.db import connection

        try:
            return tickets.redeem(request, "sign_in", waits.secret) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(redeem, range(16))) == 1


def test_passkeys_work_where_the_door_says(sign_in: SignIn, behind: Callable[..., None]) -> None:
    """At another address, or at a number with none set: told, and no button at the door.

    Nor before anybody has a passkey.
    """
    client = sign_in(Role.INVESTIGATOR)
    button = said("passkey.sign_in")
    assert button not in read(Client().get("/sign-in/")).text
    enroll(client)
    assert button in read(Client().get("/sign-in/")).text
    behind("site", ORIGIN="https://trial.example")
    assert button not in read(Client().get("/sign-in/")).text
    page = read(client.get("/passkeys/"))
    assert page.codes == {"EQ-W040"} and "https://trial.example" in page.text
    assert "EQ-W040" in problem_of(Client(), "sign_in")
    behind("site", ORIGIN="")
    assert read(client.get("/passkeys/add/")).codes == {"EQ-W041"}
    behind("site", ORIGIN="", ALLOWED_HOSTS=["localhost"])
    here = Client(SERVER_NAME="localhost", SERVER_PORT=9000)
    assert options(here, "sign_in")["rpId"] == "localhost"


def test_a_domain_above_the_host_may_be_set(sign_in: SignIn, behind: Callable[..., None]) -> None:
    """So that a door may move to another host below it."""
    origin, host = "http://trial.example", "trial.example"
    behind("site", ORIGIN=origin, PASSKEY_DOMAIN="example", ALLOWED_HOSTS=[host])
    client, device = sign_in(Role.INVESTIGATOR, SERVER_NAME=host), Device("example")
    may = permit(client)
    made = device.make(options(client, "enroll", permit=may), origin=origin)
    posted = {"permit": may, "name": "phone", "passkey": made}
    assert client.post("/passkeys/make/", posted).status_code == 302
    assert come_in(device, client=Client(SERVER_NAME=host), origin=origin)[1] == set()


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("10.0.0.5", ""),
        ("trial.example", "hospital.example"),
        ("trial.example", "rial.example"),
    ],
)
def test_an_address_for_which_browsers_give_no_passkey_is_told(
    host: str, domain: str, sign_in: SignIn, behind: Callable[..., None]
) -> None:
    """A number, or a domain that the host is not under (WebAuthn level 3, 5.1.3 and 5.1.4.1)."""
    origin = f"http://{host}"
    behind("site", ORIGIN=origin, PASSKEY_DOMAIN=domain, ALLOWED_HOSTS=[host])
    page = read(sign_in(Role.INVESTIGATOR, SERVER_NAME=host).get("/passkeys/"))
    assert page.codes == {"EQ-W099"} and origin in page.text
    assert said("passkey.sign_in") not in read(Client(SERVER_NAME=host).get("/sign-in/")).text


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_on_one_s_own_machine_the_page_says_which_address_to_open(
    host: str, sign_in: SignIn, behind: Callable[..., None]
) -> None:
    """The same port, by its name."""
    behind("site", ORIGIN="", ALLOWED_HOSTS=[host])
    page = read(sign_in(Role.INVESTIGATOR, HTTP_HOST=f"{host}:9000").get("/passkeys/"))
    assert page.codes == {"EQ-W097"} and "http://localhost:9000/" in page.text


def test_the_sealed_door_has_its_own_passkeys(sign_in: SignIn, behind: Callable[..., None]) -> None:
    """A cell unit's passkey comes in there; at the site door it finds the wrong door."""
    behind("sealed", ORIGIN=ORIGIN)
    device = enroll(sign_in(Role.CELL_UNIT))
    client, codes = come_in(device)
    assert codes == set()
    assert client.get("/work-list/").status_code == 200
    behind("site", ORIGIN=ORIGIN)
    client, codes = come_in(device)
    assert codes == set()
    assert client.get("/").status_code == 403


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_pages_of_passkeys_can_be_read_out(
    language: str, trial: RunningTrial, sign_in: SignIn
) -> None:
    """With a passkey in the list, and with what was refused; in both languages."""
    client = sign_in(Role.INVESTIGATOR, language=language)
    enroll(client, name="téléphone")
    list_of_mine = client.get("/passkeys/")
    (link,) = {a.get("href") for a in read(list_of_mine).all("a") if "/remove/" in a.get("href")}
    administrator = sign_in(Role.ADMINISTRATOR, language=language)
    answers = [
        list_of_mine,
        client.get(link),
        client.post(link, {"password": "x"}),
        client.get("/passkeys/add/"),
        client.post("/passkeys/add/", {"password": PASSWORD}),
        client.post("/passkeys/make/", {"permit": permit(client), "name": ""}),
        client.get(Casebook(trial, client).address),
        client.post("/sign-in/passkey/", {"passkey": "x"}),
        Client(HTTP_ACCEPT_LANGUAGE=language).get("/sign-in/"),
        administrator.get("/people/"),
        administrator.get(f"/people/{INVESTIGATOR}/keys/"),
    ]
    for answer in answers:
        page = read(answer)
        wrong = list(faults(page)) + (english_in(page) if language == "fr" else [])
        assert (wrong, page.one("html").get("lang")) == ([], language), answer.request

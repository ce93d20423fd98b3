"""OpenID Connect: in through a provider, a fresh log-in for each signature, and what is refused."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.test.utils import override_settings

from equipoise.conduct import RunningTrial, remove_person, withdraw_means
from equipoise.problems import Refused
from equipoise.study.roles import Role
from equipoise.web.identity.provider import _fetch

from . import course
from .authenticating import ORIGIN
from .conftest import PASSWORD, SignIn, name_of, said
from .provider import (
    CLIENT,
    SECRET,
    Provider,
    address_in,
    log_in_at,
    query_of,
    running_provider,
)
from .reading import Reading, read
from .test_structure import english_in, faults

INVESTIGATOR, MONITOR = name_of(Role.INVESTIGATOR), name_of(Role.MONITOR)


@pytest.fixture
def settings_of(tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    secret = tmp_path / "oidc.secret"
    secret.write_text(SECRET + "\n")

    def made(issuer: str) -> dict[str, Any]:
        return {
            "ORIGIN": ORIGIN,
            "OIDC_ISSUER": issuer,
            "OIDC_CLIENT": CLIENT,
            "OIDC_SECRET": str(secret),
            "OIDC_NAME": "Hospital",
        }

    return made


@pytest.fixture
def provider(
    behind: Callable[..., None], settings_of: Callable[[str], dict[str, Any]]
) -> Iterator[Provider]:
    from equipoise.web.identity.models import Ticket

    cache.clear()
    with running_provider() as running:
        behind("site", **settings_of(running.address))
        yield running
    Ticket.objects.all().delete()


def follow(client: Client, response: Any, name: str) -> Any:
    """From the page that leads to the provider, through its log-in, back to what then is shown."""
    assert response.status_code == 200, read(response).codes
    address = address_in(response.content.decode())
    assert response.headers["Refresh"] == f"0;url={address}"
    back = log_in_at(address, name)
    assert back.startswith(ORIGIN + "/sign-in/back/?")
    passed = client.get(back.removeprefix(ORIGIN))
    return client.get(address_in(passed.content.decode()))


def come_in(name: str = INVESTIGATOR, client: Client | None = None) -> tuple[Client, set[str]]:
    client = client or Client()
    response = follow(client, client.get("/sign-in/elsewhere/"), name)
    return client, read(response).codes if response.content else set()


class Signing:
    """A casebook, signed with a fresh log-in."""

    def __init__(self, trial: RunningTrial, client: Client) -> None:
        self.trial, self.client = trial, client
        self.code = course.consented(trial)
        self.address = f"/participants/{self.code}/sign/"

    def prove(self, name: str = INVESTIGATOR) -> Reading:
        page = read(self.client.get(self.address))
        fields = {"digest": page.value("digest"), "_what": page.value("_what")}
        asked = self.client.post("/prove/", {**fields, "_path": self.address})
        return read(follow(self.client, asked, name))

    def send(self, proven: Reading, **bent: str) -> set[str]:
        names = ("fresh", "digest", "_what")
        fields = {name: proven.value(name) for name in names}
        response = self.client.post(self.address, {**fields, **bent})
        return read(response).codes if response.content else set()

    @property
    def is_signed(self) -> bool:
        return self.trial.state.participants[self.code].signature is not None


@pytest.mark.requirement("C23", "C26")
def test_in_through_the_provider_and_a_signature(
    trial: RunningTrial, provider: Provider, sign_in: SignIn
) -> None:
    """The role is the ledger's; the signature asks the provider for a log-in made just now."""
    client, codes = come_in()
    assert codes == set()
    assert client.get("/participants/").status_code == 200
    assert "prompt" not in provider.asked[-1]
    (entry,) = [e for e in trial.store.read() if e.type == "SignInMeansChanged"]
    assert entry.by == INVESTIGATOR and b"id-of" not in (entry.body or b"")

    log_in = [e for e in trial.store.read() if e.type == "SignedIn"][-1]
    assert (log_in.by, b'"provider"' in (log_in.body or b"")) == (INVESTIGATOR, True)

    provider.sessions[INVESTIGATOR] -= 3600
    signing = Signing(trial, client)
    proven = signing.prove()
    assert (provider.asked[-1]["prompt"], provider.asked[-1]["max_age"]) == ("login", "0")
    assert said("sign.meaning") in proven.text and not signing.is_signed
    assert signing.send(proven) == set()
    signature = trial.state.participants[signing.code].signature
    assert signature is not None and signature.stamp.proof == "provider"
    assert signing.send(proven) == {"EQ-W059"}
    come_in()
    assert len([e for e in trial.store.read() if e.type == "SignInMeansChanged"]) == 1


@pytest.mark.requirement("C23")
def test_a_log_in_that_is_not_fresh_signs_nothing(trial: RunningTrial, provider: Provider) -> None:
    """A provider that lets an hour old session through, or does not say when it was."""
    client, _ = come_in()
    provider.sessions[INVESTIGATOR] -= 3600
    provider.forgets_prompt = True
    signing = Signing(trial, client)
    assert signing.prove().codes == {"EQ-W056"}
    provider.forgets_prompt = False
    for bent in ("soon", True, None, time.time() - 60, int(time.time()) - 60):
        provider.claims = {"auth_time": bent}
        assert signing.prove().codes == {"EQ-W056"}, bent
    provider.claims, provider.left_out = {}, {"auth_time"}
    assert signing.prove().codes == {"EQ-W056"}
    provider.left_out = set()
    assert signing.prove().codes == set()
    assert not signing.is_signed


@pytest.mark.requirement("C18", "C23")
def test_a_fresh_log_in_of_somebody_else_signs_nothing(
    trial: RunningTrial, provider: Provider
) -> None:
    """Another person of the trial, a stranger, or another account that bears the same name."""
    client, _ = come_in()
    signing = Signing(trial, client)
    assert signing.prove(MONITOR).codes == {"EQ-W057"}
    assert signing.prove("stranger").codes == {"EQ-W055"}
    provider.claims = {"sub": "another account"}
    assert signing.prove().codes == {"EQ-W057"}
    provider.claims = {}
    assert signing.prove("deny").codes == {"EQ-W058"}
    assert signing.prove().codes == set()


@pytest.mark.requirement("C17", "C23")
def test_a_proof_is_bound_to_its_form(
    trial: RunningTrial, provider: Provider, sign_in: SignIn
) -> None:
    """Other fields, another casebook, another person, made up: nothing is signed."""
    client, _ = come_in()
    one, other = Signing(trial, client), Signing(trial, client)
    assert one.send(one.prove(), digest="0" * 64) == {"EQ-W059"}
    proven, others = one.prove(), other.prove()
    bent = {"digest": others.value("digest"), "fresh": proven.value("fresh")}
    assert other.send(others, **bent) == {"EQ-W059"}
    assert one.send(one.prove(), fresh="made up") == {"EQ-W059"}
    proven = one.prove()
    one.client = sign_in(Role.INVESTIGATOR)  # the same person in another browser
    assert one.send(proven) == {"EQ-W059"}
    assert not one.is_signed and not other.is_signed


@pytest.mark.requirement("C35")
@pytest.mark.parametrize(
    "bent",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": ["equipoise", "another"]},
        {"aud": ["equipoise", "another"], "azp": "another"},
        {"azp": "another"},
        {"iss": "https://evil.example"},
        {"sub": ""},
        {"exp": 1},
        {"exp": "never"},
        {"iat": 2**33},
    ],
    ids=str,
)
def test_a_token_for_something_else_opens_nothing(bent: dict[str, Any], provider: Provider) -> None:
    provider.claims = bent
    client, codes = come_in()
    assert codes == {"EQ-W054"}
    assert client.get("/").headers["Location"] == "/sign-in/"


@pytest.mark.requirement("C35")
@pytest.mark.parametrize("signing", ["none", "HS256", "another key", "RS512"])
def test_a_token_that_the_provider_did_not_sign_opens_nothing(
    signing: str, provider: Provider
) -> None:
    """Unsigned, signed with the secret that we hold too, with a key of nobody, or wrongly."""
    provider.signing = signing
    assert come_in()[1] == {"EQ-W054"}


@pytest.mark.parametrize("name", ["nonce", "aud", "iss", "sub", "exp", "iat"])
def test_a_token_without_a_claim_that_counts_opens_nothing(name: str, provider: Provider) -> None:
    provider.left_out = {name}
    assert come_in()[1] == {"EQ-W054"}


def test_the_provider_may_change_its_key(provider: Provider) -> None:
    """A key that is not known yet is looked for once more."""
    from joserfc.jwk import RSAKey

    assert come_in()[1] == set()
    provider.key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
    assert come_in()[1] == set()


@pytest.mark.requirement("C36")
def test_an_answer_counts_once_in_the_browser_that_asked(provider: Provider) -> None:
    """A state of another browser, made up, or brought twice; a code that is made up."""
    client = Client()
    address = address_in(client.get("/sign-in/elsewhere/").content.decode())
    back = log_in_at(address, INVESTIGATOR).removeprefix(ORIGIN)
    assert "step" not in query_of(back)
    assert read(Client().get(back + "&step=2")).codes == {"EQ-W053"}
    assert read(client.get("/sign-in/back/?code=x&state=y&step=2")).codes == {"EQ-W053"}
    assert read(client.get("/sign-in/back/?step=2")).codes == {"EQ-W053"}
    assert client.get(back + "&step=2").status_code == 302
    assert read(client.get(back + "&step=2")).codes == {"EQ-W053"}
    other = Client()
    state = query_of(address_in(other.get("/sign-in/elsewhere/").content.decode()))["state"]
    guessed = f"/sign-in/back/?code=guessed&state={state}&step=2"
    assert read(other.get(guessed)).codes == {"EQ-W052"}


@pytest.mark.requirement("C31")
def test_people_come_from_the_ledger_alone(trial: RunningTrial, provider: Provider) -> None:
    """A name without a role, none at all, and somebody who was removed: the same page."""
    assert come_in("stranger")[1] == {"EQ-W055"}
    assert come_in("nobody")[1] == {"EQ-W055"}
    provider.left_out = {"preferred_username"}
    assert come_in()[1] == {"EQ-W055"}
    provider.left_out = set()
    provider.claims = {"preferred_username": ["the-investigator"]}
    assert come_in()[1] == {"EQ-W055"}
    provider.claims = {}
    client, codes = come_in(MONITOR)
    assert codes == set()
    by = name_of(Role.ADMINISTRATOR)
    remove_person(trial, by=by, at=course.now(), person=MONITOR, reason="left")
    assert read(client.get("/participants/")).codes == {"EQ-C001"}
    assert come_in(MONITOR)[1] == {"EQ-W055"}


@pytest.mark.requirement("C18", "C31")
def test_an_account_there_is_bound_to_one_person(trial: RunningTrial, provider: Provider) -> None:
    """Who renames their account there does not become somebody else here."""
    assert come_in(MONITOR)[1] == set()
    provider.claims = {"sub": f"id-of-{MONITOR}"}
    assert come_in(INVESTIGATOR)[1] == {"EQ-W057"}
    provider.claims = {}
    assert come_in(INVESTIGATOR)[1] == set()
    provider.claims = {"sub": "new account"}
    assert come_in(INVESTIGATOR)[1] == {"EQ-W057"}
    by = name_of(Role.ADMINISTRATOR)
    provider.claims = {}
    client, _ = come_in(INVESTIGATOR)
    withdraw_means(trial, by=by, at=course.now(), person=INVESTIGATOR, reason="new account")
    assert client.get("/participants/").headers["Location"] == "/sign-in/"
    assert come_in(INVESTIGATOR)[1] == {"EQ-W057"}  # it does not bind itself again
    provider.claims = {"sub": "new account"}
    assert come_in(INVESTIGATOR)[1] == set()


@pytest.mark.requirement("C18", "C31")
def test_an_account_there_goes_if_the_administrator_says_so(
    provider: Provider, sign_in: SignIn
) -> None:
    """A lost passkey leaves it; once taken away it opens nothing any more."""
    administrator, address = sign_in(Role.ADMINISTRATOR), f"/people/{INVESTIGATOR}/keys/"
    assert come_in(INVESTIGATOR)[1] == set()
    given = {"reason": "Lost on a train"}
    assert read(administrator.post(address, given)).codes == {"EQ-W001"}
    assert administrator.post(address, {**given, "account": "no"}).status_code == 302
    assert come_in(INVESTIGATOR)[1] == set()
    assert administrator.post(address, {**given, "account": "yes"}).status_code == 302
    assert come_in(INVESTIGATOR)[1] == {"EQ-W057"}


@pytest.mark.requirement("D01")
def test_a_provider_that_is_down_is_told(
    behind: Callable[..., None], settings_of: Callable[[str], dict[str, Any]]
) -> None:
    """No traceback, and the other ways stay open."""
    cache.clear()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        behind("site", **settings_of(f"http://127.0.0.1:{closed.getsockname()[1]}"))
        response = Client().get("/sign-in/elsewhere/")
    assert (response.status_code, read(response).codes) == (502, {"EQ-W052"})
    assert Client().get("/sign-in/").status_code == 200


@pytest.mark.requirement("D07")
def test_a_provider_that_refuses_leaves_nothing_open(
    provider: Provider,
) -> None:
    """Its answer ends with its connection: a door that is asked for months runs out of none."""
    with pytest.raises(Refused) as caught:
        _fetch(Request(f"{provider.address}/nowhere"))
    assert [p.code for p in caught.value.problems] == ["EQ-W052"]
    refused = caught.value.__cause__
    assert isinstance(refused, HTTPError) and refused.closed


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", b"<html>"),
        ("/.well-known/openid-configuration", []),
        ("/.well-known/openid-configuration", {}),
        ("/.well-known/openid-configuration", {"issuer": "https://evil.example"}),
        ("/keys", b"\xff"),
        ("/keys", {}),
        ("/keys", {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}),
        ("/token", b""),
        ("/token", {}),
        ("/token", {"id_token": 7}),
        ("/token", {"id_token": "a.b"}),
        ("/token", {"id_token": "a.b.c.d.e"}),
    ],
    ids=str,
)
def test_a_provider_that_answers_nonsense_is_told(
    path: str, answer: Any, provider: Provider
) -> None:
    provider.documents[path] = answer
    client = Client()
    response = client.get("/sign-in/elsewhere/")
    if response.status_code == 200:
        response = follow(client, response, INVESTIGATOR)
    codes = read(response).codes
    assert codes and codes <= {"EQ-W052", "EQ-W054"}
    assert client.get("/").headers["Location"] == "/sign-in/"


@pytest.mark.parametrize("address", ["http://provider.example/t", "file:///etc/passwd", 7])
def test_no_secret_goes_over_an_open_line(address: object, provider: Provider) -> None:
    """An address of the provider that is not HTTPS, elsewhere than on this machine."""
    path = "/.well-known/openid-configuration"
    provider.documents[path] = {**provider.metadata, "token_endpoint": address}
    assert read(Client().get("/sign-in/elsewhere/")).codes == {"EQ-W052"}


def test_no_answer_of_the_provider_sends_the_secret_elsewhere(provider: Provider) -> None:
    """A redirect in the place of a token is not followed."""
    with running_provider() as other:
        provider.redirects["/token"] = f"{other.address}/keys"
        assert come_in()[1] == {"EQ-W052"}
        assert other.n_asked == 0


def test_a_client_may_send_its_secret_in_the_form_or_have_none(
    provider: Provider, behind: Callable[..., None], settings_of: Callable[[str], dict[str, Any]]
) -> None:
    """As the provider states; ours answers no such form, which tells that it was sent."""
    path = "/.well-known/openid-configuration"
    ways = ["client_secret_post"]
    provider.documents[path] = {
        **provider.metadata,
        "token_endpoint_auth_methods_supported": ways,
    }
    assert come_in()[1] == {"EQ-W052"}
    cache.clear()
    behind("site", **{**settings_of(provider.address), "OIDC_SECRET": ""})
    assert come_in()[1] == {"EQ-W052"}


@pytest.mark.requirement("C35")
def test_passwords_can_be_switched_off(
    trial: RunningTrial, provider: Provider, sign_in: SignIn
) -> None:
    """No field for one, and a right one neither opens nor signs."""
    client = sign_in(Role.INVESTIGATOR)
    code = course.consented(trial)
    address = f"/participants/{code}/sign/"
    administrator = sign_in(Role.ADMINISTRATOR)
    with override_settings(PASSWORDS=False):
        _assert_passwords_are_off(client, address)
        invited = administrator.post(f"/people/{INVESTIGATOR}/invite/", follow=True)
    assert said("people.comes_in", name="Somebody 1") in read(invited).text


@pytest.mark.requirement("C68", "F30")
def test_the_emergency_door_s_password_is_chosen_where_it_opens_nothing_else(
    trial: RunningTrial, provider: Provider, sign_in: SignIn
) -> None:
    """With passwords off a code is still given and a password chosen, as the second person needs it
    too; that it is the right one is seen at once, and it opens no site door.
    """
    administrator = sign_in(Role.ADMINISTRATOR)
    new = "three words in a row"
    with override_settings(PASSWORDS=False):
        assert Client().get("/sign-in/").content.count(b'href="/welcome/"') == 1
        people = administrator.get("/people/").content.decode()
        assert f'action="/people/{INVESTIGATOR}/invite/"' in people
        invited = administrator.post(f"/people/{INVESTIGATOR}/invite/").content.decode()
        code = re.search(r'<td class="code">([^<]+)</td>', invited)
        assert code
        given = {"username": INVESTIGATOR, "code": code[1], "password": new, "again": new}
        assert Client().post("/welcome/", given).status_code == 302
        shut = Client().post("/sign-in/", {"username": INVESTIGATOR, "password": new})
        assert read(shut).codes == {"EQ-W051"}
    user = get_user_model().objects.get(username=INVESTIGATOR)
    is_chosen = user.check_password(new)
    user.set_password(PASSWORD)  # the accounts are shared by all tests
    user.save()
    assert is_chosen


def _assert_passwords_are_off(client: Client, address: str) -> None:
    page = read(Client().get("/sign-in/"))
    assert not page.all("input", id="password")
    given = {"username": INVESTIGATOR, "password": PASSWORD}
    assert read(Client().post("/sign-in/", given)).codes == {"EQ-W051"}
    shown = read(client.get(address))
    assert not shown.all("input", id="password")
    posted = {"digest": shown.value("digest"), "password": PASSWORD}
    assert read(client.post(address, posted)).codes == {"EQ-W051"}
    client, _ = come_in()
    assert client.get(address).status_code == 200


def test_without_a_provider_there_is_no_such_page(trial: RunningTrial, sign_in: SignIn) -> None:
    client = sign_in(Role.INVESTIGATOR)
    assert read(Client().get("/sign-in/elsewhere/")).codes == {"EQ-W021"}
    assert read(Client().get("/sign-in/back/")).codes == {"EQ-W021"}
    assert read(client.post("/prove/")).codes == {"EQ-W021"}


def test_only_pages_of_this_door_wait_for_a_log_in(provider: Provider) -> None:
    """No address elsewhere, and no form of any size."""
    client, _ = come_in()
    assert client.get("/sign-in/elsewhere/").headers["Location"] == "/"
    for path in ("https://evil.example/", "//evil.example/", "nowhere", ""):
        assert read(client.post("/prove/", {"_path": path})).codes == {"EQ-W022"}
    large = {"_path": "/passkeys/add/", "reason": "x" * 30_000}
    assert read(client.post("/prove/", large)).codes == {"EQ-W022"}


def test_what_a_form_holds_is_shown_as_text(trial: RunningTrial, provider: Provider) -> None:
    """Fields come back escaped, in the page that asks for the last click."""
    client, _ = come_in()
    given = {"_path": "/passkeys/add/", "_what": "<b>x</b>", "a": '"><script>'}
    asked = client.post("/prove/", given)
    page = follow(client, asked, INVESTIGATOR).content.decode()
    assert "<b>x</b>" not in page and not re.search(r"<script>(?!</)", page)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_pages_on_the_way_can_be_read_out(
    language: str, trial: RunningTrial, provider: Provider
) -> None:
    """The one that leads there, the one that leads on, the last before the signature, a refusal."""
    fresh = Client(HTTP_ACCEPT_LANGUAGE=language)
    answers = [fresh.get("/sign-in/"), fresh.get("/sign-in/elsewhere/")]
    client, _ = come_in(client=fresh)
    signing = Signing(trial, client)
    answers += [client.get(signing.address), client.get("/sign-in/back/?state=x&step=2")]
    pages = [read(answer) for answer in answers] + [signing.prove(), signing.prove(MONITOR)]
    for page in pages:
        wrong = list(faults(page)) + (english_in(page) if language == "fr" else [])
        assert (wrong, page.one("html").get("lang")) == ([], language)

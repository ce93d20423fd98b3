"""OpenID Connect: the authorization code flow with PKCE, against one provider of the settings.

The provider says who somebody is, never what they may do: people and roles stand in the ledger.
"""

import base64
import hashlib
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from django.conf import settings
from django.core.cache import cache
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

from equipoise.conduct import Person, TrialState
from equipoise.problems import Refused, problem

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
"""Signatures with a public key: neither none, nor one made with the secret that we hold too."""
HERE = ("localhost", "127.0.0.1", "::1")
SKEW = 10
"""Seconds by which the provider's clock and ours may differ."""
TIMEOUT, LARGEST, KEPT_SECONDS = 5, 1_000_000, 600


class Asked(Struct, frozen=True):
    """What was sent along with somebody to the provider, and must come back or be shown."""

    nonce: str
    verifier: str
    address: str


def ask(*, state: str, back: str, is_fresh: bool) -> Asked:
    """The address of the provider's log-in, and what its answer will be held against.

    `is_fresh` asks for a log-in now, whoever is logged in there already. The provider is asked each
    time: one that is away is told here, where other ways are offered, and not by the browser.

    Raises:
        Refused: the provider does not answer, or answers nonsense.
    """
    nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": settings.OIDC_CLIENT,
        "redirect_uri": back,
        "scope": settings.OIDC_SCOPES,
        "state": state,
        "nonce": nonce,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    if is_fresh:
        query |= {"prompt": "login", "max_age": "0"}
    cache.delete(_place(_metadata_address()))
    address = str(_metadata()["authorization_endpoint"])
    return Asked(nonce, verifier, address + ("&" if "?" in address else "?") + urlencode(query))


def exchange(code: str, *, verifier: str, nonce: str, back: str, now: int) -> dict[str, Any]:
    """The claims of the identity token behind a code, each held against what was asked.

    Raises:
        Refused: the provider does not answer, or its token is not signed by it, for us, now, in
            answer to this very question.
    """
    metadata = _metadata()
    answer = _post_code(metadata, code, verifier=verifier, back=back)
    token = answer.get("id_token")
    if not isinstance(token, str):
        raise Refused([problem("EQ-W054", why="no id_token")])
    return _check_token(token, metadata, nonce=nonce, now=now)


def person_of(claims: Mapping[str, Any], state: TrialState) -> Person:
    """The person of the ledger whom a token names.

    Raises:
        Refused: it names nobody of this trial; or somebody whom another account of the provider
            has named before, or this account has named somebody else or was withdrawn.
    """
    name = claims.get(settings.OIDC_CLAIM)
    person = state.people.get(name) if isinstance(name, str) else None
    if person is None or not person.is_active:
        raise Refused([problem("EQ-W055", person=str(name or "–")[:60])])
    means = means_of(claims)
    bound = [m for m in person.means if m.startswith("provider:")]
    is_taken = any(means in p.means for p in state.people.values() if p.person != person.person)
    if is_taken or means in person.withdrawn or (bound and means not in bound):
        raise Refused([problem("EQ-W057", person=person.person)])
    return person


def means_of(claims: Mapping[str, Any]) -> str:
    """What the ledger calls an account of the provider: a digest of what never changes there."""
    account = json.dumps([claims["iss"], claims["sub"]])
    return "provider:" + hashlib.sha256(account.encode()).hexdigest()


def check_fresh(claims: Mapping[str, Any], *, since: int) -> None:
    """Whether somebody logged in after `since` (seconds), as the provider states.

    Raises:
        Refused: it was before, or the provider does not say when.
    """
    at = claims.get("auth_time")
    if not isinstance(at, int) or isinstance(at, bool) or at < since - SKEW:
        raise Refused([problem("EQ-W056")])


def _check_token(
    token: str, metadata: Mapping[str, Any], *, nonce: str, now: int
) -> dict[str, Any]:
    rules = jwt.JWTClaimsRegistry(
        now=now,
        leeway=SKEW,
        iss={"essential": True, "value": settings.OIDC_ISSUER},
        sub={"essential": True},
        aud={"essential": True, "value": settings.OIDC_CLIENT},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        claims = _decode(token, metadata)
        rules.validate(claims)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refused([problem("EQ-W054", why=type(error).__name__)]) from error
    is_shared = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (is_shared or "azp" in claims) and claims.get("azp") != settings.OIDC_CLIENT:
        raise Refused([problem("EQ-W054", why="azp")])
    return claims


def _decode(token: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The claims under a signature of the provider; a key that is new there is looked for once."""
    address = str(metadata["jwks_uri"])
    try:
        return dict(jwt.decode(token, _keys(address), algorithms=ALGORITHMS).claims)
    except JoseError:
        cache.delete(_place(address))
        return dict(jwt.decode(token, _keys(address), algorithms=ALGORITHMS).claims)


def _keys(address: str) -> KeySet:
    """The public keys of the provider: a key that both sides hold proves nothing."""
    found = _kept(address).get("keys")
    if not isinstance(found, list):
        raise ValueError("no keys")
    public = [k for k in found if isinstance(k, dict) and k.get("kty") in ("RSA", "EC", "OKP")]
    return KeySet.import_key_set({"keys": public})


def _metadata() -> dict[str, Any]:
    issuer: str = settings.OIDC_ISSUER
    found = _kept(_metadata_address())
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    if found.get("issuer") != issuer or not all(_is_safe(found.get(name)) for name in names):
        raise Refused([problem("EQ-W052", issuer=issuer)])
    return found


def _metadata_address() -> str:
    return str(settings.OIDC_ISSUER).rstrip("/") + "/.well-known/openid-configuration"


def _kept(address: str) -> dict[str, Any]:
    """A document of the provider, asked for again after some minutes."""
    found = cache.get(_place(address))
    if found is None:
        found = _fetch(urllib.request.Request(address))  # noqa: S310 - `_fetch` looks at it
        cache.set(_place(address), found, KEPT_SECONDS)
    return dict(found)


def _place(address: str) -> str:
    return "oidc-" + hashlib.sha256(address.encode()).hexdigest()


def _post_code(
    metadata: Mapping[str, Any], code: str, *, verifier: str, back: str
) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back,
        "code_verifier": verifier,
        "client_id": settings.OIDC_CLIENT,
    }
    request = urllib.request.Request(str(metadata["token_endpoint"]), method="POST")  # noqa: S310
    secret = _secret()
    ways = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    if secret and "client_secret_basic" not in ways:
        form["client_secret"] = secret
    elif secret:
        pair = f"{quote(settings.OIDC_CLIENT, safe='')}:{quote(secret, safe='')}"
        request.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
    request.data = urlencode(form).encode()
    return _fetch(request)


def _secret() -> str:
    path: str = settings.OIDC_SECRET
    return Path(path).read_text(encoding="utf-8").strip() if path else ""


class _Straight(urllib.request.HTTPRedirectHandler):
    """No answer may send the secret or the code elsewhere."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Not followed: an error like any other."""


def _fetch(request: urllib.request.Request) -> dict[str, Any]:
    request.add_header("Accept", "application/json")
    opener = urllib.request.build_opener(_Straight)
    try:
        if not _is_safe(request.full_url):
            raise ValueError("neither HTTPS nor this machine")
        with opener.open(request, timeout=TIMEOUT) as response:
            found = json.loads(response.read(LARGEST))
        if not isinstance(found, dict):
            raise ValueError("no object")
    except (OSError, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it is an answer too, with its connection
        raise Refused([problem("EQ-W052", issuer=settings.OIDC_ISSUER)]) from error
    return found


def _is_safe(address: object) -> bool:
    """Whether an address is of HTTPS, or of this machine, where nobody listens in between."""
    parts = urlsplit(address) if isinstance(address, str) else None
    if parts is None:
        return False
    schemes = ("http", "https") if parts.hostname in HERE else ("https",)
    return bool(parts.hostname) and parts.scheme in schemes

"""A provider of OpenID Connect on this machine: strict as the standard, and bent where a test asks.

It lets in whoever is named at its form. PKCE is checked with the functions of Authlib.
"""

import base64
import hashlib
import hmac
import html
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "equipoise", "s3cret: of the door"
FORM = """<!doctype html><html lang="en"><title>Log in</title><form method="post">
<label>Name <input name="name" id="name"></label><button>Log in</button></form></html>"""


class Provider:
    """What a test may bend: claims, those left out, how tokens are signed, what is answered."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
        self.codes: dict[str, dict[str, Any]] = {}
        self.asked: list[dict[str, str]] = []
        self.sessions: dict[str, int] = {}
        self.claims: dict[str, Any] = {}
        self.left_out: set[str] = set()
        self.signing = "RS256"
        self.forgets_prompt = False
        self.documents: dict[str, Any] = {}
        self.redirects: dict[str, str] = {}
        self.n_asked = 0

    @property
    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    @property
    def keys(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}

    def log_in(self, query: dict[str, str], name: str) -> str:
        """Where the browser is sent once somebody has logged in."""
        assert query["response_type"] == "code" and query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256" and "openid" in query["scope"].split()
        assert len(query["state"]) > 20 and len(query["nonce"]) > 20
        self.asked.append(query)
        if name == "deny":
            return self._back(query, error="access_denied")
        is_new = query.get("prompt") == "login" and not self.forgets_prompt
        if is_new or name not in self.sessions:
            self.sessions[name] = int(time.time())
        code = secrets.token_urlsafe()
        self.codes[code] = {**query, "name": name}
        return self._back(query, code=code)

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any]:
        """The answer to a code, once, to its client, which shows what made the challenge."""
        known = self.codes.pop(form["code"])
        kind, _, pair = authorization.partition(" ")
        expected = "equipoise:s3cret%3A%20of%20the%20door"
        assert kind == "Basic" and base64.b64decode(pair).decode() == expected
        assert form["grant_type"] == "authorization_code"
        assert form["redirect_uri"] == known["redirect_uri"]
        assert create_s256_code_challenge(form["code_verifier"]) == known["code_challenge"]
        now, name = int(time.time()), known["name"]
        claims = {
            "iss": self.address,
            "sub": "id-of-" + name,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 60,
            "nonce": known["nonce"],
            "auth_time": self.sessions[name],
            "preferred_username": name,
            **self.claims,
        }
        kept = {k: v for k, v in claims.items() if k not in self.left_out}
        return {"access_token": "x", "token_type": "Bearer", "id_token": self._signed(kept)}

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.signing == "RS256":
            return jwt.encode({"alg": "RS256", "kid": "first"}, claims, self.key)
        if self.signing == "another key":
            other = RSAKey.generate_key(2048)
            return jwt.encode({"alg": "RS256", "kid": "first"}, claims, other)
        head = {"alg": self.signing, "kid": "first"}
        body = ".".join(_text(json.dumps(part).encode()) for part in (head, claims))
        if self.signing == "none":
            return body + "."
        key = SECRET.encode() if self.signing == "HS256" else b""
        return body + "." + _text(hmac.digest(key, body.encode(), hashlib.sha256))

    @staticmethod
    def _back(query: dict[str, str], **found: str) -> str:
        return query["redirect_uri"] + "?" + urlencode({**found, "state": query["state"]})


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Answering(BaseHTTPRequestHandler):
    """The provider at its address."""

    provider: Provider

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.provider.n_asked += 1
        if path in self.provider.documents:
            return self._send(self.provider.documents[path])
        if path == "/authorize":
            return self._send(FORM.encode(), kind="text/html")
        found = {"/.well-known/openid-configuration": "metadata", "/keys": "keys"}.get(path)
        return self._send(getattr(self.provider, found)) if found else self.send_error(404)

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form, parts = dict(parse_qsl(text)), urlsplit(self.path)
        self.provider.n_asked += 1
        where = self.provider.redirects.get(parts.path, "")
        if parts.path == "/authorize":
            where = self.provider.log_in(dict(parse_qsl(parts.query)), form["name"])
        if where:
            self.send_response(302)
            self.send_header("Location", where)
            self.end_headers()
            return None
        if parts.path in self.provider.documents:
            return self._send(self.provider.documents[parts.path])
        try:
            return self._send(self.provider.token(form, self.headers.get("Authorization", "")))
        except (AssertionError, KeyError):
            return self._send({"error": "invalid_grant"}, status=400)

    def _send(self, found: Any, *, status: int = 200, kind: str = "application/json") -> None:
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is told."""


@contextmanager
def running_provider() -> Iterator[Provider]:
    """A provider that answers as long as the context lasts."""
    handler = type("Here", (Answering,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.provider = Provider(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield handler.provider  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def log_in_at(address: str, name: str) -> str:
    """Log in at the provider's form as a browser would; where it sends the browser then."""
    form = urlencode({"name": name}).encode()
    opener = urllib.request.build_opener(_Stay)
    try:
        opener.open(address, data=form, timeout=10)
    except urllib.error.HTTPError as answer:
        with answer:
            assert answer.code == 302, answer.read()
            return str(answer.headers["Location"])
    raise AssertionError("the provider sent nobody on")


def address_in(page: str) -> str:
    """The address of the one button of a page that leads on."""
    return html.unescape(page.split('<a class="button" href="', 1)[1].split('"', 1)[0])


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}

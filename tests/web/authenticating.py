"""A passkey made of software, after WebAuthn's own text: what it signs, tests may bend at will."""

import hashlib
import json
import os
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

ORIGIN = "http://testserver"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def to_bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def to_text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


class Device:
    """One key in one device; its counter goes on with each use."""

    def __init__(self, domain: str = "testserver") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = os.urandom(32)
        self.domain = domain
        self.count = 1
        self.handle = ""

    def make(self, options: dict[str, Any], *, origin: str = ORIGIN, verified: bool = True) -> str:
        """What a browser answers to `navigator.credentials.create`."""
        self.handle = options["user"]["id"]
        point = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        held = bytes(16) + struct.pack(">H", len(self.id)) + self.id
        data = self._data(ATTESTED, verified=verified) + held + cbor2.dumps(public)
        said = self._said("webauthn.create", options["challenge"], origin)
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(clientDataJSON=said, attestationObject=attested)

    def answer(
        self,
        options: dict[str, Any],
        *,
        origin: str = ORIGIN,
        verified: bool = True,
        step: int = 1,
        handle: str | None = None,
        **more: object,
    ) -> str:
        """What a browser answers to `navigator.credentials.get`."""
        self.count += step
        data = self._data(0, verified=verified)
        said = self._said("webauthn.get", options["challenge"], origin, **more)
        signature = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(SHA256()))
        shown = to_bytes(self.handle if handle is None else handle)
        return self._answer(
            clientDataJSON=said, authenticatorData=data, signature=signature, userHandle=shown
        )

    def _data(self, flags: int, *, verified: bool) -> bytes:
        flags |= PRESENT | (VERIFIED if verified else 0)
        return hashlib.sha256(self.domain.encode()).digest() + struct.pack(">BI", flags, self.count)

    def _said(self, kind: str, challenge: str, origin: str, **more: object) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin, **more}).encode()

    def _answer(self, **parts: bytes) -> str:
        response = {name: to_text(part) for name, part in parts.items()}
        mine = to_text(self.id)
        return json.dumps({"id": mine, "rawId": mine, "type": "public-key", "response": response})

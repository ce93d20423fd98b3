"""Passkeys (WebAuthn level 3): made, listed, and asked for at the door and at each signature.

A challenge counts once, for five minutes, in one browser. At a signature it is made from the digest
of the form that is signed, so an answer signs that form and no other.
"""

import hashlib
import json
import secrets
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import webauthn
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from msgspec import Struct
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    exceptions,
    parse_authentication_credential_json,
    parse_authenticator_data,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from equipoise.conduct import SYSTEM, Person, RunningTrial, record_means
from equipoise.problems import Refused, problem
from equipoise.web.identity import tickets
from equipoise.web.identity.models import Passkey

LONGEST = 20_000
"""Characters of an answer; the largest public keys and attestations stay far below."""
LOOPBACK = ("127.0.0.1", "::1")
REQUIRED = UserVerificationRequirement.REQUIRED


class Place(Struct, frozen=True):
    """The address that passkeys of this door are bound to, and the domain of their keys."""

    origin: str
    domain: str


def place_of(request: HttpRequest) -> Place:
    """Where this request came in, if passkeys work there.

    Raises:
        Refused: no address is set and this is not `localhost`, it is another than the one set, or
            browsers give no passkey there.
    """
    here = f"{request.scheme}://{request.get_host()}"
    host = urlsplit(here).hostname or ""
    if settings.ORIGIN and here != settings.ORIGIN:
        raise Refused([problem("EQ-W040", origin=settings.ORIGIN)])
    if not settings.ORIGIN and host in LOOPBACK:
        port = urlsplit(here).port
        named = f"{request.scheme}://localhost" + (f":{port}" if port else "") + "/"
        raise Refused([problem("EQ-W097", address=named)])
    if not settings.ORIGIN and host != "localhost":
        raise Refused([problem("EQ-W041")])
    domain = settings.PASSKEY_DOMAIN or host
    if _is_number(host) or not f".{host}".endswith(f".{domain}"):
        raise Refused([problem("EQ-W099", origin=here, domain=domain)])
    return Place(here, domain)


def _is_number(host: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(host))
    return False


def is_possible(request: HttpRequest, person: Person | None) -> bool:
    """Whether a passkey that opens something here exists: anybody's, or a person's own."""
    try:
        if person is None:
            return Passkey.objects.filter(domain=place_of(request).domain).exists()
        return keys_of(request, person).exists()
    except Refused:
        return False


def keys_of(request: HttpRequest, person: Person) -> "QuerySet[Passkey]":
    """The passkeys of somebody for this door that the ledger knows."""
    place = place_of(request)
    known = Passkey.objects.filter(user__username=person.person, domain=place.domain)
    return known.filter(pk__in=[key.pk for key in known if means_of(key) in person.means])


def means_of(key: Passkey) -> str:
    """What the ledger calls a passkey: the SHA-256 of its name at the device and its public key.

    So a public key that was exchanged in the table of accounts opens nothing.
    """
    return "passkey:" + hashlib.sha256(f"{key.credential}.{key.public_key}".encode()).hexdigest()


def ask_for_new(request: HttpRequest, person: Person) -> dict[str, Any]:
    """What the browser needs to make a passkey for somebody."""
    place = place_of(request)
    known = list(keys_of(request, person))
    handle = known[0].handle if known else secrets.token_urlsafe(48)
    challenge = secrets.token_bytes(32)
    tickets.issue(
        request,
        "enroll",
        person=person.person,
        secret=bytes_to_base64url(challenge),
        data={"handle": handle},
    )
    options = webauthn.generate_registration_options(
        rp_id=place.domain,
        rp_name="Equipoise",
        user_id=base64url_to_bytes(handle),
        user_name=person.person,
        user_display_name=person.name,
        challenge=challenge,
        timeout=tickets.SECONDS * 1000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=REQUIRED
        ),
        exclude_credentials=[_described(key) for key in known],
    )
    return dict(json.loads(webauthn.options_to_json(options)))


def keep_new(
    request: HttpRequest, trial: RunningTrial, *, person: Person, name: str, raw: str
) -> Passkey:
    """Keep the passkey that a browser made, and put on record that it opens the account.

    Raises:
        Refused: the answer is no new passkey, made here, just now, by a device that checked who
            holds it.
    """
    place = place_of(request)
    answer = _read_new(raw)
    challenge = _challenge_of(answer)
    ticket = tickets.redeem(request, "enroll", challenge, person=person.person)
    if ticket is None:
        raise Refused([problem("EQ-W043")])
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=place.domain,
            expected_origin=place.origin,
            require_user_verification=True,
        )
    except exceptions.WebAuthnException as error:
        raise Refused([problem("EQ-W049")]) from error
    key = Passkey(
        user=get_user_model().objects.get(username=person.person),
        name=name,
        domain=place.domain,
        handle=ticket.data["handle"],
        credential=bytes_to_base64url(made.credential_id),
        public_key=bytes_to_base64url(made.credential_public_key),
        sign_count=made.sign_count,
        made_at=timezone.now(),
    )
    if Passkey.objects.filter(credential=key.credential).exists():
        raise Refused([problem("EQ-W046")])
    with transaction.atomic():
        key.save()
        _record(trial, key, is_added=True)
    return key


def drop(trial: RunningTrial, key: Passkey) -> None:
    """Take a passkey away at its owner's word; the record of it comes first."""
    _record(trial, key, is_added=False)
    key.delete()


def ask_for(
    request: HttpRequest, kind: str, *, person: Person | None = None, digest: str = ""
) -> dict[str, Any]:
    """What the browser needs to ask for a passkey: anybody's at the door, else a person's own."""
    place = place_of(request)
    nonce = secrets.token_hex(32)
    challenge = _bound(nonce, kind, digest)
    tickets.issue(
        request,
        kind,
        person=person.person if person else "",
        secret=bytes_to_base64url(challenge),
        data={"nonce": nonce},
    )
    options = webauthn.generate_authentication_options(
        rp_id=place.domain,
        challenge=challenge,
        timeout=tickets.SECONDS * 1000,
        allow_credentials=[_described(k) for k in keys_of(request, person)] if person else None,
        user_verification=REQUIRED,
    )
    return dict(json.loads(webauthn.options_to_json(options)))


def check_answer(
    request: HttpRequest,
    trial: RunningTrial,
    kind: str,
    *,
    raw: str,
    person: Person | None = None,
    digest: str = "",
) -> Passkey:
    """The passkey that gave this answer, to the challenge of this browser and this digest.

    Raises:
        Refused: it did not, or the passkey may not be used; nothing says that it was.
    """
    place = place_of(request)
    answer = _read_answer(raw)
    challenge = _challenge_of(answer)
    ticket = tickets.redeem(request, kind, challenge, person=person.person if person else "")
    if ticket is None:
        raise Refused([problem("EQ-W043")])
    if base64url_to_bytes(challenge) != _bound(ticket.data["nonce"], kind, digest):
        raise Refused([problem("EQ-W044")])
    key = _owned(answer, trial, person=person, place=place)
    if not _was_verified(answer):
        raise Refused([problem("EQ-W047")])
    try:
        # A counter that went back tells of a copy only under a signature that is right.
        shown = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=base64url_to_bytes(challenge),
            expected_rp_id=place.domain,
            expected_origin=place.origin,
            credential_public_key=base64url_to_bytes(key.public_key),
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except exceptions.WebAuthnException as error:
        raise Refused([problem("EQ-W049")]) from error
    _count(trial, key, shown.new_sign_count)
    return key


def _count(trial: RunningTrial, key: Passkey, n: int) -> None:
    """Move the counter on; one that stands still or goes back shows a copy, which ends the key."""
    is_copy = (n > 0 or key.sign_count > 0) and n <= key.sign_count
    if not is_copy:
        known = Passkey.objects.filter(pk=key.pk, sign_count=key.sign_count)
        if not known.update(sign_count=n, used_at=timezone.now()):  # used twice at one time
            raise Refused([problem("EQ-W043")])
        return
    taken_away = record_means(
        trial,
        at=timezone.now(),
        person=key.user.get_username(),
        means=means_of(key),
        is_added=False,
        by=SYSTEM,
        reason="its counter did not go on: there may be a copy",
    )
    # Where the ledger may be away nothing is taken away; this answer counts no more for that.
    raise Refused([problem("EQ-W048" if taken_away else "EQ-W101", name=key.name)])


def _owned(
    answer: AuthenticationCredential, trial: RunningTrial, *, person: Person | None, place: Place
) -> Passkey:
    key = Passkey.objects.filter(credential=answer.id, domain=place.domain).first()
    owner = trial.state.people.get(key.user.get_username()) if key else None
    if key is None or owner is None or not owner.is_active or means_of(key) not in owner.means:
        raise Refused([problem("EQ-W045")])
    handle = answer.response.user_handle
    is_other = person is not None and owner.person != person.person
    if is_other or (handle is not None and bytes_to_base64url(handle) != key.handle):
        raise Refused([problem("EQ-W046")])
    return key


def _record(trial: RunningTrial, key: Passkey, *, is_added: bool) -> None:
    name, means = key.user.get_username(), means_of(key)
    record_means(trial, at=timezone.now(), person=name, means=means, is_added=is_added)


def _bound(nonce: str, kind: str, digest: str) -> bytes:
    """The challenge: a random number, and what it is for."""
    return hashlib.sha256(f"equipoise/passkey/1 {kind} {nonce} {digest}".encode()).digest()


def _described(key: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(id=base64url_to_bytes(key.credential))


def _read_answer(raw: str) -> AuthenticationCredential:
    try:
        return parse_authentication_credential_json(raw[:LONGEST])
    except Exception as error:  # the library raises what its parsers raise
        raise Refused([problem("EQ-W042")]) from error


def _read_new(raw: str) -> RegistrationCredential:
    try:
        return parse_registration_credential_json(raw[:LONGEST])
    except Exception as error:  # the same
        raise Refused([problem("EQ-W042")]) from error


def _challenge_of(answer: AuthenticationCredential | RegistrationCredential) -> str:
    try:
        said = parse_client_data_json(answer.response.client_data_json)
    except Exception as error:  # the same
        raise Refused([problem("EQ-W042")]) from error
    if said.cross_origin:
        raise Refused([problem("EQ-W049")])
    return bytes_to_base64url(said.challenge)


def _was_verified(answer: AuthenticationCredential) -> bool:
    try:
        return parse_authenticator_data(answer.response.authenticator_data).flags.uv
    except Exception as error:  # the same
        raise Refused([problem("EQ-W042")]) from error

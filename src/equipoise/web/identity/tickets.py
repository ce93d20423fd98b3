"""Tickets: secrets that count once, until an instant, in the browser that they were made for."""

import datetime as dt
import hashlib
import json
import secrets
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from equipoise.web.identity.models import Ticket

SECONDS = 300
"""How long a challenge or a proof waits for its answer."""
NOT_SIGNED = {"csrfmiddlewaretoken", "password", "passkey", "fresh", "_path", "_kind"}
"""Fields of a form that say who somebody is, or how it travels: all others are signed."""


def issue(
    request: HttpRequest,
    kind: str,
    *,
    person: str = "",
    secret: str = "",
    data: dict[str, Any] | None = None,
) -> str:
    """Make a ticket for this browser; gives back its secret. Those that ran out are cleared."""
    now = timezone.now()
    Ticket.objects.filter(expires_at__lt=now).delete()
    secret = secret or new_secret()
    Ticket.objects.create(
        kind=kind,
        secret=secret,
        holder=_holder(request),
        person=person,
        data=data or {},
        expires_at=now + dt.timedelta(seconds=SECONDS),
    )
    return secret


def new_secret() -> str:
    """A secret that nobody guesses."""
    return secrets.token_urlsafe(32)


def find(request: HttpRequest, kind: str, secret: str, *, person: str = "") -> Ticket | None:
    """The ticket, if it is of this kind, browser and person and has not run out."""
    return Ticket.objects.filter(
        kind=kind,
        secret=secret[:64],
        holder=_holder(request),
        person=person,
        expires_at__gt=timezone.now(),
    ).first()


def redeem(request: HttpRequest, kind: str, secret: str, *, person: str = "") -> Ticket | None:
    """The same, once: of two who bring it at one time only one gets it."""
    found = find(request, kind, secret, person=person)
    if found is None or not Ticket.objects.filter(pk=found.pk).delete()[0]:
        return None
    return found


def digest_of_form(request: HttpRequest, *, person: str, path: str) -> str:
    """SHA-256 of what a form says, where it goes and who sends it: what a proof is bound to."""
    fields = sorted((k, v) for k, v in request.POST.lists() if k not in NOT_SIGNED)
    bound = json.dumps(["equipoise/form/1", person, path, fields], ensure_ascii=True)
    return hashlib.sha256(bound.encode()).hexdigest()


def _holder(request: HttpRequest) -> str:
    """What this browser's session is known by here; signing in does not change it."""
    if "holder" not in request.session:
        request.session["holder"] = secrets.token_urlsafe(32)
    return str(request.session["holder"])

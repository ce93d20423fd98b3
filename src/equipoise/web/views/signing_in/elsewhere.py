"""Logging in at a provider, to come in here and afresh for each signature.

Cookies of this door are strict: a browser that the provider sends here leaves them behind. So the
answer goes one step of our own further before it is read. And no form is sent on to another host,
which our policy forbids: a page of ours leads there.
"""

import json
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse

from equipoise.conduct import Person, record_means
from equipoise.problems import Refused, problem
from equipoise.web.entry.second import KIND
from equipoise.web.identity import provider, tickets
from equipoise.web.identity.models import Ticket
from equipoise.web.pages import NOBODY, Visit
from equipoise.web.statuses import status_of
from equipoise.web.texts import t
from equipoise.web.views.access import come_in, show_sign_in

MOST_FIELDS = 20_000
"""Characters of a form that may wait for a fresh log-in."""


def start(visit: Visit) -> HttpResponse:
    """To the provider, to come in."""
    _check_set()
    if visit.person is not NOBODY:
        return redirect("home")
    try:
        return _lead(visit, {}, person="")
    except Refused as refused:
        return _show_other_ways(visit, refused)


def afresh(visit: Visit) -> HttpResponse:
    """To the provider, to log in there afresh; the form that asked for it waits.

    It asks for who sends it or, where it says so, for a second person beside them.
    """
    _check_set()
    posted = visit.request.POST
    path = posted.get("_path", "")[:1000]
    fields = {k: v for k, v in posted.lists() if k not in tickets.NOT_SIGNED}
    if not _is_ours(path) or len(json.dumps(fields)) > MOST_FIELDS:
        raise Refused([problem("EQ-W022")])
    digest = tickets.digest_of_form(visit.request, person=visit.person.person, path=path)
    kind = KIND if posted.get("_kind") == KIND else "proof"
    waits = {"path": path, "fields": fields, "digest": digest, "kind": kind}
    return _lead(visit, waits, person=visit.person.person)


def back(visit: Visit) -> HttpResponse:
    """Back from the provider: come in, or go on with what was to be signed."""
    _check_set()
    given = visit.request.GET
    if "step" not in given:
        known = {k: given[k][:4000] for k in ("code", "state", "error") if k in given}
        return _pass(visit, f"{reverse('provider_back')}?{urlencode({**known, 'step': '2'})}")
    if visit.person is not NOBODY:
        ticket, claims = _read_answer(visit)
        return _go_on(visit, ticket, claims)
    try:
        return _come_in(visit, _read_answer(visit)[1])
    except Refused as refused:
        return _show_other_ways(visit, refused)


def _read_answer(visit: Visit) -> tuple[Ticket, dict[str, Any]]:
    """What waited for the answer of the provider, and what that says."""
    given, who = visit.request.GET, visit.person.person
    ticket = tickets.redeem(visit.request, "state", given.get("state", ""), person=who)
    if ticket is None:
        raise Refused([problem("EQ-W053")])
    if "code" not in given:
        raise Refused([problem("EQ-W058", why=given.get("error", "–")[:60])])
    claims = provider.exchange(
        given["code"],
        verifier=ticket.data["verifier"],
        nonce=ticket.data["nonce"],
        back=ticket.data["back"],
        now=_seconds(visit),
    )
    return ticket, claims


def _show_other_ways(visit: Visit, refused: Refused) -> HttpResponse:
    """Where the provider is away or lets nobody in, a password or a passkey still may."""
    return show_sign_in(visit, status=status_of(refused.problems), problems=refused.problems)


def _come_in(visit: Visit, claims: dict[str, Any]) -> HttpResponse:
    """Log in; the first time, that account of the provider is bound to the person for good.

    Where the ledger may be away nothing can be bound: then it must have been, at another door.
    """
    person = _bind(visit, claims)
    user, is_new = get_user_model().objects.get_or_create(username=person.person)
    if is_new:
        user.set_unusable_password()
        user.save()
    return come_in(visit, user, proof="provider", means=provider.means_of(claims))


def _bind(visit: Visit, claims: dict[str, Any]) -> Person:
    """The person whom the provider names; that account there opens theirs, as the ledger says."""
    person, means = provider.person_of(claims, visit.state), provider.means_of(claims)
    record_means(visit.trial, at=visit.now, person=person.person, means=means, is_added=True)
    if means not in visit.trial.state.people[person.person].means:
        raise Refused([problem("EQ-W100", person=person.person)])
    return person


def _go_on(visit: Visit, ticket: Ticket, claims: dict[str, Any]) -> HttpResponse:
    """The form that waited, to be sent with the proof: nothing is signed without another click."""
    first, waits = visit.person, ticket.data
    is_second = waits["kind"] == KIND
    person = provider.person_of(claims, visit.state)
    if is_second and person.person == first.person:
        raise Refused([problem("EQ-W103")])
    if not is_second and person.person != first.person:
        raise Refused([problem("EQ-W057", person=first.person)])
    provider.check_fresh(claims, since=waits["since"])
    _bind(visit, claims)
    data = {"digest": waits["digest"], KIND: person.person}
    proof = tickets.issue(visit.request, waits["kind"], person=first.person, data=data)
    fields = [(name, value) for name, values in waits["fields"].items() for value in values]
    what = "".join(waits["fields"].get("_what", [""]))[:300]
    return visit.show(
        "proven.html",
        path=waits["path"],
        fields=fields,
        proof=proof,
        what=what,
        second=person if is_second else None,
    )


def _lead(visit: Visit, waits: dict[str, Any], *, person: str) -> HttpResponse:
    """A page that leads to the provider; what must come back waits in a ticket."""
    own = settings.ORIGIN or visit.request.build_absolute_uri("/").rstrip("/")
    address = own + reverse("provider_back")
    state = tickets.new_secret()
    asked = provider.ask(state=state, back=address, is_fresh=bool(person))
    kept = {"nonce": asked.nonce, "verifier": asked.verifier, "back": address}
    data = {**waits, **kept, "since": _seconds(visit)}
    tickets.issue(visit.request, "state", person=person, secret=state, data=data)
    return _pass(visit, asked.address)


def _pass(visit: Visit, address: str) -> HttpResponse:
    response = visit.show("passing.html", address=address, title=t("provider.passing"))
    response.headers["Refresh"] = f"0;url={address}"
    return response


def _seconds(visit: Visit) -> int:
    return int(visit.now.timestamp())


def _is_ours(path: str) -> bool:
    """Whether a path is that of a page of this door."""
    try:
        return bool(resolve(path).url_name)
    except Resolver404:
        return False


def _check_set() -> None:
    if not settings.OIDC_ISSUER:
        raise Refused([problem("EQ-W021")])

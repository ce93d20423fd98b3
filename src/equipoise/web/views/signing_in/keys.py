"""Passkeys on their pages: one's own list, a new one, one that goes; and in at the door.

Who may open them is declared in `doors/signing_in.py`, for each door.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.auth import logout
from django.http import HttpResponse, JsonResponse
from django.urls import reverse

from equipoise.conduct import withdraw_means
from equipoise.conduct.door import refuse_if
from equipoise.conduct.rules import check_confirmed
from equipoise.problems import Problem, Refused, problem
from equipoise.study.forms import Item
from equipoise.study.roles import Role
from equipoise.web import saying
from equipoise.web.entry.asking import Answers, Question, ask
from equipoise.web.entry.second import KIND
from equipoise.web.identity import passkeys, tickets
from equipoise.web.identity.models import Passkey
from equipoise.web.identity.sessions import MEANS
from equipoise.web.pages import NOBODY, Visit, page
from equipoise.web.texts import t, text_of
from equipoise.web.views.access import come_in, show_sign_in


def own(visit: Visit) -> HttpResponse:
    """The passkeys of whoever asks."""
    found: tuple[Problem, ...] = ()
    keys: list[Passkey] = []
    try:
        keys = list(passkeys.keys_of(visit.request, visit.person))
    except Refused as refused:
        found = refused.problems
    return visit.show("passkeys.html", keys=keys, problems=found)


def add(visit: Visit) -> HttpResponse:
    """Show once more who one is; then a passkey may be made."""
    passkeys.place_of(visit.request)
    refuse_if(check_confirmed(visit.person))
    found = visit.check_proof() if visit.is_posted else ()
    if not visit.is_posted or found:
        return visit.show("passkey_add.html", status=422 if found else 200, problems=found)
    return _show_make(visit)


def make(visit: Visit) -> HttpResponse:
    """Keep the passkey that the browser made, under a name."""
    posted, who = visit.request.POST, visit.person
    name = posted.get("name", "").strip()[:60]
    permit = tickets.redeem(visit.request, "permit", posted.get("permit", ""), person=who.person)
    if permit is None:
        raise Refused([problem("EQ-W043")])
    if not name:
        return _show_make(visit, status=422, problems=(problem("EQ-W050", "name"),))
    raw = posted.get("passkey", "")
    try:
        passkeys.keep_new(visit.request, visit.trial, person=who, name=name, raw=raw)
    except Refused as refused:
        return _show_make(visit, status=422, problems=refused.problems, typed=name)
    return visit.go("passkeys", done=t("passkey.made", name=name))


def remove(visit: Visit, key: int) -> HttpResponse:
    """Give up a passkey of one's own."""
    own_key = passkeys.keys_of(visit.request, visit.person).filter(pk=key).first()
    if own_key is None:
        raise Refused([problem("EQ-W045")])
    found = visit.check_proof() if visit.is_posted else ()
    if not visit.is_posted or found:
        status = 422 if found else 200
        return visit.show("passkey_remove.html", status=status, key=own_key, problems=found)
    name, is_in_with_it = own_key.name, _is_in_with(visit, own_key)
    passkeys.drop(visit.trial, own_key)
    if is_in_with_it:
        logout(visit.request)  # what it opened ends with it
    return visit.go(
        "sign_in" if is_in_with_it else "passkeys", done=t("passkey.removed", name=name)
    )


def _is_in_with(visit: Visit, key: Passkey) -> bool:
    return bool(visit.request.session.get(MEANS) == passkeys.means_of(key))


@page(roles=(Role.ADMINISTRATOR,), methods=("GET", "POST"))
def withdraw(visit: Visit, person: str) -> HttpResponse:
    """Make every passkey of somebody worthless, and their account at the provider: it was lost."""
    known = visit.state.people.get(person)
    if known is None or not known.is_active:
        raise Refused([problem("EQ-C001", person, person=person)])

    def act(answers: Answers) -> HttpResponse:
        by, reason = visit.person.person, str(answers["reason"])
        is_whole = bool(answers.get("account"))
        withdraw_means(
            visit.trial,
            by=by,
            at=visit.now,
            person=person,
            reason=reason,
            with_account=is_whole,
        )
        Passkey.objects.filter(user__username=person).delete()
        return visit.go("people", done=t("passkey.withdrawn", name=known.name))

    n_keys = sum(1 for m in known.means if m.startswith("passkey:"))
    is_bound = any(m.startswith("provider:") for m in known.means)
    account = {"account": Item(label=text_of("passkey.account"), type="boolean")}
    question = Question(
        title=t("passkey.withdraw", name=known.name),
        button=t("passkey.withdraw_button"),
        lead=t("passkey.withdraw_lead"),
        back=reverse("people"),
        facts=(
            (t("sign_in.username"), person),
            (t("passkey.n_keys"), saying.number(n_keys)),
            (t("passkey.is_bound"), t("common.yes") if is_bound else t("common.no")),
        ),
        items={
            **(account if is_bound else {}),
            "reason": Item(
                label=text_of("common.reason"), type="text", help=text_of("common.reason_help")
            ),
        },
        is_grave=True,
    )
    return ask(visit, question, act=act)


def options(visit: Visit) -> HttpResponse:
    """What the browser needs before it asks for a passkey, or makes one: a challenge above all."""
    kinds: dict[str, Callable[[Visit], dict[str, Any]]] = {
        "sign_in": _for_sign_in,
        "sign": _for_signature,
        KIND: _for_second,
        "enroll": _for_new,
    }
    found = kinds.get(visit.request.POST.get("_kind", ""))
    try:
        if found is None:
            raise Refused([problem("EQ-W042")])
        return JsonResponse({"publicKey": found(visit)})
    except Refused as refused:
        told = [f"{saying.message(p)} {saying.hint(p)} ({p.code})" for p in refused.problems]
        return JsonResponse({"problem": " ".join(told)}, status=422)


def sign_in(visit: Visit) -> HttpResponse:
    """Log in with a passkey alone: it says who one is."""
    raw = visit.request.POST.get("passkey", "")
    try:
        key = passkeys.check_answer(visit.request, visit.trial, "sign_in", raw=raw)
    except Refused as refused:
        return show_sign_in(visit, status=422, problems=refused.problems)
    return come_in(visit, key.user, proof="passkey", means=passkeys.means_of(key))


def _for_sign_in(visit: Visit) -> dict[str, Any]:
    return passkeys.ask_for(visit.request, "sign_in")


def _for_signature(visit: Visit) -> dict[str, Any]:
    person = _known(visit)
    return passkeys.ask_for(visit.request, "sign", person=person, digest=_digest(visit))


def _for_second(visit: Visit) -> dict[str, Any]:
    """Anybody's passkey: it says who it is."""
    return passkeys.ask_for(visit.request, KIND, digest=_digest(visit))


def _digest(visit: Visit) -> str:
    path = visit.request.POST.get("_path", "")[:1000]
    return tickets.digest_of_form(visit.request, person=_known(visit).person, path=path)


def _for_new(visit: Visit) -> dict[str, Any]:
    person = _known(visit)
    permit = visit.request.POST.get("permit", "")
    if tickets.find(visit.request, "permit", permit, person=person.person) is None:
        raise Refused([problem("EQ-W043")])
    return passkeys.ask_for_new(visit.request, person)


def _known(visit: Visit) -> Any:
    if visit.person is NOBODY:
        raise Refused([problem("EQ-W043")])
    return visit.person


def _show_make(visit: Visit, *, status: int = 200, **values: Any) -> HttpResponse:
    permit = tickets.issue(visit.request, "permit", person=visit.person.person)
    known = {"permit": permit, "problems": (), "typed": ""}
    return visit.show("passkey_make.html", status=status, **(known | values))

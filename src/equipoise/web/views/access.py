"""Coming in and going out, the language, and the pages for what goes wrong."""

import datetime as dt
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, get_user_model, logout
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language

from equipoise.conduct import Person, record_password, record_sign_in
from equipoise.conduct.cells import record_use
from equipoise.conduct.parts import Proof
from equipoise.problems import Problem, problem
from equipoise.web import saying
from equipoise.web.identity.sessions import open_session
from equipoise.web.pages import ANYONE, NOBODY, Page, Visit, belongs_here, page
from equipoise.web.running import cell_unit_if_any
from equipoise.web.server import fingerprint_of
from equipoise.web.texts import t


@page(roles=ANYONE, methods=("GET", "POST"))
def sign_in(visit: Visit) -> HttpResponse:
    """Log in. A failure does not say which part of it was wrong."""
    if not visit.is_posted:
        return redirect("home") if visit.person is not NOBODY else show_sign_in(visit)
    if not settings.PASSWORDS:
        return show_sign_in(visit, status=422, problems=(problem("EQ-W051"),))
    name = visit.request.POST.get("username", "")[:150]
    password = visit.request.POST.get("password", "")[:4096]
    user = authenticate(visit.request, username=name, password=password)
    person = visit.state.people.get(name)
    if user is None and (waits := visit.check_barred(name)):
        return show_sign_in(visit, status=429, problems=waits, typed=name)
    if user is None or person is None or not person.is_active:
        return show_sign_in(visit, status=422, problems=(problem("EQ-W025"),), typed=name)
    return come_in(visit, user, proof="password")


def come_in(visit: Visit, user: Any, *, proof: Proof, means: str = "") -> HttpResponse:
    """Log somebody in who showed who they are, once that is on record; `means` as in a session.

    Behind the sealed door the cell unit's own ledger has it, wherever there is one: without one
    nobody prepares anything there. The emergency door needs no ledger, and records breaks alone.
    """
    name = user.get_username()
    _tell_of_code(visit, visit.state.people[name])
    unit = cell_unit_if_any()
    if unit is not None:
        record_use(unit, by=visit.state.people[name], at=visit.now, page="sign_in")
    else:
        record_sign_in(visit.trial, at=visit.now, person=name, proof=proof)
    open_session(visit.request, user, means=means)
    return redirect("home")


def _tell_of_code(visit: Visit, person: Person) -> None:
    """Whoever comes in reads that somebody made a code for their account since they last came."""
    made, since = person.invited, person.came_at or visit.now - CODE_IS_NEWS
    if made is not None and made.at > since:
        said = t("people.code_told", by=visit.name_of(made.by), at=saying.instant(made.at))
        messages.warning(visit.request, said)


CODE_IS_NEWS = dt.timedelta(days=30)
"""For so long where log-ins are not on record in this ledger."""


@page(roles=ANYONE, methods=("GET", "POST"))
def welcome(visit: Visit) -> HttpResponse:
    """Choose a password, with the code that an administrator handed over."""
    posted = visit.request.POST
    name, code = posted.get("username", "")[:150].strip(), posted.get("code", "")[:200].strip()
    found: tuple[Problem, ...] = ()
    if visit.is_posted:
        typed = posted.getlist("password") + posted.getlist("again")
        found = _choose_password(visit, name, code, typed)
        if not found:
            return visit.go("sign_in", done=t("welcome.done"))
    status = 422 if found else 200
    return visit.show("welcome.html", status=status, problems=found, typed=name)


def _choose_password(visit: Visit, name: str, code: str, typed: list[str]) -> tuple[Problem, ...]:
    """Also where nobody comes in with one: it counts in an emergency, when a provider is away."""
    user = get_user_model().objects.filter(username=name).first()
    if user is None or not default_token_generator.check_token(user, code):
        return (problem("EQ-W030", "code"),)
    if len(typed) != 2 or typed[0] != typed[1]:
        return (problem("EQ-W031", "password"),)
    try:
        validate_password(typed[0][:4096], user)
    except ValidationError as error:
        return tuple(problem("EQ-W032", "password", why=why) for why in error.messages)
    record_password(visit.trial, at=visit.now, person=name, code=fingerprint_of(code))
    user.set_password(typed[0][:4096])
    user.save()
    return ()


@page(roles=ANYONE, methods=("POST",))
def sign_out(visit: Visit) -> HttpResponse:
    """Log out; the session is gone at the server too."""
    logout(visit.request)
    return redirect("sign_in")


@page(roles=ANYONE, methods=("POST",))
def set_language(visit: Visit) -> HttpResponse:
    """Remember the language and go back."""
    wanted = visit.request.POST.get("language", "")
    back = visit.request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None) or not back.startswith("/"):
        back = "/"
    response = HttpResponseRedirect(back)
    if check_for_language(wanted) and wanted in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            wanted,
            max_age=365 * 86400,
            httponly=True,
            samesite="Strict",
            secure=settings.LANGUAGE_COOKIE_SECURE,
        )
    return response


@page(roles=ANYONE, methods=("GET", "POST"))
def not_found(visit: Visit, **_: Any) -> HttpResponse:
    """Any address that is no page."""
    return visit.refuse([problem("EQ-W021")])


def unreadable(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """Django's 400: a body that no page of ours sends, or a host that is not ours."""
    return render(request, "bare.html", {"problems": (problem("EQ-W022"),)}, status=400)


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:  # noqa: ARG001
    """Django's 404."""
    return not_found(request)


def broken(request: HttpRequest) -> HttpResponse:
    """Django's 500: it asks nothing of the trial, which may be what broke."""
    return render(request, "bare.html", {"problems": (problem("EQ-W024"),)}, status=500)


def stale_page(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """A post without the token of its page."""
    return render(request, "bare.html", {"problems": (problem("EQ-W023"),)}, status=403)


def show_sign_in(visit: Visit, *, status: int = 200, **values: Any) -> HttpResponse:
    """The sign-in page, with what was refused there."""
    demo = []
    if visit.trial.realm == "rehearsal" and settings.DEMO_PASSWORD:
        people = visit.state.people.values()
        demo = [p for p in people if p.is_active and belongs_here(p.role)]
    known = {"demo": demo, "demo_password": settings.DEMO_PASSWORD, "problems": (), "typed": ""}
    return visit.show("sign_in.html", status=status, **(known | values))


PUBLIC: tuple[Page, ...] = (sign_in, welcome, sign_out, set_language, not_found)
"""What anybody may open."""

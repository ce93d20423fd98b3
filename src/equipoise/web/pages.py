"""A page: who may open it, at which door, and what it answers when the trial says no.

A view is declared with `@page(roles=...)` and gets a `Visit`: who asks, and the trial as it stands.
Nothing is open by default; a view without a declaration fails a test.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any, Literal

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, logout
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import resolve, reverse
from django.utils import timezone
from msgspec import Struct

from equipoise.conduct import (
    BREAKERS,
    Participant,
    Person,
    RunningTrial,
    TrialState,
    accept_accountability,
    bar_sign_in,
    check_duty,
    list_participants,
)
from equipoise.conduct.parts import SERVER, Proof
from equipoise.conduct.rules import check_confirmed
from equipoise.conduct.tasks import check_task
from equipoise.problems import Problem, Refused, Text, problem
from equipoise.study.roles import UNBLINDED_ROLES, Role
from equipoise.study.study import Study
from equipoise.web.identity import passkeys, tickets
from equipoise.web.identity.sessions import MEANS
from equipoise.web.middleware import unreachable_accounts
from equipoise.web.running import running_trial
from equipoise.web.statuses import status_of
from equipoise.web.texts import say, t

BLINDED = frozenset(Role) - UNBLINDED_ROLES
ROLES_OF: dict[str, frozenset[Role]] = {
    "site": BLINDED,
    "sealed": UNBLINDED_ROLES,
    "emergency": frozenset(BREAKERS),
}
"""Who works behind which door. Whoever breaks a code in an emergency stays blinded otherwise."""
TRAINING = frozenset({"EQ-C097", "EQ-C098"})
ANYONE: Literal["anyone"] = "anyone"
NOBODY = Person("", "", "")
Method = Literal["GET", "POST"]


class Access(Struct, frozen=True):
    """Who may open a page, how it may be asked, and the act that it leads to if it is of a task."""

    roles: frozenset[Role] | Literal["anyone"]
    methods: frozenset[Method]
    act: str = ""

    def admits(self, role: str) -> bool:
        """Whether somebody of this role may open the page."""
        return self.roles == ANYONE or role in self.roles


class Visit(Struct, frozen=True):
    """One request: the trial as it stands, and the person who asks."""

    request: HttpRequest
    trial: RunningTrial
    state: TrialState
    person: Person

    @property
    def study(self) -> Study:
        """The study of the trial."""
        return self.trial.study

    @property
    def now(self) -> dt.datetime:
        """This instant, UTC: what every act is stamped with."""
        return timezone.now().astimezone(dt.UTC)

    @property
    def today(self) -> dt.date:
        """The day at the site."""
        return timezone.localdate()

    @property
    def is_posted(self) -> bool:
        """Whether something is to be done, not shown."""
        return self.request.method == "POST"

    @property
    def ways(self) -> "Ways":
        """How the person may show who they are, here and now."""
        return self._ways(None if self.person is NOBODY else self.person)

    @property
    def ways_of_another(self) -> "Ways":
        """How somebody else may, at the same screen."""
        return self._ways(None)

    def _ways(self, person: Person | None) -> "Ways":
        has_key = passkeys.is_possible(self.request, person)
        return Ways(settings.PASSWORDS, has_key, settings.OIDC_NAME)

    @property
    def proof(self) -> Proof:
        """By which means the form shows who the person is; whether it does, `check_proof` says."""
        posted = self.request.POST
        if posted.get("passkey"):
            return "passkey"
        return "provider" if posted.get("fresh") else "password"

    def check_proof(self) -> tuple[Problem, ...]:
        """Whether the person proved once more who they are, as a signature asks.

        With what the form holds: the answer of a passkey or the proof of a fresh log-in elsewhere,
        each bound to this very form, or else the password.
        """
        posted, who = self.request.POST, self.person
        digest = tickets.digest_of_form(self.request, person=who.person, path=self.request.path)
        if self.proof == "passkey":
            try:
                passkeys.check_answer(
                    self.request,
                    self.trial,
                    "sign",
                    raw=posted["passkey"],
                    person=who,
                    digest=digest,
                )
            except Refused as refused:
                return refused.problems
            return ()
        if self.proof == "provider":
            proof = tickets.redeem(self.request, "proof", posted["fresh"], person=who.person)
            return () if proof and proof.data["digest"] == digest else (problem("EQ-W059"),)
        return self.check_password()

    def check_password(self) -> tuple[Problem, ...]:
        """Whether the password of the form is the person's.

        A wrong one counts as at the sign-in page: who tries out passwords has to wait.
        """
        if not settings.PASSWORDS:
            return (problem("EQ-W051", "password"),)
        name = self.person.person
        given = self.request.POST.get("password", "")[:4096]
        if authenticate(self.request, username=name, password=given) is not None:
            return ()
        return self.check_barred(name) or (problem("EQ-W026", "password"),)

    def check_signer(self) -> tuple[Problem, ...]:
        """As a signature asks: the proof again, and once that it binds like one by hand."""
        found = self.check_proof()
        if self.proof == "password" and not found:
            found = check_confirmed(self.person)
        if not found and self.person.accepted_at is None and "accept" in self.request.POST:
            who, statement = self.person.person, t("sign.statement")
            accept_accountability(self.trial, by=who, at=self.now, statement=statement)
        return found

    def check_barred(self, name: str) -> tuple[Problem, ...]:
        """Whether a name has to wait, which is put on record."""
        if not AxesProxyHandler.is_locked(self.request, {"username": name}):
            return ()
        wait: dt.timedelta = settings.AXES_COOLOFF_TIME
        n_failures: int = settings.AXES_FAILURE_LIMIT
        bar_sign_in(self.trial, at=self.now, person=name, n_failures=n_failures, wait=wait)
        return (problem("EQ-W028", minutes=int(wait.total_seconds()) // 60),)

    def may(self, *roles: Role) -> bool:
        """Whether the person holds one of these roles."""
        return self.person.role in roles

    def may_do(self, act: str, form: str = "") -> bool:
        """Whether an act, on this form if it is about one, is of a task delegated to the person."""
        return not check_task(self.study, self.person, act, form=form)

    def participants(self) -> list[Participant]:
        """The participants this person may see, by code."""
        return [p for p in list_participants(self.state) if self.person.may_see(p.site)]

    def participant(self, code: str) -> Participant:
        """One of them.

        Raises:
            Refused: there is none of this code at the person's sites.
        """
        found = self.state.participants.get(code)
        if found is None or not self.person.may_see(found.site):
            raise Refused([problem("EQ-C003", code, participant=code)])
        return found

    def show(self, template: str, *, status: int = 200, **values: Any) -> HttpResponse:
        """Render a template; it always has `visit`, `study` and `door`."""
        known = {"visit": self, "study": self.study, "door": settings.DOOR}
        return render(self.request, template, known | values, status=status)

    def go(self, name: str, *, done: str = "", **parts: Any) -> HttpResponseRedirect:
        """After a post: on to another page, with a word on what was done."""
        if done:
            messages.success(self.request, done)
        return HttpResponseRedirect(reverse(name, kwargs=parts))

    def name_of(self, person: str) -> str:
        """The printed name behind an identifier, which stays after the role is taken away."""
        known = self.state.people.get(person)
        return known.name if known else t("people.server") if person == SERVER else person

    def let_session_age(self) -> None:
        """Nobody asks but the page itself: that does not keep a session open."""
        self.request.lets_session_age = True  # type: ignore[attr-defined]

    def role_names(self, roles: Iterable[Role]) -> str:
        """Roles in the words of the study."""
        return ", ".join(say(role_name(self.study, role)) for role in roles)

    def refuse(self, problems: Iterable[Problem]) -> HttpResponse:
        """The page that says no."""
        found = tuple(problems)
        return self.show("problem.html", status=status_of(found), problems=found)

    @property
    def links(self) -> list["Link"]:
        """The navigation: the main pages that this person may open."""
        if self.person is NOBODY or not belongs_here(self.person.role):
            return []
        here = self.request.path
        found = []
        for name in MAIN_PAGES[settings.DOOR]:
            address = reverse(name)
            if getattr(resolve(address).func, "access").admits(self.person.role):  # noqa: B009
                is_here = here == address if address == "/" else here.startswith(address)
                found.append(Link(name, is_here))
        return found


class Ways(Struct, frozen=True):
    """How somebody may show who they are; `provider` is its name, empty where there is none."""

    password: bool
    passkey: bool
    provider: str


class Link(Struct, frozen=True):
    """A main page in the navigation."""

    name: str
    is_here: bool


MAIN_PAGES = {
    "site": (
        *("home", "participants", "adverse_events", "deviations", "unblindings", "packets"),
        *("ledger", "audit_trail", "people"),
    ),
    "sealed": ("work_list", "stock", "trace", "closed_report"),
    "emergency": (),
}

View = Callable[..., HttpResponseBase]


class Page:
    """A view behind its declaration."""

    def __init__(self, view: View, access: Access) -> None:
        self.view = view
        self.access = access
        # Django names views by these.
        self.__module__ = view.__module__
        self.__name__ = self.__qualname__ = view.__name__
        self.__doc__ = view.__doc__

    def __call__(self, request: HttpRequest, **parts: Any) -> HttpResponseBase:
        """Admit or turn away; a refusal of the trial becomes a page with its status."""
        try:
            trial = running_trial()
            visit = Visit(request, trial, trial.state, NOBODY)
        except Refused as refused:
            return render(request, "bare.html", {"problems": refused.problems}, status=503)
        try:
            return self._admit_somebody(visit, parts)
        except (OperationalError, InterfaceError) as error:
            return unreachable_accounts(request, error)

    def _admit_somebody(self, visit: Visit, parts: dict[str, Any]) -> HttpResponseBase:
        request = visit.request
        if request.user.is_authenticated:
            name = request.user.get_username()
            person = visit.state.people.get(name)
            if person is None or not person.is_active:
                logout(request)
                return visit.refuse([problem("EQ-C001", person=name)])
            if not _still_opens(request, person):
                logout(request)
                return _to_sign_in(request)
            visit = Visit(request, visit.trial, visit.state, person)
        return self._admit(visit) or self._answer(visit, parts)

    def _admit(self, visit: Visit) -> HttpResponse | None:
        person = visit.person
        if person is NOBODY:
            if self.access.roles == ANYONE:
                return self._check_method(visit)
            return _to_sign_in(visit.request)
        if self.access.roles != ANYONE:
            if not belongs_here(person.role):
                return visit.show("wrong_door.html", status=403, other=_way_on(person.role))
            lacks = _check_duty(visit)
            if lacks:
                return visit.refuse(lacks)
            if not self.access.admits(person.role):
                return visit.refuse([problem("EQ-W020", role=role_name(visit.study, person.role))])
            if lacks := check_task(visit.study, person, self.access.act):
                return visit.refuse(lacks)
        return self._check_method(visit)

    def _check_method(self, visit: Visit) -> HttpResponse | None:
        if visit.request.method in self.access.methods:
            return None
        response = visit.refuse([problem("EQ-W022")])
        response.headers["Allow"] = ", ".join(sorted(self.access.methods))
        return response

    def _answer(self, visit: Visit, parts: dict[str, Any]) -> HttpResponseBase:
        try:
            return self.view(visit, **parts)
        except Refused as refused:
            return visit.refuse(refused.problems)


def page(
    *,
    roles: Iterable[Role] | Literal["anyone"],
    methods: Iterable[Method] = ("GET",),
    act: str = "",
) -> Callable[[View], Page]:
    """Declare who may open a page, how it may be asked, and the act it leads to, if of a task."""
    admitted = roles if roles == ANYONE else frozenset(Role(r) for r in roles)
    access = Access(admitted, frozenset(methods), act)
    return lambda view: Page(view, access)


def _still_opens(request: HttpRequest, person: Person) -> bool:
    """Whether what a session was opened with still opens the account; a password always does."""
    means = request.session.get(MEANS)
    return not means or means in person.means


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page; the whole page goes there, where only a part of it asked."""
    if request.method == "GET" and "HX-Request" in request.headers:
        return HttpResponse(status=204, headers={"HX-Redirect": resolve_url(settings.LOGIN_URL)})
    return redirect(settings.LOGIN_URL)


def belongs_here(role: str) -> bool:
    """Whether a role works behind this process's door."""
    return role in ROLES_OF[settings.DOOR]


def _way_on(role: str) -> str:
    """The address for a role that is wrong here; this process may know one that is wrong, too."""
    is_known = settings.DOOR != "emergency" or role in BLINDED
    return settings.OTHER_DOOR if is_known else ""


def _check_duty(visit: Visit) -> tuple[Problem, ...]:
    """Where the code is broken a training that lapsed waits; the patient does not."""
    found = check_duty(visit.study, visit.person, at=visit.now)
    if settings.DOOR == "emergency":
        return tuple(p for p in found if p.code not in TRAINING)
    return found


def role_name(study: Study, role: str) -> Text | str:
    """What the study calls a role, in both languages; its id where it calls it nothing."""
    return next((text for known, text in study.identity.roles.items() if known == role), role)

"""What surrounds every answer: headers that shut the page in, and logs that say no values."""

import logging
import traceback
from collections.abc import Callable
from types import TracebackType

from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from equipoise.problems import problem

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
LOG = logging.getLogger(__name__)
Answer = Callable[[HttpRequest], HttpResponseBase]


def protect(answer: Answer) -> Answer:
    """Send the headers with everything; nothing but static files may be kept anywhere."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        response = answer(request)
        for name, value in HEADERS.items():
            response.headers[name] = value
        if not request.path.startswith("/static/"):
            response.headers["Cache-Control"] = "no-store"
        return response

    return respond


def unreachable_accounts(request: HttpRequest, error: BaseException) -> HttpResponse:
    """The page for whom the accounts cannot be asked."""
    LOG.warning("EQ-G053: %s", " ".join(str(error).split()))
    return render(request, "bare.html", {"problems": (problem("EQ-G053"),)}, status=503)


class AgingSessions(SessionMiddleware):
    """Sessions that grow older while a page asks by itself whether there is news."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Every other request makes a session young again."""
        if getattr(request, "lets_session_age", False) or response.status_code == 503:
            return response
        try:
            return super().process_response(request, response)
        except (OperationalError, InterfaceError, SessionInterrupted) as error:
            lost = _lost_connection(error)
            if lost is None:
                raise
            return unreachable_accounts(request, lost)


def _lost_connection(error: BaseException | None) -> BaseException | None:
    """What lies behind it, if it is the database: Django takes that for a session signed out."""
    while error is not None and not isinstance(error, OperationalError | InterfaceError):
        error = error.__context__
    return error


Caught = tuple[type[BaseException], BaseException, TracebackType | None]


class QuietFormatter(logging.Formatter):
    """Where an error happened and of what kind; never its message, which may hold a value."""

    def formatException(self, ei: object) -> str:  # noqa: N802 - the standard library's name
        """The frames without their values."""
        if not (isinstance(ei, tuple) and ei[0]):
            return ""
        frames = traceback.extract_tb(ei[2])
        lines = [f"  {f.filename}:{f.lineno} in {f.name}" for f in frames]
        return "\n".join([*lines, ei[0].__name__])

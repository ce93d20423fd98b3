"""The session that a sign-in opens: under a new key, and with what it was opened."""

from importlib import import_module

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest

MEANS = "means"
"""Under this a session keeps what it was opened with, if not with a password."""
BACKEND = "django.contrib.auth.backends.ModelBackend"


def open_session(request: HttpRequest, user: User, *, means: str = "") -> None:
    """Log somebody in, with `means` if it was not a password; sessions that ran out are cleared.

    Whoever knew the session before, knows none now.
    """
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    login(request, user, backend=BACKEND)
    request.session[MEANS] = means

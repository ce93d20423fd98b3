"""Starting a door, and the accounts that open it."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.management import call_command
from django.db import DatabaseError, connections

from equipoise.ledger import without_password
from equipoise.problems import Refused, problem
from equipoise.web.settings import database_at, is_on

N_THREADS = 8
MODULE = "equipoise.web.settings"


def serve(settings: Mapping[str, str], *, host: str, port: int) -> int:
    """Serve one door until told to stop; gives back the server's exit status.

    `settings` are the EQUIPOISE_… variables of the door.

    Raises:
        Refused: with them nobody could come in.
    """
    with start_server(settings, host=host, port=port) as process:
        return process.wait()


def refuse_shut_door(settings: Mapping[str, str]) -> None:
    """Refuse to take passwords away where nothing else lets anybody in.

    Passkeys alone do not: to make the first one, somebody must come in before.

    Raises:
        Refused: they are switched off, and no provider is set.
    """
    has_passwords = is_on(settings.get("EQUIPOISE_PASSWORDS") or "on")
    if not has_passwords and not settings.get("EQUIPOISE_OIDC_ISSUER"):
        raise Refused([problem("EQ-W098", "EQUIPOISE_PASSWORDS")])


@contextmanager
def start_server(
    settings: Mapping[str, str], *, host: str, port: int, n_threads: int = N_THREADS
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that serves one door as long as the context lasts.

    One process with threads: the state of the trial is folded once.
    """
    refuse_shut_door(settings)
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "equipoise.web.wsgi:application",
        f"--bind={_bracketed(host)}:{port}",
        "--worker-class=gthread",
        "--workers=1",
        f"--threads={n_threads}",
        "--no-control-socket",
        "--log-level=warning",
        "--timeout=120",
    ]
    environment = _environment(settings, host)
    with subprocess.Popen(command, env=environment) as process:  # noqa: S603 - all of it ours
        try:
            yield process
        finally:
            process.terminate()


def prepare_accounts(place: str | Path, passwords: Mapping[str, str]) -> None:
    """Make accounts in a file or at an address, or bring them up to date.

    `passwords` are who may log in, with which first password.
    Roles are not here: they stand in the ledger. Accounts that are there keep their password.
    """
    use_accounts(place)
    with _alone(place):
        call_command("migrate", verbosity=0, interactive=False)
        users = get_user_model().objects
        known = set(users.values_list("username", flat=True))
        new = {name: password for name, password in passwords.items() if name not in known}
        # Hashing is slow on purpose; the accounts of a rehearsal share one password.
        hashed = {password: make_password(password) for password in set(new.values())}
        users.bulk_create(users.model(username=n, password=hashed[p]) for n, p in new.items())


def has_people(place: str | Path) -> bool:
    """Whether there is anybody in the accounts, which `prepare_accounts` has made."""
    use_accounts(place)
    with _alone(place):
        return bool(get_user_model().objects.exists())


def invite(place: str | Path, name: str, *, secret: Path) -> str:
    """Make an account that has no password yet, and the code with which its owner chooses one.

    `secret` is the key of the door at which the code will be typed.
    """
    use_accounts(place)
    return code_for(name, secret=secret.read_text(encoding="utf-8").strip())


def code_for(name: str, *, secret: str = "") -> str:
    """The code for a first or a new password: it counts once, and for three days.

    It is made with the key of this process's door, or with `secret`, that of another.
    """
    user, is_new = get_user_model().objects.get_or_create(username=name)
    if is_new:
        user.set_unusable_password()
        user.save()
    generator = PasswordResetTokenGenerator()
    generator.secret = secret or settings.SECRET_KEY
    return generator.make_token(user)


def fingerprint_of(code: str) -> str:
    """What a code is called on record; nobody finds the code from it."""
    return hashlib.sha256(code.encode()).hexdigest()[:32]


def use_accounts(place: str | Path) -> None:
    """Set Django up in this process, on these accounts."""
    wanted = database_at(place)
    use_django()
    if all(settings.DATABASES["default"].get(name) == value for name, value in wanted.items()):
        return
    connections["default"].close()
    del connections["default"]
    settings.DATABASES["default"] = wanted
    connections.settings["default"] = connections.configure_settings({"default": wanted})["default"]


@contextmanager
def _alone(place: str | Path) -> Iterator[None]:
    """Nobody else prepares these accounts meanwhile; what the database refuses is named."""
    with closing(connections["default"]) as connection:
        try:
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_lock(hashtextextended(current_schema(), 3))")
            yield
        except DatabaseError as error:
            shown, detail = without_password(place), " ".join(str(error).split())
            raise Refused([problem("EQ-G054", shown, place=shown, detail=detail)]) from error


def use_django() -> None:
    """Set Django up in this process, unless it is."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", MODULE)
    django.setup()


def _environment(settings: Mapping[str, str], host: str) -> dict[str, str]:
    """This process's environment with the settings of one door, and nothing of another's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("EQUIPOISE_")}
    # Browsers keep Secure cookies away from plain HTTP; on this machine alone nothing overhears.
    is_local = host in ("127.0.0.1", "::1", "localhost")
    https = {"EQUIPOISE_HTTPS": "off"} if is_local else {}
    return {**kept, "DJANGO_SETTINGS_MODULE": MODULE, **https, **settings}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host

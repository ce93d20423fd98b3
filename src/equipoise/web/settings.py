"""Django's settings, from the environment alone; importing them works with none of it set."""

import datetime as dt
import os
import secrets
from getpass import getuser
from pathlib import Path
from typing import Any

from equipoise.ledger.addresses import is_address
from equipoise.ledger.opening import read_address

HERE = Path(__file__).parent


def is_on(value: str) -> bool:
    """Whether the value of a switch means yes."""
    return value.lower() in ("on", "1", "true", "yes")


def _is_on(name: str, default: str = "off") -> bool:
    return is_on(os.environ.get(name) or default)


def _secret() -> str:
    path = os.environ.get("EQUIPOISE_SECRET", "")
    # Without a file sessions end with the process: right for a try, wrong for two workers.
    return Path(path).read_text(encoding="utf-8").strip() if path else secrets.token_hex(32)


def database_at(place: str | Path) -> dict[str, Any]:
    """Django's words for the accounts in a file or at an address; libpq's variables count too."""
    if not is_address(place):
        options = {"timeout": 30, "init_command": "PRAGMA journal_mode=WAL;"}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(place), "OPTIONS": options}
    values = read_address(str(place))
    known = ("dbname" in values and values.pop("dbname")) or os.environ.get("PGDATABASE")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": known or ("" if "service" in values else values.get("user", getuser())),
        "OPTIONS": values,
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,  # after a restart of the server, anew at the next request
    }


VARIABLES = {
    "EQUIPOISE_STUDY": "The study folder.",
    "EQUIPOISE_STORE": "The ledger: a SQLite file, or a `postgresql://` address.",
    "EQUIPOISE_CELLS": "The cell unit's own ledger, a SQLite file; for the sealed door alone.",
    "EQUIPOISE_ACCOUNTS": "Users and sessions, a SQLite file or a `postgresql://` address; roles "
    "stand in the ledger.",
    "EQUIPOISE_SESSIONS": "At the sealed door: the folder of its own sessions, which no other door "
    "reads; without it they lie in signed cookies.",
    "EQUIPOISE_VAULT": "The vault: its Unix socket, or its `tls://` address with three files.",
    "EQUIPOISE_TOKEN": "The file with this door's capability at the vault.",
    "EQUIPOISE_DOOR": "`site` (blinded, the default), `sealed` or `emergency`.",
    "EQUIPOISE_ROSTER": "At the emergency door: the file of who may come in, as last known.",
    "EQUIPOISE_SITE_ACCOUNTS": "At the emergency door: the accounts whose passwords it copies.",
    "EQUIPOISE_OTHER_DOOR": "The address of the other door, for the link after signing in.",
    "EQUIPOISE_SECRET": "The file with the key that signs sessions; one for each door.",
    "EQUIPOISE_DEMO_PASSWORD": "A rehearsal's password, shown on its sign-in page; else empty.",
    "EQUIPOISE_ORIGIN": "The address of this door as people type it, such as `https://trial.example`:"
    " passkeys and the provider's answers are bound to it. Without it, passkeys work at localhost.",
    "EQUIPOISE_PASSKEY_DOMAIN": "The domain that passkeys are made for; the host of the origin.",
    "EQUIPOISE_PASSWORDS": "`off` takes passwords away; it needs a provider. The emergency door "
    "takes them all the same.",
    "EQUIPOISE_OIDC_ISSUER": "The OpenID Connect provider, as it calls itself; none by default.",
    "EQUIPOISE_OIDC_CLIENT": "What the provider calls this door.",
    "EQUIPOISE_OIDC_SECRET": "The file with this door's secret at the provider, if it has one.",
    "EQUIPOISE_OIDC_CLAIM": "The claim that holds the user name; `preferred_username` by default.",
    "EQUIPOISE_OIDC_SCOPES": "What is asked for; `openid profile` by default.",
    "EQUIPOISE_OIDC_NAME": "What people call the provider, such as the name of the hospital.",
    "EQUIPOISE_HOSTS": "The host names served, with commas; this machine alone by default.",
    "EQUIPOISE_HTTPS": "`on` (the default) keeps cookies to HTTPS; `off` for this machine alone.",
    "EQUIPOISE_TIME_ZONE": "In which instants are shown; Europe/Paris by default.",
    "EQUIPOISE_DEBUG": "`on` shows tracebacks: never where participants are real.",
}
"""What a web process reads from its environment, and what each means."""

STUDY = os.environ.get("EQUIPOISE_STUDY", "")
STORE = os.environ.get("EQUIPOISE_STORE", "")
CELLS = os.environ.get("EQUIPOISE_CELLS", "")
VAULT = os.environ.get("EQUIPOISE_VAULT", "")
TOKEN = os.environ.get("EQUIPOISE_TOKEN", "")
DOOR = os.environ.get("EQUIPOISE_DOOR", "site")
ROSTER = os.environ.get("EQUIPOISE_ROSTER", "")
SITE_ACCOUNTS = os.environ.get("EQUIPOISE_SITE_ACCOUNTS", "")
OTHER_DOOR = os.environ.get("EQUIPOISE_OTHER_DOOR", "")
DEMO_PASSWORD = os.environ.get("EQUIPOISE_DEMO_PASSWORD", "")

ORIGIN = os.environ.get("EQUIPOISE_ORIGIN", "").rstrip("/")
PASSKEY_DOMAIN = os.environ.get("EQUIPOISE_PASSKEY_DOMAIN", "")
OIDC_ISSUER = os.environ.get("EQUIPOISE_OIDC_ISSUER", "")
OIDC_CLIENT = os.environ.get("EQUIPOISE_OIDC_CLIENT", "")
OIDC_SECRET = os.environ.get("EQUIPOISE_OIDC_SECRET", "")
OIDC_CLAIM = os.environ.get("EQUIPOISE_OIDC_CLAIM", "preferred_username")
OIDC_SCOPES = os.environ.get("EQUIPOISE_OIDC_SCOPES", "openid profile")
OIDC_NAME = os.environ.get("EQUIPOISE_OIDC_NAME", "") or OIDC_ISSUER
# Without a provider nobody could come in to make the first passkey: no door starts so. In an
# emergency the provider may be away.
PASSWORDS = DOOR == "emergency" or not OIDC_ISSUER or _is_on("EQUIPOISE_PASSWORDS", "on")

DEBUG = _is_on("EQUIPOISE_DEBUG")
SECRET_KEY = _secret()
ALLOWED_HOSTS = os.environ.get("EQUIPOISE_HOSTS", "127.0.0.1,localhost,[::1]").split(",")
ROOT_URLCONF = f"equipoise.web.doors.{DOOR}"
WSGI_APPLICATION = "equipoise.web.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "axes",
    "equipoise.web.tables",
    "equipoise.web.identity",
]
MIDDLEWARE = [
    "equipoise.web.middleware.protect",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "equipoise.web.middleware.AgingSessions",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [HERE / "templates"],
        "OPTIONS": {
            "environment": "equipoise.web.jinja.environment",
            "autoescape": True,
            "trim_blocks": True,
            "lstrip_blocks": True,
        },
    }
]

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3 * 86_400
"""Seconds for which the code for a first or a new password counts."""
# Five wrong passwords for one name, known or not, make that name wait (21 CFR 11.300(d)).
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = dt.timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = ["username"]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

DATABASES = {
    "default": database_at(os.environ.get("EQUIPOISE_ACCOUNTS", ":memory:")),
    # The read tables: pointed at the ledger's own database by equipoise.web.tables.opening.
    "ledger": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": "file:equipoise-read-tables?mode=memory&cache=shared",
        "OPTIONS": {"timeout": 30},
    },
}

USE_TZ = True
TIME_ZONE = os.environ.get("EQUIPOISE_TIME_ZONE", "Europe/Paris")
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français")]
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Strict"

STATIC_URL = "/static/"
STATICFILES_DIRS = [HERE / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
# An address holds the digest of the file's content, so a browser may keep what it has.
WHITENOISE_MAX_AGE = 0 if DEBUG else 86_400

LOGIN_URL = "sign_in"
# Both doors may share a host: cookies do not tell ports apart.
SESSION_COOKIE_NAME = f"equipoise_{DOOR}"
# Who breaks a code is at a bed, not at a desk: what was answered must not stay open there.
SESSION_COOKIE_AGE = 600 if DOOR == "emergency" else 3600
SESSION_SAVE_EVERY_REQUEST = True
# The accounts are shared with the site door; what the cell unit does must leave nothing in them.
SESSION_FILE_PATH = os.environ.get("EQUIPOISE_SESSIONS", "")
if DOOR == "sealed":
    SESSION_ENGINE = "django.contrib.sessions.backends." + (
        "file" if SESSION_FILE_PATH else "signed_cookies"
    )
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_NAME = f"equipoise_{DOOR}_csrf"
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = [ORIGIN] if ORIGIN else []
CSRF_FAILURE_VIEW = "equipoise.web.views.access.stale_page"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _is_on(
    "EQUIPOISE_HTTPS", "on"
)
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"quiet": {"()": "equipoise.web.middleware.QuietFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "quiet"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        "django.server": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
    },
}

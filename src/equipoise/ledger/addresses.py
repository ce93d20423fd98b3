"""Where a store is, as it is typed and as it may be shown."""

from pathlib import Path
from urllib.parse import urlsplit

HIDDEN = "postgresql://"


def is_address(place: str | Path) -> bool:
    """Whether a store's place is the address of a PostgreSQL database."""
    return str(place).startswith(("postgresql://", "postgres://"))


def without_password(place: str | Path) -> str:
    """A store's place as it may be shown: a path, or role, host and database alone."""
    if not is_address(place):
        return str(place)
    try:
        parts = urlsplit(str(place))
    except ValueError:
        return HIDDEN
    if "@" in parts.path + parts.query + parts.fragment:  # a password with a slash in it
        return HIDDEN
    who, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{who.partition(':')[0]}{at}{host}{parts.path}"

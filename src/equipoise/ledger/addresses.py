"""Where a store is, as it is typed and as it may be shown."""

from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

HIDDEN = "postgresql://"
SECRETS = frozenset({"password", "sslpassword"})


def is_address(place: str | Path) -> bool:
    """Whether a store's place is the address of a PostgreSQL database."""
    return str(place).startswith(("postgresql://", "postgres://"))


def split_address(address: str) -> SplitResult | None:
    """The parts of an address, or None where nobody can tell which of them is a password."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    rest = parts.path + parts.query + parts.fragment
    return None if "@" in rest else parts  # a password with a slash in it


def without_password(place: str | Path) -> str:
    """A store's place as it may be shown: a path, or role, host and database alone."""
    if not is_address(place):
        return str(place)
    parts = split_address(str(place))
    if parts is None:
        return HIDDEN
    who, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{who.partition(':')[0]}{at}{host}{parts.path}"


def has_password(address: str) -> bool:
    """Whether an address holds a password, or is so written that nobody can tell."""
    parts = split_address(address)
    if parts is None:
        return True
    named = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    return ":" in parts.netloc.rpartition("@")[0] or not named.isdisjoint(SECRETS)


def as_role(address: str, role: str) -> str:
    """The same database and schema, for another role."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    others = [(name, value) for name, value in parse_qsl(parts.query) if name != "user"]
    query = urlencode(others, quote_via=quote, safe="/")
    return parts._replace(netloc=f"{quote(role, safe='')}@{host}", query=query).geturl()

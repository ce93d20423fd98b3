"""What is wrong with entries: one by one, in their chains, and as a whole ledger from elsewhere.

A body may be missing if an entry of the control chain orders it: its type is `BodyRedacted`, and
its own body names the chain and the number of exactly that entry.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec import Struct

from equipoise.ledger.entry import Entry, Head, Realm, derive_digest, digest_of, genesis
from equipoise.problems import Problem, Refused, problem

ORDER_CHAIN = "control"
ORDER_TYPE = "BodyRedacted"


def check_entry(entry: Entry, before: Head) -> tuple[Problem, ...]:
    """Everything wrong with one entry, given the head of its chain before it.

    That a body is missing is an error here: one entry alone does not show that it was ordered.
    """
    where = at_entry(entry.chain, entry.seq)
    found: list[Problem] = []
    if entry.seq != before.seq + 1:
        found.append(problem("EQ-G002", where, expected=before.seq + 1, found=entry.seq))
    elif entry.prev != before.digest:
        found.append(problem("EQ-G003", where, seq=entry.seq, before=before.seq))
    if derive_digest(entry) != entry.digest:
        found.append(problem("EQ-G004", where, seq=entry.seq))
    return (*found, *_check_body(entry, where))


def check_chain(entries: Iterable[Entry], *, realm: Realm | None = None) -> tuple[Problem, ...]:
    """Everything wrong in entries of one or more whole chains, the first bad entry first.

    Without `realm` the first entry's link is taken as it stands. Each entry is held against the
    one before it as that one is recorded, so one damaged entry is one finding.
    """
    heads: dict[str, Head] = {}
    orders = Orders()
    found: list[Problem] = []
    for entry in entries:
        orders.note(entry)
        found += check_entry(entry, heads.get(entry.chain) or start_of(entry, realm))
        heads[entry.chain] = Head(entry.seq, entry.digest)
    return orders.excuse(found)


def start_of(entry: Entry, realm: Realm | None) -> Head:
    """The head that stands before the first entry of a chain."""
    known = entry.prev if realm is None else genesis(entry.study, realm, chain=entry.chain)
    return Head(0, known)


class Orders:
    """The entries seen that order bodies to be taken out; what they order is no damage."""

    def __init__(self) -> None:
        self._because: dict[str, str] = {}

    def note(self, entry: Entry) -> None:
        """Look at one more entry."""
        if (ordered := order_in(entry)) is not None:
            self._because.setdefault(at_entry(*ordered), f"{entry.chain}:{entry.seq}")

    def excuse(self, problems: Iterable[Problem]) -> tuple[Problem, ...]:
        """The problems, where a missing body that was ordered is a warning that says by whom."""
        return tuple(self._excuse(found) for found in problems)

    def _excuse(self, found: Problem) -> Problem:
        because = self._because.get(found.where.record)
        if found.code != "EQ-G024" or because is None:
            return found
        return problem("EQ-G006", found.where, seq=found.values["seq"], because=because)


def order_in(entry: Entry) -> tuple[str, int] | None:
    """The chain and number of the entry whose body this one orders to be taken out, if any."""
    if not is_order(entry) or entry.body is None:
        return None
    try:
        order = msgspec.json.decode(entry.body, type=_Order)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return order.chain, order.seq


def is_order(entry: Entry) -> bool:
    """Whether an entry is an order; its own body stays, or it would excuse nothing any more."""
    return (entry.chain, entry.type) == (ORDER_CHAIN, ORDER_TYPE)


def whole(entries: Iterable[Entry], *, study: str, realm: Realm) -> Iterator[Entry]:
    """Entries from elsewhere, each checked before it is handed on; the last step ends the check.

    Raises:
        Refused: an entry of another study, a broken chain, a version twice, a body that is missing
            without an order.
    """
    heads: dict[str, Head] = {}
    versions: dict[str, set[int]] = {}
    orders, missing = Orders(), list[Problem]()
    for entry in entries:
        found = list(check_entry(entry, heads.get(entry.chain) or start_of(entry, realm)))
        where = at_entry(entry.chain, entry.seq)
        if entry.study != study:
            found.insert(0, problem("EQ-G009", where, expected=study, found=entry.study))
        known = versions.setdefault(entry.stream, set())
        if entry.version in known:
            found.append(problem("EQ-G001", where, stream=entry.stream, version=entry.version))
        missing += (p for p in found if p.code == "EQ-G024")
        refuse_if([p for p in found if p.code != "EQ-G024"])
        orders.note(entry)
        known.add(entry.version)
        heads[entry.chain] = Head(entry.seq, entry.digest)
        yield entry
    refuse_if([p for p in orders.excuse(missing) if p.severity == "error"])


def refuse_if(problems: Sequence[Problem]) -> None:
    """Raise `Refused` if there is any problem."""
    if problems:
        raise Refused(problems)


def at_entry(chain: str, seq: int) -> str:
    """How problems name an entry."""
    return f"{chain} / {seq}"


class _Order(Struct):
    chain: str
    seq: int


def _check_body(entry: Entry, where: str) -> tuple[Problem, ...]:
    if entry.body is None:
        return (problem("EQ-G024", where, seq=entry.seq),)
    is_sound = digest_of("equipoise/body/1", _salt(entry), entry.body) == entry.body_digest
    return () if is_sound else (problem("EQ-G005", where, seq=entry.seq),)


def _salt(entry: Entry) -> bytes:
    try:
        salt = bytes.fromhex(entry.salt)
    except ValueError:
        return b""
    return salt if salt.hex() == entry.salt else b""  # upper case and spaces are alterations

"""How far a record holds: the last safe entry of each chain, and whom the rest is about."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from equipoise.ledger.checking import Orders, at_entry, check_entry, start_of
from equipoise.ledger.entry import Entry, Head, Realm
from equipoise.ledger.seal import merkle_root
from equipoise.problems import Problem, has_errors, problem

SEAL_TYPE = "StudySealed"
_DIGEST_BYTES = 32


class Survey(Struct, frozen=True, kw_only=True):
    """What reading a record once has shown.

    `safe` is the last entry of each chain before which nothing is wrong; `affected` are, by chain,
    the streams that have entries after it, and `versions` the last safe version of each stream.
    """

    n_entries: int
    safe: Mapping[str, Head]
    affected: Mapping[str, tuple[str, ...]]
    versions: Mapping[str, int]
    problems: tuple[Problem, ...]


class RecordedSeal(Struct, frozen=True):
    """A seal as the control chain holds it."""

    heads: Mapping[str, tuple[int, str]]
    root: str


class _Chain:
    """What is known of one chain while it is read."""

    def __init__(self) -> None:
        self.is_bad = False
        self.last: Head | None = None
        self.safe: list[tuple[Head, str]] = []  # the last two safe entries and their streams
        self.affected: dict[str, None] = {}
        self.digests = bytearray()

    def add(self, entry: Entry, problems: Iterable[Problem]) -> None:
        # A body that was taken out leaves the chain whole; that it was ordered is told at the end.
        if has_errors(p for p in problems if p.code != "EQ-G024") and not self.is_bad:
            self.is_bad = True
            if any(p.code == "EQ-G003" for p in problems) and self.safe:
                self.affected[self.safe.pop()[1]] = None  # either of the two may be the false one
        if self.is_bad:
            self.affected[entry.stream] = None
        else:
            self.safe = [*self.safe[-1:], (Head(entry.seq, entry.digest), entry.stream)]
            self.digests += bytes.fromhex(entry.digest)
        self.last = Head(entry.seq, entry.digest)


def survey(
    items: Iterable[Entry | Problem],
    *,
    study: str,
    realm: Realm,
    ends: Mapping[str, Head] | None = None,
    is_part: bool = False,
) -> Survey:
    """Read a record to its end, whatever is wrong with it.

    `ends` are the heads that it should have; a part of a ledger may lack chains that a seal lists.
    """
    chains: defaultdict[str, _Chain] = defaultdict(_Chain)
    found: list[Problem] = []
    seals: list[RecordedSeal] = []
    versions: dict[str, int] = {}
    orders = Orders()
    n_entries = 0
    for item in items:
        if isinstance(item, Problem):
            found.append(item)
            if name := item.where.record.rpartition(" / ")[0]:
                chains[name].is_bad = True
            continue
        n_entries += 1
        orders.note(item)
        chain = chains[item.chain]
        wrong = _check(item, chain.last or start_of(item, realm), study=study, ends=ends)
        chain.add(item, wrong)
        found += wrong
        if not chain.is_bad:
            versions[item.stream] = item.version
            if item.type == SEAL_TYPE and item.body is not None:
                try:
                    seals.append(msgspec.json.decode(item.body, type=RecordedSeal))
                except msgspec.MsgspecError:
                    found.append(problem("EQ-G016", at_entry(item.chain, item.seq)))
    for name, end in (ends or {}).items():
        last = chains[name].last
        if last is None or last.seq < end.seq:
            found.append(problem("EQ-G014", name, seq=end.seq))
    for seal in seals:
        found += _check_recorded(seal, chains, is_part=is_part)
    return Survey(
        n_entries=n_entries,
        safe={name: c.safe[-1][0] for name, c in chains.items() if c.safe},
        affected={name: tuple(c.affected) for name, c in chains.items() if c.affected},
        versions=versions,
        problems=orders.excuse(found),
    )


def _check(
    entry: Entry, before: Head, *, study: str, ends: Mapping[str, Head] | None
) -> tuple[Problem, ...]:
    where = at_entry(entry.chain, entry.seq)
    found = check_entry(entry, before)
    if entry.study != study:
        found += (problem("EQ-G009", where, expected=study, found=entry.study),)
    if ends is not None:
        end = ends.get(entry.chain, Head(0, ""))
        if entry.seq > end.seq:
            found += (problem("EQ-G033", where, seq=entry.seq, end=end.seq),)
        elif entry.seq == end.seq and entry.digest != end.digest:
            found += (problem("EQ-G015", where, seq=entry.seq),)
    return found


def _check_recorded(
    seal: RecordedSeal, chains: Mapping[str, _Chain], *, is_part: bool
) -> Iterator[Problem]:
    """What a seal that was recorded on the way says of chains that are sound so far."""
    heads = {name: Head(*head) for name, head in seal.heads.items()}
    if merkle_root(heads) != seal.root:
        yield problem("EQ-G016", seal.root)
    for name, head in heads.items():
        chain = chains.get(name)
        if chain is None:
            if not is_part:
                yield problem("EQ-G014", name, seq=head.seq)
        elif not chain.is_bad:
            found = chain.digests[_DIGEST_BYTES * (head.seq - 1) : _DIGEST_BYTES * head.seq].hex()
            if found != head.digest:
                yield problem("EQ-G015" if found else "EQ-G014", name, seq=head.seq)

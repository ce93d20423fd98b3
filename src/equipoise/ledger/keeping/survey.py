"""How far a record holds: the last safe entry of each chain, and whom the rest is about."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from equipoise.ledger.checking import Orders, at_entry, check_entry, start_of
from equipoise.ledger.entry import Entry, Head, Realm
from equipoise.ledger.seal import CONTROL, RootSearch, merkle_root
from equipoise.problems import Problem, has_errors, problem

SEAL_TYPE, RESTORE_TYPE = "StudySealed", "LedgerRestored"
STUDY_TYPES = ("StudyOpened", "StudyAmended")
_DIGEST_BYTES = 32


class Survey(Struct, frozen=True, kw_only=True):
    """What reading a record once has shown.

    `safe` is the last entry of each chain before which nothing is wrong; `affected` are, by chain,
    the streams that have entries after it, and `versions` the last safe version of each stream.
    `studies` are the digests of the study folders by which the trial went.
    """

    n_entries: int
    safe: Mapping[str, Head]
    affected: Mapping[str, tuple[str, ...]]
    versions: Mapping[str, int]
    studies: Collection[str]
    problems: tuple[Problem, ...]


class RecordedSeal(Struct, frozen=True):
    """A seal as the control chain holds it."""

    heads: Mapping[str, tuple[int, str]]
    root: str


class RecordedRestore(Struct, frozen=True):
    """What a restore gave, as the control chain holds it; what came after was lost then."""

    heads: Mapping[str, tuple[int, str]]


class RecordedStudy(Struct, frozen=True):
    """A study folder by which the trial goes from then on."""

    digest: str


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
    against: str = "",
) -> Survey:
    """Read a record to its end, whatever is wrong with it; seals that it holds are held against it.

    `ends` are the heads that it should have; a part of a ledger may lack chains that a seal lists.
    `against` is a root that somebody kept elsewhere: over the heads of some moment, or a site's.
    """
    reading = _Reading(study, realm, ends=ends, against=against)
    for item in items:
        if isinstance(item, Entry):
            reading.take(item)
        else:
            reading.miss(item)
    return reading.end(is_part=is_part)


class _Reading:
    """A record while it is read."""

    def __init__(
        self, study: str, realm: Realm, *, ends: Mapping[str, Head] | None, against: str
    ) -> None:
        self.study, self.realm, self.ends = study, realm, ends
        self.search = RootSearch(against) if against else None
        self.chains: defaultdict[str, _Chain] = defaultdict(_Chain)
        self.found: list[Problem] = []
        self.seals: list[RecordedSeal] = []
        self.restores: list[RecordedRestore] = []
        self.studies: list[str] = []
        self.versions: dict[str, int] = {}
        self.orders = Orders()
        self.n_entries = 0

    def miss(self, why: Problem) -> None:
        """There is something that cannot be read."""
        self.found.append(why)
        if name := why.where.record.rpartition(" / ")[0]:
            self.chains[name].is_bad = True

    def take(self, entry: Entry) -> None:
        """The next entry in the order of recording."""
        self.n_entries += 1
        self.orders.note(entry)
        chain = self.chains[entry.chain]
        before = chain.last or start_of(entry, self.realm)
        wrong = _check(entry, before, study=self.study, ends=self.ends)
        chain.add(entry, wrong)
        self.found += wrong
        if self.search is not None:
            self.search.note(entry)
        if not chain.is_bad:
            self.versions[entry.stream] = entry.version
            if entry.body is not None:
                self._note(entry, entry.body)

    def _note(self, entry: Entry, body: bytes) -> None:
        """What the record says of itself."""
        try:
            if entry.type == SEAL_TYPE:
                self.seals.append(msgspec.json.decode(body, type=RecordedSeal))
            elif entry.type == RESTORE_TYPE:
                self.restores.append(msgspec.json.decode(body, type=RecordedRestore))
            elif entry.type in STUDY_TYPES:
                self.studies.append(msgspec.json.decode(body, type=RecordedStudy).digest)
        except msgspec.MsgspecError:
            self.found.append(problem("EQ-G016", at_entry(entry.chain, entry.seq)))

    def end(self, *, is_part: bool) -> Survey:
        """What it has shown."""
        for name, end in (self.ends or {}).items():
            last = self.chains[name].last
            if last is None or last.seq < end.seq:
                self.found.append(problem("EQ-G014", name, seq=end.seq))
        for seal in self.seals:
            lost = [r for r in self.restores if _count(r, CONTROL) >= _count(seal, CONTROL)]
            held = {c: h for c, h in seal.heads.items() if all(_count(r, c) >= h[0] for r in lost)}
            self.found += _check_recorded(seal, held, self.chains, is_part=is_part)
            for name in seal.heads.keys() - held.keys():
                self.found.append(problem("EQ-G062", name, seq=seal.heads[name][0]))
        if self.search is not None and self.search.found is None:
            root = self.search.root
            if root not in {seal.root for seal in self.seals}:
                self.found.append(problem("EQ-G060", root, seal=root))
        chains = self.chains.items()
        return Survey(
            n_entries=self.n_entries,
            safe={name: c.safe[-1][0] for name, c in chains if c.safe},
            affected={name: tuple(c.affected) for name, c in chains if c.affected},
            versions=self.versions,
            studies=self.studies,
            problems=self.orders.excuse(self.found),
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


def _count(record: RecordedSeal | RecordedRestore, chain: str) -> int:
    """How many entries of a chain it is over."""
    return record.heads[chain][0] if chain in record.heads else 0


def _check_recorded(
    seal: RecordedSeal,
    held: Mapping[str, tuple[int, str]],
    chains: Mapping[str, _Chain],
    *,
    is_part: bool,
) -> Iterator[Problem]:
    """What a seal that was recorded on the way says of chains that are sound so far.

    `held` are those of its heads that no later restore gave up.
    """
    if merkle_root({name: Head(*head) for name, head in seal.heads.items()}) != seal.root:
        yield problem("EQ-G016", seal.root)
    for name, head in ((name, Head(*head)) for name, head in held.items()):
        chain = chains.get(name)
        if chain is None:
            if not is_part:
                yield problem("EQ-G014", name, seq=head.seq)
        elif not chain.is_bad:
            found = chain.digests[_DIGEST_BYTES * (head.seq - 1) : _DIGEST_BYTES * head.seq].hex()
            if found != head.digest:
                yield problem("EQ-G015" if found else "EQ-G014", name, seq=head.seq)

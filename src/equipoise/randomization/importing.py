"""A list that was made elsewhere: read strictly, or refused with every reason.

The file is plain UTF-8 text without blanks: a line `stratum,sequence,arm`, then one line an entry.
The entries of a stratum stand together, their sequence numbers count from 1, and strata follow in
the order of the study folder. So no program can sort, trim or reshape it unseen; and whatever it
does, the digest of the whole is compared with the one that the statistician signed.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from equipoise.problems import Problem, Refused, Where, has_errors, problem
from equipoise.randomization.specification import Allocation, Specification

HEAD = "stratum,sequence,arm"
_MOST = 20
_DIGITS = 9


def read_list(
    raw: bytes, specification: Specification, *, name: str = "list"
) -> tuple[tuple[Allocation, ...], tuple[Problem, ...]]:
    """The list of a file, and what is worth a look though it stops nothing.

    Raises:
        Refused: with every reason, the first twenty lines that are wrong among them.
    """
    found = [*_check_digest(raw, specification, name)]
    text, unreadable = _decode(raw, name)
    found += unreadable
    entries: list[Allocation] = []
    if not unreadable:
        lines = text.split("\n")
        found += _check_frame(lines, name)
        read = [*_read_lines(lines[1:-1], specification, name)]
        entries = [e for e in read if isinstance(e, Allocation)]
        wrong = [p for p in read if isinstance(p, Problem)]
        found += wrong[:_MOST]
        if not wrong:
            found += _check_whole(entries, specification, name)
    if has_errors(found):
        raise Refused(found)
    return tuple(entries), tuple(found)


def write_list(entries: Iterable[Allocation]) -> str:
    """The text of a list, as `read_list` reads it."""
    lines = [f"{e.stratum},{e.order},{e.arm}" for e in entries]
    return "\n".join([HEAD, *lines, ""])


def digest_list(entries: Iterable[Allocation]) -> str:
    """SHA-256 of the text of a list, in hex: what the statistician signs."""
    return hashlib.sha256(write_list(entries).encode()).hexdigest()


def _check_digest(raw: bytes, specification: Specification, name: str) -> Iterator[Problem]:
    digest = hashlib.sha256(raw).hexdigest()
    if digest != specification.digest:
        yield problem("EQ-V120", Where(name), found=digest, signed=specification.digest or "-")


def _decode(raw: bytes, name: str) -> tuple[str, list[Problem]]:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return "", [problem("EQ-V121", Where(name), detail=f"byte {error.start + 1}")]
    odd = next((c for c in text if c != "\n" and not c.isprintable()), None)
    if odd is not None:
        line = text[: text.index(odd)].count("\n") + 1
        return "", [problem("EQ-V121", Where(name, line), detail=f"U+{ord(odd):04X}")]
    return text, []


def _check_frame(lines: Sequence[str], name: str) -> Iterator[Problem]:
    if lines[0] != HEAD:
        yield problem("EQ-V122", Where(name, 1), found=lines[0], expected=HEAD)
    if lines[-1]:
        yield problem("EQ-V123", Where(name, len(lines)))


def _read_lines(
    lines: Sequence[str], specification: Specification, name: str
) -> Iterator[Allocation | Problem]:
    """Each line as an entry or as what is wrong with it."""
    last = ("", 0)
    for number, line in enumerate(lines, start=2):
        where, cells = Where(name, number), line.split(",")
        if len(cells) != 3:
            yield problem("EQ-V124", where, n=len(cells))
            continue
        stratum, sequence, arm = cells
        expected = last[1] + 1 if stratum == last[0] else 1
        wrong = [*_check_cells(cells, specification, expected, where)]
        yield from wrong
        if not wrong:
            yield Allocation(stratum, expected, arm)
        is_number = sequence.isdecimal() and len(sequence) <= _DIGITS
        last = (stratum, int(sequence) if is_number else expected)


def _check_cells(
    cells: Sequence[str], specification: Specification, expected: int, where: Where
) -> Iterator[Problem]:
    stratum, sequence, arm = cells
    if stratum not in specification.strata:
        known = ", ".join(specification.strata[:12]) or "-"
        yield problem("EQ-V125", where, stratum=stratum, known=known)
    if sequence != str(expected):
        yield problem("EQ-V126", where, found=sequence[:_MOST], expected=expected)
    if arm not in specification.arms:
        yield problem("EQ-V127", where, arm=arm, known=", ".join(specification.arms))


def _check_whole(
    entries: Sequence[Allocation], specification: Specification, name: str
) -> Iterator[Problem]:
    runs = [stratum for stratum, _ in groupby(entry.stratum for entry in entries)]
    counts = Counter(entry.stratum for entry in entries)
    if runs != [stratum for stratum in specification.strata if stratum in counts]:
        yield problem("EQ-V130", Where(name))
    planned = specification.n_planned
    for stratum in specification.strata:
        if (n := counts[stratum]) < planned:
            yield problem("EQ-V128", Where(name), stratum=stratum or "-", n=n, planned=planned)
    arms = Counter(entry.arm for entry in entries)
    shares = [
        arms[arm] / share
        for arm, share in zip(specification.arms, specification.ratio, strict=True)
    ]
    if len(set(shares)) > 1:
        listed = ", ".join(f"{arm} {arms[arm]}" for arm in specification.arms)
        yield problem("EQ-V131", Where(name), counts=listed)

"""A list made elsewhere: read exactly, or refused with the reason; two hundred damaged files."""

import hashlib
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from equipoise.problems import LANGUAGES, Refused
from equipoise.randomization import (
    Specification,
    counter_draws,
    digest_list,
    draw_list,
    read_list,
    write_list,
)

DRAWN = Specification(
    study="S1",
    arms=("active", "control"),
    ratio=(2, 1),
    blocks=(6,),
    n_planned=24,
    strata=("01/mild", "01/severe", "02/mild", "02/severe"),
)
LISTS = [draw_list(DRAWN, draw_below=counter_draws(b"elsewhere %d" % k)) for k in range(4)]
"""Lists of one study, so that each damage meets four of them."""
ENTRIES = LISTS[0]
TEXT = write_list(ENTRIES)
SIGNED = replace(DRAWN, scheme="imported", blocks=(), digest=digest_list(ENTRIES))


def codes(raw, told=SIGNED):
    with pytest.raises(Refused) as caught:
        read_list(raw, told)
    for problem in caught.value.problems:
        for language in LANGUAGES:
            assert not re.search(r"\{[a-z]+\}", problem.say(language))
            assert problem.advise(language)
    return [p.code for p in caught.value.problems]


def signed_as(raw):
    """The same study, had the statistician signed this very file."""
    return replace(SIGNED, digest=hashlib.sha256(raw).hexdigest())


def test_the_signed_list_is_read_as_it_is():
    """Every entry, in its order, and nothing to say about it."""
    assert read_list(TEXT.encode(), SIGNED) == (ENTRIES, ())
    assert TEXT.startswith("stratum,sequence,arm\n01/mild,1,")
    assert digest_list(ENTRIES) == hashlib.sha256(TEXT.encode()).hexdigest()


LINES = TEXT.rstrip("\n").split("\n")


def on_line(change):
    """A damage of one line, wherever it falls."""

    def damage(lines, rng):
        lines = [*lines]
        place = rng.randrange(1, len(lines))
        lines[place] = change(lines[place])
        return "\n".join([*lines, ""]).encode()

    return damage


def on_cells(column, change):
    def damage(line):
        cells = line.split(",")
        cells[column] = change(cells[column])
        return ",".join(cells)

    return on_line(damage)


def whole(change):
    return lambda lines, rng: change([*lines], rng)


def join(lines):
    return "\n".join([*lines, ""]).encode()


def moved(lines, rng):
    place = rng.randrange(1, len(lines))
    line = lines.pop(place)
    lines.insert(1 + (place + rng.randrange(1, len(lines) - 2)) % (len(lines) - 1), line)
    return join(lines)


def column_shifted(lines, rng):
    """The sequence of a spreadsheet slid one row against the rest."""
    cells = [line.split(",") for line in lines]
    for row, below in zip(cells[1:], [*cells[2:], cells[1]], strict=True):
        row[1] = below[1]
    return join([",".join(row) for row in cells])


DAMAGES = {
    "byte order mark": (whole(lambda x, _: b"\xef\xbb\xbf" + join(x)), "EQ-V121"),
    "line ends of Windows": (whole(lambda x, _: join(x).replace(b"\n", b"\r\n")), "EQ-V121"),
    "line ends of old Macs": (whole(lambda x, _: join(x).replace(b"\n", b"\r")), "EQ-V121"),
    "UTF-16": (whole(lambda x, _: join(x).decode().encode("utf-16")), "EQ-V121"),
    "Latin-1": (
        whole(lambda x, r: join(_with(x, r, "01/mild,1,à")).decode().encode("latin-1")),
        "EQ-V121",
    ),
    "a NUL": (whole(lambda x, r: _insert(join(x), b"\0", r)), "EQ-V121"),
    "a bad byte": (whole(lambda x, r: _insert(join(x), b"\xe9", r)), "EQ-V121"),
    "a no-break space": (on_line(lambda s: s + "\u00a0"), "EQ-V121"),
    "tabs": (whole(lambda x, _: join(x).replace(b",", b"\t")), "EQ-V121"),
    "semicolons": (whole(lambda x, _: join(x).replace(b",", b";")), "EQ-V122"),
    "no header": (whole(lambda x, _: join(x[1:])), "EQ-V122"),
    "a shifted header": (whole(lambda x, _: join(["sequence,arm,stratum", *x[1:]])), "EQ-V122"),
    "capitals in the header": (whole(lambda x, _: join([x[0].title(), *x[1:]])), "EQ-V122"),
    "an empty first line": (whole(lambda x, _: join(["", *x])), "EQ-V122"),
    "cut off in a line": (whole(lambda x, r: _cut(join(x), r)), "EQ-V123"),
    "cut off after a line": (whole(lambda x, r: join(x[: r.randrange(1, len(x) - 1)])), "EQ-V128"),
    "no last line end": (whole(lambda x, _: join(x)[:-1]), "EQ-V123"),
    "an empty line": (whole(lambda x, r: join(_with(x, r, ""))), "EQ-V124"),
    "a line of commas": (whole(lambda x, r: join(_with(x, r, ",,"))), "EQ-V126"),
    "a cell too many": (on_line(lambda s: s + ","), "EQ-V124"),
    "a cell too few": (on_line(lambda s: s.rpartition(",")[0]), "EQ-V124"),
    "quotes": (on_cells(2, lambda c: f'"{c}"'), "EQ-V127"),
    "a blank after": (on_cells(2, lambda c: c + " "), "EQ-V127"),
    "a blank before": (on_cells(0, lambda c: " " + c), "EQ-V125"),
    "a blank in the number": (on_cells(1, lambda c: c + " "), "EQ-V126"),
    "sorted as text": (whole(lambda x, _: join([x[0], *sorted(x[1:])])), "EQ-V126"),
    "sorted backwards": (whole(lambda x, _: join([x[0], *x[:0:-1]])), "EQ-V126"),
    "a line elsewhere": (whole(moved), "EQ-V126"),
    "a line twice": (whole(lambda x, r: join(_twice(x, r))), "EQ-V126"),
    "a line lost": (whole(lambda x, r: join(_without(x, r))), ("EQ-V126", "EQ-V128")),
    "a column that slid": (whole(column_shifted), "EQ-V126"),
    "leading zeros": (on_cells(1, lambda c: f"{int(c):03}"), "EQ-V126"),
    "decimals of a spreadsheet": (on_cells(1, lambda c: f"{c}.0"), "EQ-V126"),
    "a date of a spreadsheet": (on_cells(1, lambda c: f"{c}-Jan"), "EQ-V126"),
    "other digits": (on_cells(1, lambda c: c.translate(_ARABIC)), "EQ-V126"),
    "counted from nought": (whole(lambda x, _: _renumbered(x, -1)), "EQ-V126"),
    "one number for all strata": (whole(lambda x, _: _through(x)), "EQ-V126"),
    "the leading zero of a site lost": (on_cells(0, lambda c: c.lstrip("0")), "EQ-V125"),
    "an unknown stratum": (on_cells(0, lambda _: "03/mild"), "EQ-V125"),
    "another spelling of a stratum": (on_cells(0, lambda c: c.upper()), "EQ-V125"),
    "an unknown arm": (on_cells(2, lambda _: "placebo"), "EQ-V127"),
    "another spelling of an arm": (on_cells(2, lambda c: c.title()), "EQ-V127"),
    "an arm as a code": (on_cells(2, lambda c: "1" if c == "active" else "2"), "EQ-V127"),
    "an arm missing": (on_cells(2, lambda _: ""), "EQ-V127"),
    "a look-alike letter": (on_cells(2, lambda c: c.replace("c", "\u0441")), "EQ-V127"),
    "strata exchanged": (whole(lambda x, _: join([x[0], *x[25:49], *x[1:25], *x[49:]])), "EQ-V130"),
    "a stratum in two pieces": (whole(lambda x, _: join([*x[:97], *x[1:25]])), "EQ-V130"),
    "a stratum lost": (whole(lambda x, _: join([*x[:25], *x[49:]])), "EQ-V128"),
    "an arm exchanged": (
        on_cells(2, lambda c: "active" if c == "control" else "control"),
        "EQ-V120",
    ),
    "nothing but line ends": (lambda _, r: b"\n" * r.randrange(1000), "EQ-V122"),
}
_ARABIC = str.maketrans("0123456789", "".join(chr(0x660 + k) for k in range(10)))
FILES = [(name, seed) for name in DAMAGES for seed in range(4)]


def damaged(name, seed):
    """The file of that damage in that list."""
    lines = write_list(LISTS[seed]).rstrip("\n").split("\n")
    return DAMAGES[name][0](lines, random.Random(seed))


def _insert(raw, piece, rng):
    place = rng.randrange(len(raw))
    return raw[:place] + piece + raw[place:]


def _cut(raw, rng):
    place = rng.randrange(30, len(raw) - 1)
    return raw[:place].rstrip(b"\n")


def _with(lines, rng, line):
    lines.insert(rng.randrange(1, len(lines)), line)
    return lines


def _twice(lines, rng):
    place = rng.randrange(1, len(lines))
    return [*lines[:place], lines[place], *lines[place:]]


def _without(lines, rng):
    del lines[rng.randrange(1, len(lines))]
    return lines


def _renumbered(lines, by):
    rows = [line.split(",") for line in lines[1:]]
    return join([lines[0], *(f"{s},{int(n) + by},{a}" for s, n, a in rows)])


def _through(lines):
    rows = [line.split(",") for line in lines[1:]]
    return join([lines[0], *(f"{s},{k},{a}" for k, (s, _, a) in enumerate(rows, 1))])


@pytest.mark.requirement("F08", "F09", "F29")
@pytest.mark.parametrize(("name", "seed"), FILES)
def test_two_hundred_damaged_files_are_refused_with_the_reason(name, seed):
    """Fifty kinds, four of each: the digest differs, and what is wrong is told at its line.

    Had the damaged file itself been signed, what is wrong in it still refuses it.
    """
    expected = DAMAGES[name][1]
    raw = damaged(name, seed)
    expected = {expected} if isinstance(expected, str) else set(expected)
    whole_one = write_list(LISTS[seed]).encode()
    assert raw != whole_one
    found = codes(raw, signed_as(whole_one))
    assert found[0] == "EQ-V120"
    assert expected & set(found)
    if expected != {"EQ-V120"}:
        assert expected & set(codes(raw, signed_as(raw)))


def test_there_are_two_hundred_and_no_two_alike():
    assert len({damaged(name, seed) for name, seed in FILES}) == len(FILES) >= 200
    assert codes(b"")[0] == "EQ-V120" and "EQ-V122" in codes(b"", signed_as(b""))


@given(st.binary(max_size=300))
def test_no_bytes_are_a_list_by_chance(raw):
    """Whatever it is: refused with problems, never a crash."""
    assert codes(raw)[0] == "EQ-V120"
    codes(raw, signed_as(raw))


@given(st.integers(0, len(TEXT) - 1), st.characters())
def test_one_character_changed_is_found(place, character):
    """By the digest always; and if it was signed so, read as it stands or refused."""
    raw = (TEXT[:place] + character + TEXT[place + 1 :]).encode("utf-8", "replace")
    if raw == TEXT.encode():
        return
    assert "EQ-V120" in codes(raw)
    try:
        entries, _ = read_list(raw, signed_as(raw))
    except Refused:
        return
    assert write_list(entries).encode() == raw


def test_a_list_without_the_ratio_is_read_and_told():
    """It may be meant: complete randomization seldom ends even."""
    entries = (*ENTRIES[:-1], replace(ENTRIES[-1], arm=_other(ENTRIES[-1].arm)))
    raw = write_list(entries).encode()
    read, odd = read_list(raw, signed_as(raw))
    assert read == entries
    assert [(p.code, p.severity) for p in odd] == [("EQ-V131", "warning")]


def _other(arm):
    return "active" if arm == "control" else "control"


def test_the_line_is_named_and_twenty_are_enough():
    """The first lines that are wrong, each by its number in the file."""
    raw = TEXT.replace("active", "placebo").encode()
    with pytest.raises(Refused) as caught:
        read_list(raw, SIGNED, name="list.csv")
    wrong = [p for p in caught.value.problems if p.code == "EQ-V127"]
    assert len(wrong) == 20
    lines = raw.decode().split("\n")
    assert all("placebo" in lines[p.where.line - 1] for p in wrong)
    assert re.fullmatch(r"list\.csv:\d+", str(wrong[0].where))


def test_a_study_without_strata_has_an_empty_first_column():
    """The one stratum has no name."""
    plain = replace(DRAWN, strata=("",))
    entries = draw_list(plain, draw_below=counter_draws(b"x"))
    told = replace(plain, scheme="imported", blocks=(), digest=digest_list(entries))
    assert write_list(entries).startswith("stratum,sequence,arm\n,1,")
    assert read_list(write_list(entries).encode(), told) == (entries, ())


@pytest.mark.requirement("F08")
def test_a_sequence_of_five_thousand_digits_is_a_problem_like_any():
    """Python itself refuses to read so long a number; it is shown short."""
    lines = [*LINES]
    stratum, _, arm = lines[1].split(",")
    lines[1] = f"{stratum},{'9' * 5000},{arm}"
    raw = "\n".join([*lines, ""]).encode()
    with pytest.raises(Refused) as caught:
        read_list(raw, signed_as(raw), name="list.csv")
    first = caught.value.problems[0]
    assert (first.code, str(first.where)) == ("EQ-V126", "list.csv:2")
    assert len(first.say("en")) < 200

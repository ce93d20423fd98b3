"""A study folder spoiled at random: `equipoise check` answers with problems, whatever it holds."""

import json
import os
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equipoise.cli import main
from equipoise.study import load
from equipoise.study.yaml_source import from_yaml

STUDY = Path(__file__).parents[2] / "studies" / "nct06722105"
N_FOLDERS = 3000 if os.environ.get("EQUIPOISE_NIGHTLY") else 20
FILES = sorted(str(p.relative_to(STUDY)) for p in STUDY.rglob("*.yaml"))
LINES = {name: (STUDY / name).read_bytes().split(b"\n") for name in FILES}

SPOILS = [
    *(
        b"",
        b"\0",
        b"\xff\xfe",
        b"\xe2\x80\xae",
        b"\xed\xa0\x80",
        b"\t",
        b": ",
        b"- ",
        b"{",
        b"}",
        b"[",
        b"]",
    ),
    *(
        b"&a ",
        b"*a",
        b"!!python/object:os.system ",
        b"<<: *a",
        b"---",
        b"...",
        b"%YAML 9.9",
        b"? ",
        b"|",
        b">",
    ),
    *(
        b"'",
        b'"',
        b"#",
        b"1e309",
        b"-1e309",
        b".nan",
        b".inf",
        b"9" * 400,
        b"0x7f",
        b"0o17",
        b"1_000",
    ),
    *(
        b"null",
        b"~",
        b"true",
        b"yes",
        b"2026-02-30",
        b"2026-02-29",
        b"9999-12-31",
        b"12:30:45",
        b"[]",
        b"{}",
    ),
    *(b"[1, [2, [3, [4]]]]", b"{a: {b: {c: d}}}", b"\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d", b"x" * 6000),
    *(
        b"crp > 5 mg/L",
        b"crp >",
        b"not " * 100 + b"hiv",
        b"1 / 0",
        b"age(age)",
        b"sum()",
        b"decision",
        b"-5",
    ),
    b"{decision: lab-window, assume: {decision: lab-window, assume: 3}}",
    b"[" * 60 + b"]" * 60,
]

CHANGES = st.tuples(
    st.sampled_from(["delete", "swap", "insert", "replace", "value", "indent", "repeat", "cut"]),
    st.sampled_from(FILES),
    st.integers(0, 700),
    st.integers(0, 80),
    st.sampled_from(SPOILS) | st.binary(max_size=6),
)


def spoil(lines: list[bytes], how: str, where: tuple[int, int], what: bytes) -> list[bytes]:
    at, column = where
    if not lines:
        return [what]
    at %= len(lines)
    line = lines[at]
    match how:
        case "delete":
            return lines[:at] + lines[at + 1 + column % 5 :]
        case "swap":
            other = (at + 1 + column) % len(lines)
            lines[at], lines[other] = lines[other], line
        case "insert":
            lines[at] = line[:column] + what + line[column:]
        case "replace":
            lines[at] = what
        case "value":
            key, colon, _ = line.partition(b": ")
            lines[at] = key + colon + what if colon else what
        case "indent":
            lines[at] = b" " * (column % 9) + line.lstrip()
        case "repeat":
            return lines[:at] + [line] * (2 + column % 3) + lines[at + 1 :]
        case "cut":
            lines[at] = line[:column]
            return lines[: at + 1] if column % 7 == 0 else lines
    return lines


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the study; what is not spoiled is parsed once."""
    folder = tmp_path_factory.mktemp("spoiled") / "study"
    shutil.copytree(STUDY, folder)
    parse = cache(lambda content, name: from_yaml(content, name=name))

    def load_once(path: Path, *, name: str):  # type: ignore[no-untyped-def]
        return parse(path.read_bytes(), name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "load_yaml", load_once)
        yield folder


@pytest.mark.timeout(3600)
@given(changes=st.lists(CHANGES, min_size=1, max_size=4))
@settings(
    max_examples=N_FOLDERS,
    deadline=20_000,
    suppress_health_check=list(HealthCheck),
)
def test_check_says_what_is_wrong_and_never_breaks(
    place: Path, changes: list[tuple[str, str, int, int, bytes]]
) -> None:
    """Lines deleted, swapped, cut, values of other types, NUL, marks of direction, numbers without
    end, anchors: done or problems, with a place and a hint in both languages, and never a bug."""
    spoiled: dict[str, list[bytes]] = {}
    for how, name, at, column, what in changes:
        lines = spoiled.get(name, list(LINES[name]))
        spoiled[name] = spoil(lines, how, (at, column), what)
    try:
        for name, lines in spoiled.items():
            (place / name).write_bytes(b"\n".join(lines))
        result = CliRunner().invoke(main, ["check", str(place), "--json"], catch_exceptions=False)
    finally:
        for name in spoiled:
            (place / name).write_bytes(b"\n".join(LINES[name]))

    assert result.exit_code in (0, 1, 2)
    told = json.loads(result.stdout)
    assert told["ok"] is (result.exit_code == 0)
    for problem in told["problems"]:
        assert problem["message"]
        assert problem["hint"]
        assert "\0" not in problem["message"]
        assert "\u202e" not in problem["message"]

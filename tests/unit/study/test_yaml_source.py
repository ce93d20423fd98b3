"""Reading one YAML file: values, places, and every fault as a problem."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.problems import Where
from equipoise.study.yaml_source import DEEPEST, from_yaml, load_yaml


def read(text: str):
    return from_yaml(text.encode("utf-8", "surrogatepass"), name="f.yaml")


def test_values_are_plain_and_keys_are_text() -> None:
    """Numbers, dates, lists and truth values are Python's own; a key such as `on` or 01 is text."""
    source, problems = read("a: [1, 2.5, true, ~, x, no]\n01: {on: 2026-03-27}\n")
    assert problems == ()
    assert source.value["a"] == [1, 2.5, True, None, "x", "no"]
    assert source.value["01"]["on"].isoformat() == "2026-03-27"


def test_each_part_has_its_line_and_column() -> None:
    """Keys and list items are found where they begin; an unknown part at its nearest parent."""
    source, _ = read("a:\n  b:\n    - 1\n    - c: 2\n")
    assert source.locate(("a", "b", 1, "c")) == Where("f.yaml", 4, 7)
    assert source.locate(("a", "b", 0)) == Where("f.yaml", 3, 7)
    assert source.locate(("a", "nothing", "deeper")) == Where("f.yaml", 1, 1)
    assert source.locate(("nothing",)) == Where("f.yaml", 1, 1)


def test_blocks_within_the_limit_are_read_and_the_next_is_told_where_it_opens() -> None:
    """The fault is found without reading on: a file of brackets costs no time."""
    deep = "[" * (DEEPEST - 1) + "1" + "]" * (DEEPEST - 1)
    assert read(deep)[1] == ()
    (found,) = read("[" * 50_000)[1]
    assert (found.where.line, found.where.column) == (1, DEEPEST + 1)
    assert f"more than {DEEPEST} deep" in found.message


def test_an_empty_file_is_an_empty_block() -> None:
    assert read("# nothing yet\n")[0].value == {}


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: 'open", "EQ-S003", 1),
        ("a: 1\nb: [1, 2\n", "EQ-S003", 3),
        ("a: 1\n---\nb: 2", "EQ-S003", 2),
        ("\x00", "EQ-S003", 1),
        ("[" * 5000, "EQ-S003", 1),
        ("x: 1\na: " + "[" * (DEEPEST + 2) + "]" * (DEEPEST + 2), "EQ-S003", 2),
        ("a: 1\nb: .inf", "EQ-S003", 2),
        ("a: .nan", "EQ-S003", 1),
        ("a: 1\nb: 2024-13-45", "EQ-S003", 2),
        ("a: " + "9" * 5000, "EQ-S003", 1),
        ('a: 1\nb: "\\ud800"', "EQ-S003", 2),
        ('"\\ud800": 1', "EQ-S003", 1),
        ("a: 1\n? [1, 2]\n: 3", "EQ-S003", 2),
        ("x: =", "EQ-S003", 1),
        ("a: 1\nb: &x [1]\nc: 1", "EQ-S006", 2),
        ("a: 1\nb: !!bool no", "EQ-S006", 2),
        ("a: &x [*x]", "EQ-S006", 1),
        ("&a b: 1", "EQ-S006", 1),
        ("a: &x {b: 1}\nc: *x", "EQ-S006", 1),
        ("%YAML 1.1\n---\na: no", "EQ-S006", 1),
        ("a: 1\n%YAML 9.9\nb: 1", "EQ-S006", 2),
        ("a:\n  - b\n%YAML 9.9", "EQ-S006", 3),
        ("\ufeff%TAG ! tag:x,1:\n---\na: 1", "EQ-S006", 1),
        ("# x\r%YAML 9.9\na: 1", "EQ-S006", 1),
        ("a: &x\n  b: 1\nc: [*x, *x]", "EQ-S006", 1),
        ("a: 1\nb: 2\na: 3", "EQ-S007", 3),
    ],
)
def test_each_fault_of_a_text_is_one_problem_at_its_line(text: str, code: str, line: int) -> None:
    _, problems = read(text)
    assert [(p.code, p.where.line) for p in problems] == [(code, line)]


def test_an_anchor_used_twice_is_told_twice_and_warns_nobody() -> None:
    _, problems = read("a: &x 1\nb: &x 2")
    assert [(p.code, p.where.line) for p in problems] == [("EQ-S006", 1), ("EQ-S006", 2)]


def test_several_faults_are_told_at_once_and_the_rest_is_read() -> None:
    """Two repeated keys and an anchor give three problems; the other values are there."""
    source, problems = read("a: 1\na: 2\nb: &x 3\nc: 4\nc: 5\n")
    assert [(p.code, p.where.line) for p in problems] == [
        ("EQ-S007", 2),
        ("EQ-S006", 3),
        ("EQ-S007", 5),
    ]
    assert source.value == {"a": 1, "b": None, "c": 4}


def test_bytes_that_are_not_utf8_are_told_with_their_line() -> None:
    _, problems = from_yaml("a: 1\nb: é".encode("latin-1"), name="f.yaml")
    assert [(p.code, p.where.line) for p in problems] == [("EQ-S002", 2)]


def test_a_file_that_cannot_be_opened_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "dir.yaml").mkdir()
    for name in ("dir.yaml", "absent.yaml"):
        source, problems = load_yaml(tmp_path / name, name=name)
        assert source is None
        assert [p.code for p in problems] == ["EQ-S005"]


@given(st.text(max_size=80))
def test_no_text_makes_the_reader_raise(text: str) -> None:
    source, problems = read(text)
    assert source is not None or problems


@given(st.text(alphabet="ab:-[]{},&*!'\"\n ?|>#%@`<=1.~", max_size=60))
def test_no_text_of_yaml_signs_makes_the_reader_raise(text: str) -> None:
    source, problems = read(text)
    assert source is not None or problems


@given(st.binary(max_size=60))
def test_no_bytes_make_the_reader_raise(content: bytes) -> None:
    source, problems = from_yaml(content, name="f.yaml")
    assert source is not None or problems

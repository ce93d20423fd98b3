"""Study files as they are written: readable, ordered, and read back as they were."""

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.problems import Text
from equipoise.study.load import Decisions, load_study
from equipoise.study.protocol import Decision, Identity, Population
from equipoise.study.write import to_yaml, write_study_files
from equipoise.study.yaml_source import from_yaml

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cn", "Co")), min_size=1, max_size=200
)


def test_a_file_is_block_style_in_the_order_of_the_type() -> None:
    """One key a line, unicode as it is, nothing that is empty."""
    identity = Identity(
        study="demo",
        title=Text("Sclérodermie"),
        phase=("1", "2"),
        population=Population(healthy_volunteers=False),
    )

    assert to_yaml(identity) == (
        "study: demo\n"
        "title:\n"
        "  en: Sclérodermie\n"
        "phase:\n"
        "  - '1'\n"
        "  - '2'\n"
        "population:\n"
        "  healthy_volunteers: false\n"
    )


def test_lines_are_folded_at_a_hundred_and_end_in_no_blank() -> None:
    """A long text is folded; a text of several lines is a block of lines."""
    text = to_yaml({"long": "word " * 60 + "end", "lines": "one line\nanother line"})

    assert max(map(len, text.splitlines())) <= 101
    assert not any(line.endswith(" ") for line in text.splitlines())
    assert "lines: |-\n  one line\n  another line\n" in text


@given(st.dictionaries(st.sampled_from("abcdef"), texts | st.lists(texts, min_size=1), min_size=1))
def test_every_text_comes_back_as_it_was(piece: dict[str, object]) -> None:
    """Whatever a text holds, the loader reads the same."""
    source, problems = from_yaml(to_yaml(piece).encode(), name="x.yaml")

    assert problems == ()
    assert source is not None
    assert source.value == piece


def test_a_folder_is_loaded_as_it_was_written(tmp_path: Path) -> None:
    """Types in, the same types out; an assumption of nothing is kept."""
    decision = Decision(
        id="ratio",
        question=Text("Which?", "Lequel ?"),
        because=Text("Not said."),
        status="decided",
        choice="one",
        by="A. Person",
        on=dt.date(2026, 1, 2),
        why="As planned",
    )
    identity = Identity(study="demo", title=Text("Demo"))
    pieces = {"study.yaml": identity, "decisions.yaml": {"decisions": (decision,)}}

    write_study_files(tmp_path, pieces)
    loaded = load_study(tmp_path)

    assert loaded.problems == ()
    assert loaded.study is not None
    assert loaded.study.identity == identity
    assert loaded.study.decisions == (decision,)
    write_study_files(tmp_path, {"decisions.yaml": Decisions()})
    assert load_study(tmp_path).study.decisions == ()  # type: ignore[union-attr]
    assert "assume: []" in to_yaml({"masked": {"decision": "roles", "assume": []}})


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """Where a file cannot be put in place the old one stays and nothing is left beside it."""
    (tmp_path / "study.yaml").mkdir()

    with pytest.raises(OSError, match="study"):
        write_study_files(tmp_path, {"study.yaml": {"study": "demo"}})

    assert [p.name for p in tmp_path.iterdir()] == ["study.yaml"]

"""A copy of the first study that a test may spoil."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from equipoise.study import load
from equipoise.study.yaml_source import from_yaml, load_yaml

_from_yaml = cache(lambda content, name: from_yaml(content, name=name))


@pytest.fixture
def first_study() -> Path:
    return Path(__file__).parents[3] / "studies" / "nct06722105"


@pytest.fixture
def folder(tmp_path: Path, first_study: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The copy; files that a test leaves as they are get parsed once for all tests."""

    def load_once(path: Path, *, name: str):
        if not path.is_file():
            return load_yaml(path, name=name)
        return _from_yaml(path.read_bytes(), name)

    monkeypatch.setattr(load, "load_yaml", load_once)
    return Path(shutil.copytree(first_study, tmp_path / "study"))


@pytest.fixture
def edit(folder: Path) -> Callable[[str, str, str], int]:
    """Replace one passage of a file, found once; the line where it begins."""

    def replace(file: str, old: str, new: str) -> int:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{text.count(old)} times in {file}: {old}"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return text[: text.index(old)].count("\n") + 1

    return replace

"""The records that the readers of this folder are tried on."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from equipoise.exchange.draft import Draft, draft_study

ROOT = Path(__file__).parents[3]
OWN = ROOT / "tests" / "data" / "NCT00000000.txt"
REAL = ROOT.parent / "shared" / "records" / "NCT06722105.txt"


@pytest.fixture(params=["own", "real"])
def record(request: pytest.FixtureRequest) -> Path:
    """The project's own page of the template, and the registry's where it lies beside."""
    if request.param == "own":
        return OWN
    if os.environ.get("CI") or not REAL.is_file():
        pytest.skip("the registry's page does not lie beside this checkout")
    return REAL


Draw = Callable[[str], Draft]


@pytest.fixture
def draft_text(tmp_path: Path) -> Draw:
    """Draft from a text."""

    def draw(text: str) -> Draft:
        path = tmp_path / "record.txt"
        path.write_text(text, encoding="utf-8")
        return draft_study(path)

    return draw

"""The prose: every link leads somewhere, and the tutorial's commands do what it says."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = "import sys; from equipoise.cli import main; sys.exit(main())"
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_to_files_of_the_tree(page: Path) -> None:
    """Relative links only; nothing that was moved away."""
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    local = [t for t in targets if not t.startswith(("http://", "https://"))]

    assert [t for t in local if not (page.parent / t).exists()] == []


def commands(page: str) -> list[str]:
    fences = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    lines = "".join(fences).splitlines()
    return [line for line in lines if line.startswith(("equipoise ", "python3 "))]


@pytest.mark.requirement("C50")
def test_the_tutorial_can_be_followed(tmp_path: Path) -> None:
    """Its commands in their order, on this tree; a draft has open decisions and no error."""
    ran = commands("tutorial.md")
    assert len(ran) >= 8
    for line in ran:
        words = shlex.split(line.replace("/tmp/", f"{tmp_path}/"))
        start = [sys.executable] if words[0] == "python3" else [sys.executable, "-c", RUN]
        came = subprocess.run(
            [*start, *words[1:]], cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
        )
        assert came.returncode == 0, (line, came.stdout[-2000:], came.stderr[-2000:])
    assert (tmp_path / "report.html").stat().st_size > 50_000

"""Each control has a test that fails when the control is switched off: here they are switched off.

A copy of the program with one control less runs the test that is named for it. It must fail, or
nothing would tell us that the control is gone.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .controls import CONTROLS, Control

ROOT = Path(__file__).parents[2]
N_EACH_TIME = len(CONTROLS) if os.environ.get("EQUIPOISE_NIGHTLY") else 4
FAILED = 1  # of pytest: tests ran, and some failed
MOST_SECONDS = 240


@pytest.mark.parametrize("control", CONTROLS, ids=lambda c: c.name)
def test_what_switches_it_off_stands_once(control: Control) -> None:
    """A program that changes takes its table of controls along."""
    for edit in control.edits:
        assert source(edit.file).count(edit.find) == 1, edit.find
        assert edit.find != edit.put


def source(file: str) -> str:
    return (ROOT / "src" / "equipoise" / file).read_text()


# A few each time, all of them by night.
@pytest.mark.requirement("D30")
@pytest.mark.timeout(MOST_SECONDS)
@pytest.mark.parametrize("control", CONTROLS[:: len(CONTROLS) // N_EACH_TIME])
def test_without_the_control_its_test_fails(control: Control, tmp_path: Path) -> None:
    """Red without it; that it is green with it, the rest of the tests say."""
    program = tmp_path / "src"
    shutil.copytree(ROOT / "src", program, ignore=shutil.ignore_patterns("__pycache__"))
    for edit in control.edits:
        path = program / "equipoise" / edit.file
        path.write_text(path.read_text().replace(edit.find, edit.put))
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider"]
    command += ["-o", f"pythonpath={program} ."]
    ran = subprocess.run(
        [*command, control.test],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(program), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )

    assert ran.returncode == FAILED, ran.stdout[-2000:] + ran.stderr[-2000:]
    assert "= FAILURES =" in ran.stdout

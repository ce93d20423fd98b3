"""`equipoise demo`, as a newcomer starts it: from nothing, again, in mid-recruitment."""

import datetime as dt
import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.staging import choose_day, count_tasks
from equipoise.cli.trials import running_trial
from equipoise.study.study import Study
from equipoise.web.outlook import plan_stops

RUN = [sys.executable, "-c", "import sys; from equipoise.cli import main; sys.exit(main())"]


@contextmanager
def demo(directory: Path, *options: str) -> Iterator[dict[str, Any]]:
    """What the running demo said of itself."""
    port = str(21_000 + hash(directory) % 3_000)
    command = [*RUN, "demo", "--headless", "--json", "--port", port, "--directory", str(directory)]
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.startswith("}") or line.rstrip().endswith("}"):
            break
    try:
        yield json.loads(text)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.timeout(600)
def test_from_nothing_then_again_then_in_mid_recruitment(study: Study, tmp_path: Path) -> None:
    """Eighteen at once, with something due; a second start goes on; the third has free places."""
    directory = tmp_path / "demo"
    with demo(directory) as said:
        assert said["randomized"] == 18
        assert "coordinator" in said["people"]
        assert Path(said["report"]).stat().st_size > 50_000
        for door in (said["site"], said["sealed"]):
            with urllib.request.urlopen(f"{door}/sign-in/", timeout=30) as page:
                assert page.status == 200
    today = dt.datetime.now(dt.UTC).date()
    state = running_trial(directory / "trial.db", study=study).state
    stops = [
        s for p in state.randomized if p.is_in_trial for s in plan_stops(study, p, today=today)
    ]
    assert any(s.is_due for s in stops)
    made_at = (directory / "trial.db").stat().st_ino

    with demo(directory) as said:
        assert said["randomized"] == 18
        assert (directory / "trial.db").stat().st_ino == made_at
    with demo(directory, "--recruiting") as said:
        assert 9 <= said["randomized"] < 18


@pytest.mark.parametrize("is_recruiting", [False, True])
def test_the_demo_opens_on_the_busiest_day(
    study: Study, whole_trial: Path, *, is_recruiting: bool
) -> None:
    """The day has the weekday asked for, and no other one of its kind has more to do."""
    state = running_trial(whole_trial, study=study).state
    for weekday in (0, 2, 4):
        day = choose_day(study, state, weekday=weekday, is_recruiting=is_recruiting)
        others = [day + dt.timedelta(weeks=k) for k in (-1, 1)]
        n_randomized = sum(
            1 for p in state.randomized if p.randomized_on and p.randomized_on <= day
        )

        assert day.weekday() == weekday
        assert count_tasks(study, state, on=day) > 0
        assert (n_randomized == 18) is not is_recruiting
        if not is_recruiting:
            last = max(p.randomized_on for p in state.randomized if p.randomized_on)
            rivals = [o for o in others if last < o < last + dt.timedelta(weeks=12)]
            assert all(
                count_tasks(study, state, on=o) <= count_tasks(study, state, on=day) for o in rivals
            )

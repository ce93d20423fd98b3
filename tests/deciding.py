"""A study folder with every decision taken, so that it can go live."""

import datetime as dt
import re
from pathlib import Path

from ruamel.yaml import YAML


def decide(folder: Path) -> None:
    """Take every open decision as the folder assumes, as a sponsor would write it."""
    for path in folder.rglob("*.yaml"):
        text = path.read_text("utf-8")
        text = re.sub(r"(decision: [\w-]+,?\s+)assume:", r"\1is:", text)
        path.write_text(text, "utf-8")
    decisions, yaml = folder / "decisions.yaml", YAML()
    written = yaml.load(decisions)
    for decision in written["decisions"]:
        choice = next(iter(decision.get("options", ())), "as assumed")
        decision |= {"status": "decided", "choice": choice, "by": "Sponsor", "why": "The protocol"}
        decision["on"] = dt.date(2026, 1, 5)
    yaml.dump(written, decisions)

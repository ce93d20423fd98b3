"""The coverage gates: every branch of the core and of the vault is exercised by a test."""

import json
import sys
from pathlib import Path

MEASURED = Path(".coverage.json")
CORE = (
    "problems",
    "language",
    "clinical",
    "study",
    "ledger",
    "eligibility",
    "randomization",
    "schedule",
    "capture",
    "supply",
    "safety",
    "vault",
    "conduct",
)
REST = 85


def main() -> int:
    """Say what no test reaches; 1 if a gate is not held."""
    measured = json.loads(MEASURED.read_text())
    core = tuple(f"src/equipoise/{package}/" for package in CORE)
    is_complete = True
    for name, found in sorted(measured["files"].items()):
        lines, branches = found["missing_lines"], found["missing_branches"]
        if lines or branches:
            ways = ", ".join(f"{start}->{end or 'exit'}" for start, end in branches)
            print(f"{found['summary']['percent_covered']:5.1f} % {name}: {lines} {ways}")
        if name.startswith(core) and (lines or branches):
            is_complete = False
            print("        every branch of it must be exercised")
    share = measured["summary"]["percent_covered"]
    print(f"{share:5.1f} % of the whole (at least {REST})")
    return int(not is_complete or share < REST)


if __name__ == "__main__":
    sys.exit(main())

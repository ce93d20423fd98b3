"""The coverage gates: every branch of the core and of the vault is exercised by a test."""

import subprocess
import sys

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


def gate(include: str, least: int) -> int:
    command = [sys.executable, "-m", "coverage", "report", "--skip-covered", "--show-missing"]
    return subprocess.call([*command, f"--include={include}", f"--fail-under={least}"])


if __name__ == "__main__":
    failed = gate(",".join(f"src/equipoise/{p}/*" for p in CORE), 100)
    failed |= gate("src/equipoise/*", REST)
    sys.exit(failed)

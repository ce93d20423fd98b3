"""How long a busy machine took, which no two runs say alike."""

import re


def without_progress(said: str) -> str:
    """What a program said but for its progress, told on one line over and over."""
    return re.sub(r"(\r[^\r\n]*, \d+ s \.\.\.)+\r?\n", "", said)

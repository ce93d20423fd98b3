"""Equipoise turns a written clinical trial into a running one, and rehearses it first.

The names here are the verbs of the command line; each is loaded when it is first used.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "Problem": "problems",
    "Refused": "problems",
    "RunningTrial": "conduct",
    "check_folder": "conduct",
    "draft_study": "exchange",
    "load_study": "study.load",
    "open_store": "ledger",
    "rehearse": "rehearsal",
    "screen": "screening",
    "verify": "ledger",
    "write_draft": "exchange",
    "write_report": "analysis",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"equipoise.{_HOMES[name]}"), name)

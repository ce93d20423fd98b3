"""A whole trial with virtual people before the first real one: each role, form and check.

Virtual people do nothing that is not an act of `conduct`, so that what is rehearsed is what is run.
"""

from equipoise.rehearsal.people import demo_people
from equipoise.rehearsal.running import Progress, Rehearsal, check_rehearsal, rehearse, start_of
from equipoise.rehearsal.screening import ReadingEffect, count_effects
from equipoise.rehearsal.vaults import (
    NatureOf,
    VaultContents,
    nature_from,
    prepare_rehearsal_vault,
    vault_contents,
)

__all__ = [
    "NatureOf",
    "Progress",
    "ReadingEffect",
    "Rehearsal",
    "VaultContents",
    "check_rehearsal",
    "count_effects",
    "demo_people",
    "nature_from",
    "prepare_rehearsal_vault",
    "rehearse",
    "start_of",
    "vault_contents",
]

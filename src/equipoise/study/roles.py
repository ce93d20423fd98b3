"""The people who run a trial, by what they do; a study says which of them are masked."""

from enum import StrEnum


class Role(StrEnum):
    """A role of a person in the trial; the words of ICH E6(R3) where it has one."""

    COORDINATOR = "coordinator"
    INVESTIGATOR = "investigator"
    OUTCOME_ASSESSOR = "outcome_assessor"
    DATA_MANAGER = "data_manager"
    MONITOR = "monitor"
    CELL_UNIT = "cell_unit"
    STATISTICIAN = "statistician"
    UNBLINDED_STATISTICIAN = "unblinded_statistician"
    SAFETY_OFFICER = "safety_officer"
    DSMB = "dsmb"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


UNBLINDED_ROLES = frozenset({Role.CELL_UNIT, Role.UNBLINDED_STATISTICIAN})
"""Roles that may learn an arm; they work behind the unblinded door and hold no blinded role."""

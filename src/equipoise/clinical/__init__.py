"""Instruments and physiology: pure functions, each with its units and its published source."""

from equipoise.clinical.age import age_range, completed_years
from equipoise.clinical.body import (
    derive_bmi,
    derive_body_surface,
    derive_egfr,
    derive_spap,
    derive_unindexed_gfr,
)
from equipoise.clinical.calculators import CALCULATORS
from equipoise.clinical.lung import derive_dlco_corrected
from equipoise.clinical.sclerosis import MRSS_AREAS, derive_acr_eular_2013, derive_mrss

__all__ = [
    "CALCULATORS",
    "MRSS_AREAS",
    "age_range",
    "completed_years",
    "derive_acr_eular_2013",
    "derive_bmi",
    "derive_body_surface",
    "derive_dlco_corrected",
    "derive_egfr",
    "derive_mrss",
    "derive_spap",
    "derive_unindexed_gfr",
]

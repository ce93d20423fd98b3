"""Instruments and physiology: pure functions, each with its units and its published source."""

from equipoise.clinical.age import age_range, completed_years
from equipoise.clinical.analytes import ANALYTES, Conversion, find_analyte_factor
from equipoise.clinical.body import (
    derive_bmi,
    derive_body_surface,
    derive_egfr,
    derive_spap,
    derive_uln_multiple,
    derive_unindexed_gfr,
)
from equipoise.clinical.calculators import CALCULATORS, DOMAINS, NEEDS_TABLES, SOURCES
from equipoise.clinical.criss import (
    CoreSet,
    assess_lung_decline,
    assess_organ_event,
    derive_acr_criss_2016,
)
from equipoise.clinical.ctcae import CTCAE, derive_ctcae_grade
from equipoise.clinical.haq import HAQ_CATEGORIES, derive_haq_category, derive_haq_di
from equipoise.clinical.lung import (
    GLI_2012_GROUPS,
    GLI_SETS,
    TABLES_EXTRA,
    TABLES_PACKAGE,
    Prediction,
    derive_dlco_corrected,
    derive_prediction,
    has_tables,
)
from equipoise.clinical.sclerosis import (
    ACR_EULAR_2013,
    MRSS_AREAS,
    assess_acr_eular_2013,
    derive_acr_eular_2013,
    derive_acr_eular_2013_range,
    derive_eustar_activity_2017,
    derive_mrss,
)

__all__ = [
    "ACR_EULAR_2013",
    "ANALYTES",
    "CALCULATORS",
    "CTCAE",
    "DOMAINS",
    "GLI_2012_GROUPS",
    "GLI_SETS",
    "HAQ_CATEGORIES",
    "MRSS_AREAS",
    "NEEDS_TABLES",
    "SOURCES",
    "TABLES_EXTRA",
    "TABLES_PACKAGE",
    "Conversion",
    "CoreSet",
    "Prediction",
    "age_range",
    "assess_acr_eular_2013",
    "assess_lung_decline",
    "assess_organ_event",
    "completed_years",
    "derive_acr_criss_2016",
    "derive_acr_eular_2013",
    "derive_acr_eular_2013_range",
    "derive_bmi",
    "derive_body_surface",
    "derive_ctcae_grade",
    "derive_dlco_corrected",
    "derive_egfr",
    "derive_eustar_activity_2017",
    "derive_haq_category",
    "derive_haq_di",
    "derive_mrss",
    "derive_prediction",
    "derive_spap",
    "derive_uln_multiple",
    "derive_unindexed_gfr",
    "find_analyte_factor",
    "has_tables",
]

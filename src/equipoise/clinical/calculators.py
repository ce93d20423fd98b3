"""The calculators that rules may call by name, each with the kinds and units it takes and gives."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from equipoise.clinical.body import (
    derive_bmi,
    derive_body_surface,
    derive_egfr,
    derive_spap,
    derive_unindexed_gfr,
)
from equipoise.clinical.lung import derive_dlco_corrected
from equipoise.clinical.sclerosis import derive_acr_eular_2013

_Kind = Literal["number", "boolean", "choice"]
_Signature = tuple[Callable[..., Any], Sequence[tuple[_Kind, str]], tuple[_Kind, str]]

_INDEXED = "mL/min/1.73m2"
_ACR_EULAR: Mapping[str, _Kind] = {
    "proximal_skin": "boolean",
    "fingers": "choice",
    "fingertips": "choice",
    "telangiectasia": "boolean",
    "nailfold": "boolean",
    "lung": "boolean",
    "raynaud": "boolean",
    "antibody": "boolean",
}


def _acr_eular_2013(*findings: Any) -> int | None:
    try:
        return derive_acr_eular_2013(**dict(zip(_ACR_EULAR, findings, strict=True)))
    except KeyError:
        return None


CALCULATORS: Mapping[str, _Signature] = {
    "bmi": (derive_bmi, (("number", "kg"), ("number", "cm")), ("number", "kg/m2")),
    "body_surface": (derive_body_surface, (("number", "kg"), ("number", "cm")), ("number", "m2")),
    "egfr": (
        derive_egfr,
        (("number", "umol/L"), ("number", "years"), ("choice", "")),
        ("number", _INDEXED),
    ),
    "unindexed_gfr": (
        derive_unindexed_gfr,
        (("number", _INDEXED), ("number", "kg"), ("number", "cm")),
        ("number", "mL/min"),
    ),
    "dlco_corrected": (
        derive_dlco_corrected,
        (("number", "%"), ("number", "g/dL"), ("choice", "")),
        ("number", "%"),
    ),
    "spap": (derive_spap, (("number", "m/s"), ("number", "mmHg")), ("number", "mmHg")),
    "acr_eular_2013": (
        _acr_eular_2013,
        tuple((kind, "") for kind in _ACR_EULAR.values()),
        ("number", ""),
    ),
}
"""`name: (callable, ((kind, unit), ...), (kind, unit))`; `dlco_corrected` is for 15 years and
over, `acr_eular_2013` takes its findings in the order of `derive_acr_eular_2013`."""

"""The calculators that rules may call by name, each with the kinds and units it takes and gives."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from msgspec import Struct

from equipoise.clinical.body import (
    derive_bmi,
    derive_body_surface,
    derive_egfr,
    derive_spap,
    derive_uln_multiple,
    derive_unindexed_gfr,
)
from equipoise.clinical.bounds import (
    ADULT_AGE_YEARS,
    CREATININE_UMOL_L,
    CRP_MG_L,
    GFR,
    HEIGHT_CM,
    HEMOGLOBIN_G_DL,
    LIMIT,
    MRSS,
    PERCENT_PREDICTED,
    RAP_MMHG,
    RESULT,
    TRV_M_S,
    WEIGHT_KG,
    Domain,
)
from equipoise.clinical.criss import CORE_DOMAINS, CoreSet, derive_acr_criss_2016
from equipoise.clinical.ctcae import CTCAE, Fall, Rise, derive_ctcae_grade
from equipoise.clinical.haq import HAQ_CATEGORIES, derive_haq_category, derive_haq_di
from equipoise.clinical.lung import (
    GLI_HEIGHT_CM,
    GLI_SETS,
    GliSet,
    derive_dlco_corrected,
    derive_prediction,
)
from equipoise.clinical.sclerosis import (
    MRSS_AREAS,
    derive_acr_eular_2013,
    derive_eustar_activity_2017,
    derive_mrss,
)
from equipoise.problems import Refused

_Kind = Literal["number", "boolean", "choice"]
_Type = tuple[_Kind, str]
_Signature = tuple[Callable[..., Any], Sequence[_Type], _Type]


class Parameter(Struct, frozen=True):
    """What an argument is, in which unit, and the values for which there is a result."""

    kind: _Kind = "number"
    unit: str = ""
    domain: Domain | None = None


class Calculator(Struct, frozen=True):
    """A function of keyword arguments, what it takes and gives, and the paper or standard that it
    follows."""

    call: Callable[..., Any]
    takes: Mapping[str, Parameter]
    gives: _Type
    source: str


def _number(unit: str, domain: Domain | None) -> Parameter:
    return Parameter("number", unit, domain)


_SCORE: _Type = ("number", "")
_SHARE: _Type = ("number", "%")
_INDEXED = "mL/min/1.73m2"
_BOOLEAN, _CHOICE = Parameter("boolean"), Parameter("choice")
_BODY_SIZE = {"weight_kg": _number("kg", WEIGHT_KG), "height_cm": _number("cm", HEIGHT_CM)}
_GRADED = _number("", (0, 3))

_FINGERS: Mapping[str, str] = {"puffy": "puffy_fingers", "sclerodactyly": "sclerodactyly"}
_FINGERTIPS: Mapping[str, str] = {"ulcers": "tip_ulcers", "scars": "pitting_scars"}
_MEASURES: Mapping[str, Parameter] = {
    name: _number("%" if name == "fvc_percent" else "", domain)
    for name, domain in CORE_DOMAINS.items()
}


def _classify(*, fingers: str, fingertips: str, **present: bool) -> int | None:
    """The form's two choices are the higher finding of their pair, so no other can change it."""
    if fingers not in ("none", *_FINGERS) or fingertips not in ("none", *_FINGERTIPS):
        return None
    findings = {
        "proximal_skin": present["proximal_skin"],
        "telangiectasia": present["telangiectasia"],
        "abnormal_nailfold": present["nailfold"],
        "interstitial_disease": present["lung"],
        "arterial_hypertension": present["lung"],
        "raynaud": present["raynaud"],
        "anticentromere": present["antibody"],
        "antitopoisomerase_1": present["antibody"],
        "antipolymerase_3": present["antibody"],
    }
    found = {code: fingers == choice for choice, code in _FINGERS.items()}
    found |= {code: fingertips == choice for choice, code in _FINGERTIPS.items()}
    return derive_acr_eular_2013({**findings, **found})


def _score_response(*, organ_event: bool, **measures: float) -> float | None:
    before, after = (
        CoreSet(**{name: measures[f"{name}_{when}"] for name in _MEASURES})
        for when in ("before", "after")
    )
    return derive_acr_criss_2016(baseline=before, follow_up=after, has_organ_event=organ_event)


def _predict(*, gli_set: str, part: str, **person: Any) -> float | None:
    try:
        found = derive_prediction(gli_set=gli_set, **person)
    except Refused:  # the optional tables are not there
        return None
    return None if found is None else getattr(found, part)


def _gli_calculators(name: str, chosen: GliSet) -> dict[str, Calculator]:
    takes = {
        "value": _number(chosen.unit, chosen.values),
        "age_years": _number("years", chosen.ages),
        "height_cm": _number("cm", GLI_HEIGHT_CM),
        "sex": _CHOICE,
    }
    if chosen.has_groups:
        takes["group"] = _CHOICE
    return {
        f"{name}_{part}": Calculator(
            partial(_predict, gli_set=name, part=part), takes, gives, chosen.source
        )
        for part, gives in (("percent", _SHARE), ("z", _SCORE))
    }


def _ctcae_calculator(version: str, term: str, rule: Fall | Rise) -> Calculator:
    if isinstance(rule, Fall):
        # Below the fixed limits of a grade the laboratory's own does not matter, whatever it is.
        value = _number(rule.unit, (0, rule.highest))
        takes = {"value": value, "limit": _number(rule.unit, None)}
    else:
        of_limit = _number(rule.unit, LIMIT)
        takes = {"value": _number(rule.unit, RESULT), "limit": of_limit}
        takes |= {"baseline": of_limit, "baseline_status": _CHOICE}
    call = partial(derive_ctcae_grade, version=version, term=term)
    return Calculator(call, takes, _SCORE, f"CTCAE {version}, National Cancer Institute")


_BODY: Mapping[str, Calculator] = {
    "bmi": Calculator(derive_bmi, _BODY_SIZE, ("number", "kg/m2"), "Quetelet"),
    "body_surface": Calculator(
        derive_body_surface, _BODY_SIZE, ("number", "m2"), "Du Bois and Du Bois 1916"
    ),
    "egfr": Calculator(
        derive_egfr,
        {
            "creatinine_umol_l": _number("umol/L", CREATININE_UMOL_L),
            "age_years": _number("years", ADULT_AGE_YEARS),
            "sex": _CHOICE,
        },
        ("number", _INDEXED),
        "CKD-EPI 2021 creatinine, Inker 2021, doi 10.1056/NEJMoa2102953",
    ),
    "unindexed_gfr": Calculator(
        derive_unindexed_gfr,
        {"gfr": _number(_INDEXED, GFR), **_BODY_SIZE},
        ("number", "mL/min"),
        "Du Bois and Du Bois 1916",
    ),
    "spap": Calculator(
        derive_spap,
        {"trv_m_s": _number("m/s", TRV_M_S), "rap_mmhg": _number("mmHg", RAP_MMHG)},
        ("number", "mmHg"),
        "Rudski 2010 (ASE), doi 10.1016/j.echo.2010.05.010",
    ),
    "uln_multiple": Calculator(
        derive_uln_multiple,
        {"value": _number("U/L", RESULT), "upper_limit": _number("U/L", LIMIT)},
        ("number", "ULN"),
        "definition",
    ),
    "dlco_corrected": Calculator(
        derive_dlco_corrected,
        {
            "dlco": _number("%", PERCENT_PREDICTED),
            "hb_g_dl": _number("g/dL", HEMOGLOBIN_G_DL),
            "sex": _CHOICE,
        },
        _SHARE,
        "Cotes; ATS/ERS 2005, doi 10.1183/09031936.05.00034905",
    ),
}

_INSTRUMENTS: Mapping[str, Calculator] = {
    "mrss": Calculator(
        lambda **areas: derive_mrss(areas),
        dict.fromkeys(MRSS_AREAS, _GRADED),
        _SCORE,
        "Khanna 2017, doi 10.5301/jsrd.5000231",
    ),
    "acr_eular_2013": Calculator(
        _classify,
        {
            "proximal_skin": _BOOLEAN,
            "fingers": _CHOICE,
            "fingertips": _CHOICE,
            "telangiectasia": _BOOLEAN,
            "nailfold": _BOOLEAN,
            "lung": _BOOLEAN,
            "raynaud": _BOOLEAN,
            "antibody": _BOOLEAN,
        },
        _SCORE,
        "van den Hoogen 2013, doi 10.1136/annrheumdis-2013-204424",
    ),
    "eustar_activity_2017": Calculator(
        derive_eustar_activity_2017,
        {
            "is_skin_worse": _BOOLEAN,
            "has_digital_ulcers": _BOOLEAN,
            "mrss": _number("", MRSS),
            "has_friction_rubs": _BOOLEAN,
            "crp_mg_l": _number("mg/L", CRP_MG_L),
            "dlco_percent": _number("%", PERCENT_PREDICTED),
        },
        _SCORE,
        "Valentini 2017, doi 10.1136/annrheumdis-2016-209768",
    ),
    "haq_category": Calculator(
        lambda *, score, is_aided: derive_haq_category([score], is_aided=is_aided),
        {"score": _GRADED, "is_aided": _BOOLEAN},
        _SCORE,
        "Fries 1980, doi 10.1002/art.1780230202",
    ),
    "haq_di": Calculator(
        lambda **categories: derive_haq_di(categories),
        dict.fromkeys(HAQ_CATEGORIES, _GRADED),
        _SCORE,
        "Fries 1980, doi 10.1002/art.1780230202",
    ),
    "acr_criss_2016": Calculator(
        _score_response,
        {
            "organ_event": _BOOLEAN,
            **{f"{n}_{when}": p for when in ("before", "after") for n, p in _MEASURES.items()},
        },
        _SCORE,
        "Khanna 2016, doi 10.1002/art.39501",
    ),
}

_ALL: Mapping[str, Calculator] = {
    **_BODY,
    **_INSTRUMENTS,
    **{
        name: calculator
        for gli_set, chosen in GLI_SETS.items()
        for name, calculator in _gli_calculators(gli_set, chosen).items()
    },
    **{
        f"ctcae_{version[0]}_{term}": _ctcae_calculator(version, term, rule)
        for version, terms in CTCAE.items()
        for term, rule in terms.items()
    },
}


def _in_order(calculator: Calculator) -> _Signature:
    """As the language calls it: arguments by their place."""

    def call(*arguments: Any) -> Any:
        return calculator.call(**dict(zip(calculator.takes, arguments, strict=True)))

    takes: list[_Type] = [(p.kind, p.unit) for p in calculator.takes.values()]
    return call, tuple(takes), calculator.gives


CALCULATORS: Mapping[str, _Signature] = {name: _in_order(c) for name, c in _ALL.items()}
"""`name: (callable, ((kind, unit), ...), (kind, unit))`. Arguments have the order of `takes`; an
argument that is not known makes the result unknown. `dlco_corrected` is for 15 years and over. The
names carry the GLI set or the version of CTCAE, so that one which is not here is an error before
there are any data. All rise or fall in each argument, a prediction by GLI as good as: over a month
of birth its age curve bends by less than 0.001 percentage points beyond the two ends."""

NEEDS_TABLES: frozenset[str] = frozenset(
    name for gli_set, chosen in GLI_SETS.items() for name in _gli_calculators(gli_set, chosen)
)
"""The calculators that give nothing without the optional tables of lung function."""

DOMAINS: Mapping[str, tuple[Domain | None, ...]] = {
    name: tuple(p.domain for p in c.takes.values()) for name, c in _ALL.items()
}
"""For each argument the values for which there is a result, None where it has no such bounds: for
whoever computes the same over columns. Areas and categories are whole numbers."""

SOURCES: Mapping[str, str] = {name: c.source for name, c in _ALL.items()}
"""What each calculator follows."""

"""What criteria measure, by the words they use for it, and the units they write it in."""

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from equipoise.language import find_unit
from equipoise.language.units import UNITS


class RuleValue(Struct, frozen=True):
    """A value that a rule names: a number with its unit, yes or no, a date, a month, the sex."""

    name: str
    type: Literal["number", "boolean", "date", "month", "sex", "age"]
    unit: str
    label: str


BIRTH = RuleValue("birth_month", "month", "", "Month of birth")
"""Not the day: French rules let a trial record the month and the year alone (CNIL, MR-001)."""


class Proposal(Struct, frozen=True):
    """A rule, the values it names, and whether some of the words are not in it."""

    expression: str
    values: tuple[RuleValue, ...]
    is_partial: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it says all of the words, and they are about one thing."""
        measured = (v for v in self.values if v.type not in ("date", "month"))
        about = {v.name.removesuffix("_upper") for v in measured}
        return not self.is_partial and len(about - {"sex"}) <= 1


class Quantity(Struct, frozen=True):
    """Something measured: its name here, its words, the unit it has where the words give none.

    `unit` is None where a number alone says nothing; `label` is what a form asks for.
    """

    name: str
    words: str
    unit: str | None
    label: str


def _rows(unit: str | None, *rows: tuple[str, str, str]) -> tuple[Quantity, ...]:
    return tuple(Quantity(name, words, unit, label) for name, words, label in rows)


QUANTITIES: tuple[Quantity, ...] = (
    *_rows("years", ("age", r"age[ds]?", "Age")),
    *_rows(
        None,
        (
            "dlco_corrected",
            r"dlco \(?(?:corrected|adjusted) for ha?emoglobin\)?|ha?emoglobin[- ]corrected dlco",
            "DLCO corrected for hemoglobin",
        ),
        (
            "hba1c",
            r"hb ?a1c|ha?emoglobin a1c|glycated ha?emoglobin|glycosylated ha?emoglobin",
            "HbA1c",
        ),
        ("hemoglobin", r"ha?emoglobin|hgb|hb|an[a]?emia", "Hemoglobin"),
        ("hematocrit", r"ha?ematocrit|hct", "Hematocrit"),
        (
            "neutrophils",
            r"absolute (?:neutrophil|granulocyte) counts?|neutrophil counts?|neutrophils?"
            r"|granulocyte count|anc|neutropenia",
            "Neutrophils",
        ),
        (
            "platelets",
            r"platelet counts?|platelets?|plt|thrombocyte counts?|thrombocytes|thrombocytopenia"
            r"|thrombopenia",
            "Platelets",
        ),
        (
            "lymphocytes",
            r"absolute lymphocyte count|lymphocyte counts?|lymphocytes|lymphopenia",
            "Lymphocytes",
        ),
        (
            "leukocytes",
            r"white blood cell counts?|white blood cells?|white cell count|wbc(?: count)?"
            r"|leu[ck]ocytes?(?: counts?)?|leu[ck]openia",
            "Leukocytes",
        ),
        ("eosinophils", r"(?:blood )?eosinophil counts?|(?:blood )?eosinophils", "Eosinophils"),
        ("cd4", r"cd4\+?(?: t[- ]cell| cell| lymphocyte)?(?: counts?)?", "CD4 cells"),
        ("crp", r"c[- ]?reactive protein|crp|hs-?crp", "C-reactive protein"),
        ("albumin", r"albumin", "Albumin"),
        ("ferritin", r"ferritin", "Ferritin"),
        ("glucose", r"(?:blood |plasma )?glucose|fpg", "Glucose"),
        (
            "ldl",
            r"ldl[- ]?(?:c|cholesterol)?|low[- ]density lipoprotein(?: cholesterol)?",
            "LDL cholesterol",
        ),
        ("triglycerides", r"triglycerides?", "Triglycerides"),
        ("cholesterol", r"total cholesterol", "Total cholesterol"),
        ("potassium", r"potassium", "Potassium"),
        ("sodium", r"sodium", "Sodium"),
        ("calcium", r"(?:corrected )?calcium", "Calcium"),
        ("uric_acid", r"uric acid|urate", "Uric acid"),
        (
            "creatinine_clearance",
            r"(?:estimated |calculated )?creatinine clearance|crcl|ccr|clcr",
            "Creatinine clearance",
        ),
        ("creatinine", r"creatinine(?: levels?)?", "Creatinine"),
        ("bilirubin", r"(?:total )?bilirubin", "Bilirubin"),
        (
            "gfr",
            r"(?:estimated )?(?:glomerular )?filtration(?: rate)?|e?gfr",
            "Glomerular filtration rate",
        ),
        (
            "ast",
            r"aspartate (?:amino)?transaminase|aspartate aminotransferase|ast|asat|sgot",
            "AST",
        ),
        ("alt", r"alanine (?:amino)?transaminase|alanine aminotransferase|alt|alat|sgpt", "ALT"),
        ("alp", r"alkaline phosphatase|alp", "Alkaline phosphatase"),
        ("ldh", r"lactate dehydrogenase|ldh", "Lactate dehydrogenase"),
        ("ck", r"creatine (?:phospho)?kinase|cpk|ck", "Creatine kinase"),
        ("lipase", r"lipase", "Lipase"),
        ("amylase", r"amylase", "Amylase"),
        ("troponin", r"troponin(?: [it])?", "Troponin"),
        ("bmi", r"body[- ]mass[- ]index|bmi|quetelet index", "Body mass index"),
        ("weight", r"body ?weight|weight", "Weight"),
        ("height", r"height", "Height"),
        ("waist", r"waist circumference", "Waist circumference"),
        ("lvef", r"left ventricular ejection fraction|lvef|ejection fraction", "Ejection fraction"),
        ("fvc", r"(?:forced )?vital capacity|fvc", "FVC"),
        (
            "fev1_fvc",
            r"fev ?1/fvc(?: ratio)?",
            "FEV1/FVC",
        ),
        ("fev1", r"forced expiratory volume in (?:one|1) second|fev ?1", "FEV1"),
        (
            "dlco",
            r"(?:lung )?diffusi(?:on|ng) capacity(?: of the lungs?)?(?: for carbon monoxide)?|dlco"
            r"|carbon monoxide diffusion|tlco|diffusion",
            "DLCO",
        ),
        (
            "spap",
            r"(?:resting )?systolic pulmonary arter(?:y|ial) pressures?|s?pasp|spap"
            r"|pulmonary pressure",
            "Systolic pulmonary arterial pressure",
        ),
        (
            "mpap",
            r"mean pulmonary arter(?:y|ial) pressures?|mpap",
            "Mean pulmonary arterial pressure",
        ),
        ("systolic_pressure", r"systolic(?: blood pressure| bp)?|sbp", "Systolic blood pressure"),
        (
            "diastolic_pressure",
            r"diastolic(?: blood pressure| bp)?|dbp",
            "Diastolic blood pressure",
        ),
        ("heart_rate", r"heart rate|pulse(?: rate)?|bradycardia|tachycardia", "Heart rate"),
        (
            "oxygen_saturation",
            r"(?:peripheral )?oxygen saturation|spo2|sao2|o2 saturation",
            "Oxygen saturation",
        ),
        ("temperature", r"(?:body )?temperature|fever", "Temperature"),
        ("qtc", r"qtc[fb]?(?: interval)?|corrected qt(?: interval)?", "QTc"),
        (
            "life_expectancy",
            r"life expectancy|expected survival|estimated survival",
            "Life expectancy",
        ),
        (
            "disease_duration",
            r"disease duration|duration of (?:the )?disease"
            r"|since (?:the )?(?:disease )?onset",
            "Disease duration",
        ),
        ("gestational_age", r"gestational age|gestation", "Gestational age"),
        (
            "walk_distance",
            r"(?:6|six)[- ]minute[- ]walk(?:ing)?(?: test)?(?: distance)?|6mwd|6mwt",
            "Walk distance",
        ),
        (
            "body_surface_involved",
            r"body surface area(?: \(bsa\))?(?: of \w+)? involvement",
            "Body surface involved",
        ),
    ),
    *_rows(
        "",
        (
            "ecog",
            r"(?:ecog|eastern cooperative oncology group)(?: \(ecog\))?(?: performance status| ps)?"
            r"|zubrod(?: performance status)?|who performance status",
            "ECOG performance status",
        ),
        ("mmse", r"mini[- ]mental state exam(?:ination)?|mmse", "MMSE"),
        ("mrss", r"modified rodnan skin score|mrss|skin score", "Modified Rodnan skin score"),
        ("easi", r"eczema area and severity index|easi", "EASI"),
        ("iga", r"investigator'?s'? global assessment|iga", "IGA"),
        ("pasi", r"psoriasis area and severity index|pasi", "PASI"),
        ("das28", r"das ?28(?:[- ]crp|[- ]esr)?", "DAS28"),
        ("inr", r"international normali[sz]ed ratio|inr", "INR"),
        ("child_pugh", r"child[- ]pugh", "Child-Pugh score"),
        ("apache", r"apache ii", "APACHE II"),
        ("hads", r"hads", "HADS"),
        ("phq9", r"phq[- ]?9", "PHQ-9"),
        ("pain", r"(?:vas|visual analog(?:ue)? scale|pain intensity|nrs)(?: pain)?", "Pain"),
        ("edss", r"expanded disability status scale|edss", "EDSS"),
        ("nihss", r"nihss|nih stroke scale", "NIHSS"),
    ),
    *_rows(
        "%",
        (
            "karnofsky",
            r"karnofsky(?: performance status| performance score| index)?|kps",
            "Karnofsky index",
        ),
    ),
)
BY_NAME: Mapping[str, Quantity] = {quantity.name: quantity for quantity in QUANTITIES}
_MASS = ("hemoglobin", "crp", "albumin", "ferritin", "glucose", "ldl", "triglycerides")
_ALSO_MASS = ("cholesterol", "creatinine", "bilirubin", "calcium", "uric_acid", "troponin")
_COUNTS = ("neutrophils", "platelets", "lymphocytes", "leukocytes", "eosinophils", "cd4")
_SUFFIX = {
    "amount concentration": "molar",
    "indexed flow": "indexed",
    "mass concentration": "mass",
    "percentage": "percent",
    "number concentration": "count",
    "multiple of the upper limit of normal": "uln",
}
_FAMILIES: Mapping[str, str] = {
    **dict.fromkeys((*_MASS, *_ALSO_MASS), "mass concentration"),
    **dict.fromkeys(_COUNTS, "number concentration"),
    **dict.fromkeys(("potassium", "sodium"), "amount concentration"),
    **dict.fromkeys(("ast", "alt", "alp", "ldh", "ck", "lipase", "amylase"), "enzyme activity"),
    **dict.fromkeys(("gfr", "creatinine_clearance"), "flow"),
    **dict.fromkeys(("hba1c", "lvef", "fvc", "fev1", "fev1_fvc", "hematocrit"), "percentage"),
    **dict.fromkeys(("dlco", "dlco_corrected", "oxygen_saturation"), "percentage"),
    **dict.fromkeys(("karnofsky", "body_surface_involved"), "percentage"),
    **dict.fromkeys(("spap", "mpap", "systolic_pressure", "diastolic_pressure"), "pressure"),
    **dict.fromkeys(("age", "life_expectancy", "disease_duration", "gestational_age"), "time"),
    "qtc": "time",
    "bmi": "mass per area",
    "weight": "mass",
    **dict.fromkeys(("height", "waist", "walk_distance"), "length"),
    "heart_rate": "rate",
    "temperature": "temperature",
}
_OTHERS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (*_MASS, *_ALSO_MASS), ("amount concentration", "multiple of the upper limit of normal")
    ),
    **dict.fromkeys(("eosinophils", "neutrophils", "lymphocytes"), ("percentage",)),
    **dict.fromkeys(("gfr", "creatinine_clearance"), ("indexed flow",)),
    "hba1c": (),
    "fvc": ("volume",),
    "fev1": ("volume",),
}
_DEFAULT_UNITS = {
    "mass concentration": "mg/dL",
    "amount concentration": "mmol/L",
    "enzyme activity": "U/L",
}
"""Units in which a value is asked for where the record only gives a multiple of its limit."""


def name_in(quantity: Quantity, unit: str) -> str | None:
    """The name of a quantity measured in a unit; None if it is never measured so.

    Quantities that do not convert into one another have names of their own.
    """
    if not unit:
        return quantity.name if quantity.unit == "" else None
    found = UNITS[unit].quantity
    own = _FAMILIES.get(quantity.name)
    if own == found:
        return quantity.name
    if found in _OTHERS.get(quantity.name, ()):
        return f"{quantity.name}_{_SUFFIX.get(found, found.replace(' ', '_'))}"
    return None


def default_unit(name: str) -> str:
    """The unit that a quantity is asked for in beside its upper limit of normal."""
    return _DEFAULT_UNITS.get(_FAMILIES.get(name, ""), "")


_MICROLITER = r"ul|mcl|mm3|cu\.? ?mm|cubic (?:mm|milli ?met(?:er|re))|microlit(?:er|re)"
_SPELLINGS: Mapping[str, str] = {
    r"(?:[x×*] ?)?10(?:\^|\*\*|\*|e|\()?\^?9\)? ?/ ?l": "10^9/L",
    r"giga ?/ ?l": "10^9/L",
    rf"(?:[x×*] ?)?(?:10(?:\^|\*\*|\*|e|\()?3\)?|k|thousand) ?/ ?(?:{_MICROLITER})": "10^3/uL",
    rf"(?:cells? ?)?(?:/ ?|per )(?:{_MICROLITER})": "10^6/L",
    r"ml ?/ ?min(?:ute)? ?(?:/|per) ?1[.,]73 ?m2": "mL/min/1.73m2",
    r"ml ?(?:/|per) ?min(?:ute)?": "mL/min",
    r"kg ?/ ?m2": "kg/m2",
    r"g ?/ ?dl|gm/dl|g%": "g/dL",
    r"mg ?/ ?dl|mg%": "mg/dL",
    r"g ?/ ?l": "g/L",
    r"mg ?/ ?l": "mg/L",
    r"(?:ug|mcg) ?/ ?l": "ug/L",
    r"ng ?/ ?ml": "ng/mL",
    r"mmol ?/ ?l": "mmol/L",
    r"(?:umol|micromol(?:es)?) ?/ ?l": "umol/L",
    r"(?:i?u|ui|units) ?/ ?l": "U/L",
    r"mm ?hg": "mmHg",
    r"kpa": "kPa",
    r"%|percent|per cent": "%",
    r"years?|yrs?|y\.?o\.?": "years",
    r"months?|mos?": "months",
    r"weeks?|wks?": "weeks",
    r"days?": "days",
    r"hours?|hrs?": "hours",
    r"(?:beats|bpm)(?: ?(?:/|per) ?min(?:ute)?)?|bpm": "bpm",
    r"ms(?:ec)?|milliseconds?": "ms",
    r"kgs?|kilograms?": "kg",
    r"cm": "cm",
    r"met(?:er|re)s?|m": "m",
    r"(?:°|º|degrees?) ?c(?:elsius)?": "°C",
    r"points?": "",
    r"lit(?:er|re)s?|l": "L",
}
UNIT_WORDS = "|".join(f"(?:{words})" for words in _SPELLINGS)


def read_unit(text: str) -> str | None:
    """The language's unit for the words of a record; None if it has none."""
    plain = text.strip().lower()
    for words, symbol in _SPELLINGS.items():
        if re.fullmatch(words, plain):
            return symbol and find_unit(symbol)
    return None

"""The registry's words for the codes of CDISC terminology that a USDM study is written in.

Each word has its NCI codes and the shape of the decoded words by which it is known otherwise.
"""

from collections.abc import Mapping

Words = Mapping[str, tuple[tuple[str, ...], str]]

PHASE_WORDS: Words = {
    "PHASE1/PHASE2": (("C15693",), r"\bphase (i/ii|1/2|i-ii|1-2)\b"),
    "PHASE2/PHASE3": (("C15694",), r"\bphase (ii/iii|2/3|ii-iii|2-3)\b"),
    "EARLY_PHASE1": (("C54721",), r"\b(early phase (i|1)|phase 0)\b"),
    "PHASE1": (("C15600", "C199990", "C199989"), r"\bphase (i|1)[ab]?\b(?! ?/)"),
    "PHASE2": (("C15601", "C49686", "C49688"), r"\bphase (ii|2)[ab]?\b(?! ?/)"),
    "PHASE3": (("C15602", "C49687", "C49689"), r"\bphase (iii|3)[ab]?\b(?! ?/)"),
    "PHASE4": (("C15603",), r"\bphase (iv|4)\b"),
    "NA": (("C48660",), r"\bnot applicable\b|^n/?a$"),
}
MODEL_WORDS: Words = {
    "SINGLE_GROUP": (("C82640",), r"\bsingle[- ]group\b"),
    "PARALLEL": (("C82639",), r"\bparallel\b"),
    "CROSSOVER": (("C82637",), r"\bcross-?over\b"),
    "FACTORIAL": (("C82638",), r"\bfactorial\b"),
    "SEQUENTIAL": ((), r"(?<!group )\bsequential\b"),
    "COHORT": ((), r"\bcohort\b"),
    "CASE_CONTROL": ((), r"\bcase[- ]control\b"),
}
MASKING_WORDS: Words = {
    "NONE": (("C49659",), r"\bopen[- ]label\b(?!.*\bblind)|\bunblinded\b|^none\b"),
    "SINGLE": (("C28233",), r"\bsingle[- ](blind|mask)"),
    "DOUBLE": (("C15228",), r"\bdouble[- ](blind|mask)"),
    "TRIPLE": ((), r"\btriple[- ](blind|mask)"),
    "QUADRUPLE": ((), r"\bquadruple[- ](blind|mask)"),
}
PURPOSE_WORDS: Words = {
    "TREATMENT": (("C49656",), r"\btreatment\b"),
    "PREVENTION": (("C49657",), r"\bprevent"),
    "DIAGNOSTIC": (("C49653",), r"\bdiagnos"),
    "SUPPORTIVE_CARE": (("C71486",), r"\bsupportive\b"),
    "SCREENING": (("C71485",), r"\bscreening\b"),
    "HEALTH_SERVICES_RESEARCH": (("C15245",), r"\bhealth services\b"),
    "BASIC_SCIENCE": (("C15714",), r"\bbasic (science|research)\b"),
    "DEVICE_FEASIBILITY": (("C139174",), r"\bfeasibility\b"),
}
ARM_WORDS: Words = {
    "PLACEBO_COMPARATOR": (("C174268",), r"\bplacebo\b"),
    "SHAM_COMPARATOR": (("C174269",), r"\bsham\b"),
    "ACTIVE_COMPARATOR": (("C174267",), r"\bactive comparator\b|\bactive control\b"),
    "NO_INTERVENTION": (("C174270",), r"\bno (intervention|treatment)\b"),
    "EXPERIMENTAL": (("C174266",), r"\b(investigational|experimental|treatment) arm\b"),
}
TYPE_WORDS: Words = {
    "INTERVENTIONAL": (("C98388",), r"(?<!non-)(?<!non)\binterventional\b"),
    "OBSERVATIONAL": (("C16084",), r"\b(non-?interventional|observational)\b"),
    "EXPANDED_ACCESS": (("C98722",), r"\bexpanded access\b"),
}
ROLE_WORDS: Mapping[str, str] = {
    "participant": r"\b(participant|subject|patient)\b",
    "investigator": r"\binvestigator\b",
    "outcome_assessor": r"\b(outcomes? assessor|assessor|evaluator)\b",
}

"""The words of an explanation, in both languages."""

from collections.abc import Mapping
from difflib import get_close_matches

from equipoise.language.values import ReasonKind
from equipoise.problems import Text

WORDS: Mapping[str, Text] = {
    "unknown": Text("cannot tell", "indéterminé"),
    "all": Text("all of", "toutes ces conditions"),
    "any": Text("at least one of", "au moins une de ces conditions"),
    "none": Text("none of", "aucune de ces conditions"),
    "at_least": Text("at least {} of", "au moins {} de ces conditions"),
    "judgement": Text("judgement", "appréciation"),
    "attest": Text("attested where it is not precise enough", "attesté là où c'est trop imprécis"),
    "gap": Text("not in the record", "absent du registre"),
    "when": Text("applies if", "s'applique si"),
    "entry": Text("entry", "entrée"),
    "colon": Text(": ", "\u00a0: "),
}

REASONS: Mapping[ReasonKind, Text] = {
    "missing": Text("missing", "manquant"),
    "stale": Text("too old", "trop ancien"),
    "conflicting": Text("conflicting values", "valeurs contradictoires"),
    "unit_unknown": Text("unit does not fit", "unité incompatible"),
    "implausible": Text("not plausible", "invraisemblable"),
    "ambiguous": Text("not precise enough", "trop imprécis"),
    "awaiting_judgement": Text("awaiting a judgement", "en attente d'une appréciation"),
    "not_in_source": Text("not in the record", "absent du registre"),
    "undefined": Text("not defined", "non défini"),
}

KINDS: Mapping[str, Text] = {
    "number": Text("a number", "un nombre"),
    "boolean": Text("yes or no", "oui ou non"),
    "choice": Text("a choice", "un choix"),
    "text": Text("text", "du texte"),
    "date": Text("a day", "un jour"),
    "any": Text("any value", "une valeur quelconque"),
}


def nearest(name: str, known: Mapping[str, object]) -> str:
    """The known names that a name most resembles."""
    return ", ".join(get_close_matches(name, known, n=3, cutoff=0)) or "–"

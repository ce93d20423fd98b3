"""The words themselves: templates in both languages.

French says "Hémoglobine : moins de 11 g/dL": a form that never has to agree with a label whose
gender and number nobody knows. English follows, so that "Neutrophils: below 1" is right too.
"""

from collections.abc import Mapping

from equipoise.problems import Text

NUMBERS: Mapping[str, Text] = {
    "<": Text("below {0}", "moins de {0}"),
    "<=": Text("at most {0}", "au plus {0}"),
    ">": Text("above {0}", "plus de {0}"),
    ">=": Text("at least {0}", "au moins {0}"),
    "=": Text("{0}", "{0}"),
    "!=": Text("other than {0}", "autre que {0}"),
}
DAYS: Mapping[str, Text] = {
    **NUMBERS,
    "<": Text("before {0}", "avant {0}"),
    "<=": Text("no later than {0}", "au plus tard {0}"),
    ">": Text("after {0}", "après {0}"),
    ">=": Text("no earlier than {0}", "au plus tôt {0}"),
}
WITHIN: Mapping[str, Text] = {
    "before": Text("at most {0} before {1}", "au plus {0} avant {1}"),
    "after": Text("at most {0} after {1}", "au plus {0} après {1}"),
    "of": Text("at most {0} before or after {1}", "au plus {0} avant ou après {1}"),
}
JOINS: Mapping[str, Text] = {
    "all": Text("all of: {0}", "toutes ces conditions : {0}"),
    "any": Text("at least one of: {0}", "au moins une de ces conditions : {0}"),
    "none": Text("none of: {0}", "aucune de ces conditions : {0}"),
    "at_least": Text("at least {1} of: {0}", "au moins {1} de ces conditions : {0}"),
}
PAIRS: Mapping[str, Text] = {
    "all": Text("{0}, and {1}", "{0}, et {1}"),
    "any": Text("{0}, or {1}", "{0}, ou {1}"),
}
OTHER: Mapping[str, Text] = {
    "is": Text("{0}: {1}", "{0} : {1}"),
    "yes": Text("yes", "oui"),
    "no": Text("no", "non"),
    "always": Text("always", "toujours"),
    "never": Text("never", "jamais"),
    "known": Text("value known", "valeur connue"),
    "unknown": Text("value not known", "valeur inconnue"),
    "or": Text(" or ", " ou "),
    "and": Text(" and ", " et "),
    "nor": Text(" nor ", " ni "),
    "neither": Text("neither {0}", "ni {0}"),
    "from_to": Text("from {0} to {1}", "de {0} à {1}"),
    "from_day": Text("from {0} to {1}", "du {0} au {1}"),
    "not": Text("not the case: {0}", "pas le cas : {0}"),
    "times": Text("{0} times {1}", "{0} fois {1}"),
    "quoted": Text("“{0}”", "« {0} »"),
    "day": Text("{0}", "le {0}"),
    "month": Text("the month of {0}", "le mois de {0}"),
    "named_day": Text("the day {0}", "le jour {0}"),
    "if": Text("if {0}, then {1}", "si {0}, alors {1}"),
    "otherwise": Text("otherwise {0}", "sinon {0}"),
}
FUNCTIONS: Mapping[str, Text] = {
    "sum": Text("sum of ({all})", "somme de ({all})"),
    "min": Text("lowest of ({all})", "plus petite valeur parmi ({all})"),
    "max": Text("highest of ({all})", "plus grande valeur parmi ({all})"),
    "mean": Text("mean of ({all})", "moyenne de ({all})"),
    "abs": Text("absolute value of ({all})", "valeur absolue de ({all})"),
    "round": Text("rounding of ({all})", "arrondi de ({all})"),
    "count": Text(
        "number of these that are true ({all})", "nombre de conditions vraies parmi ({all})"
    ),
    "points": Text("points for ({all})", "points pour ({all})"),
    "years_between": Text("years between ({all})", "années entre ({all})"),
    "age": Text("age from {all}", "âge d'après {all}"),
    "years_since": Text("years since {all}", "années depuis {all}"),
    "days_since": Text("days since {all}", "jours depuis {all}"),
    "first": Text("first value of {all}", "première valeur de « {all} »"),
    "latest": Text("latest value of {all}", "dernière valeur de « {all} »"),
    "previous": Text("previous value of {all}", "valeur précédente de « {all} »"),
    "worst": Text("worst value of {all}", "pire valeur de « {all} »"),
    "highest": Text("highest value of {all}", "plus haute valeur de « {all} »"),
    "lowest": Text("lowest value of {all}", "plus basse valeur de « {all} »"),
    "average": Text("mean of the values of {all}", "moyenne des valeurs de « {all} »"),
    "how many": Text("number of values of {all}", "nombre de valeurs de « {all} »"),
    "change": Text(
        "change from baseline of {all}", "variation par rapport à la valeur initiale de « {all} »"
    ),
}
"""Calls by the function's name; those over the visits by what `VISITS` makes of it."""

VISITS: Mapping[str, str] = {
    "first of": "first",
    "latest of": "latest",
    "previous of": "previous",
    "worst of": "worst",
    "max of": "highest",
    "min of": "lowest",
    "mean of": "average",
    "count of": "how many",
    "change from baseline of": "change",
}

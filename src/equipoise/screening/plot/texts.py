"""The words of the plot of a funnel."""

from collections.abc import Mapping

from equipoise.problems import Language

Words = Mapping[str, str]

TEXTS: Mapping[Language, Words] = {
    "en": {
        "title": "Who may take part, and where the others are lost",
        "summary": "{people} people: {eligible} eligible, {not_eligible} not eligible, "
        "{undecided} undecided, {potential} waiting for a judgement.",
        "in order": "In the order of the record: each criterion for whom none before excludes",
        "alone": "Each criterion alone, the one that excludes most people first",
        "hidden order": "The steps are not shown: one of them counts fewer than {least} people.",
        "hint": "Point at a bar for its figures; click a word of the legend to single it out.",
        "suppressed": "Counts between 1 and {most} are hidden.",
        "criterion": "Criterion",
        "text": "What it says",
        "legend": "Answer",
        "people": "People",
        "share": "Of all people",
        "because": "Unknown because",
        "failed": "excluded",
        "unknown": "unknown",
        "passed": "passed",
        "hidden": "hidden",
        "thousands": ",",
        "decimal": ".",
    },
    "fr": {
        "title": "Qui peut participer, et où les autres sont perdus",
        "summary": "{people} personnes : {eligible} éligibles, {not_eligible} non éligibles, "
        "{undecided} indéterminées, {potential} en attente d'une appréciation.",
        "in order": "Dans l'ordre du registre : chaque critère pour qui n'est pas déjà exclu",
        "alone": "Chaque critère seul, celui qui exclut le plus de personnes en premier",
        "hidden order": "Étapes non affichées : l'une d'elles compte moins de {least} personnes.",
        "hint": "Pointez une barre pour ses chiffres ; cliquez un mot de la légende pour l'isoler.",
        "suppressed": "Les effectifs de 1 à {most} sont masqués.",
        "criterion": "Critère",
        "text": "Énoncé",
        "legend": "Réponse",
        "people": "Personnes",
        "share": "De toutes les personnes",
        "because": "Inconnu car",
        "failed": "exclues",
        "unknown": "inconnu",
        "passed": "retenues",
        "hidden": "masqué",
        "thousands": "\N{NARROW NO-BREAK SPACE}",
        "decimal": ",",
    },
}

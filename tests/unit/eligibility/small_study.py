"""A small study in memory: a few values of every kind, a few criteria of every shape."""

import datetime as dt
from collections.abc import Mapping

from equipoise.eligibility import Answer, Observation, Verdict, assess_eligibility
from equipoise.problems import Text
from equipoise.study.criteria import Criterion, Eligibility, Judgement, Rule, ValueDefinition
from equipoise.study.forms import Derivation, Form, Item
from equipoise.study.protocol import Identity
from equipoise.study.roles import Role
from equipoise.study.study import Study

REFERENCE = dt.date(2026, 3, 27)
FORMS = {
    "lab": Form(
        form="lab",
        title=Text("Laboratory"),
        by=(Role.COORDINATOR,),
        items={
            "hb": Item(label=Text("Hb"), type="number", unit="g/dL"),
            "crp": Item(label=Text("CRP"), type="number", unit="mg/L"),
            "weight": Item(label=Text("Weight"), type="number", unit="kg"),
            "height": Item(label=Text("Height"), type="number", unit="cm"),
        },
    ),
    "history": Form(
        form="history",
        title=Text("History"),
        by=(Role.INVESTIGATOR,),
        items={
            "born": Item(label=Text("Born"), type="month"),
            "sex": Item(
                label=Text("Sex"),
                type="choice",
                choices={"female": Text("F"), "male": Text("M")},
            ),
            "fertile": Item(label=Text("Fertile"), type="boolean"),
            "method": Item(
                label=Text("Method"),
                type="choice",
                choices={"good": Text("Good"), "bad": Text("Bad")},
            ),
            "onset": Item(label=Text("Onset"), type="month"),
            "face": Item(label=Text("Face"), type="scale", range=(0, 3)),
            "hand": Item(label=Text("Hand"), type="scale", range=(0, 3)),
        },
        derive={"skin": Derivation(label=Text("Skin"), value="sum(face, hand)", unit="points")},
    ),
}
VALUES = {
    "hb": ValueDefinition(from_="lab.hb", unit="g/L", plausible=(20, 250), within_days=28),
    "crp": ValueDefinition(from_="lab.crp", unit="mg/L", pick="first"),
    "weight": ValueDefinition(from_="lab.weight", unit="kg"),
    "height": ValueDefinition(from_="lab.height", unit="cm"),
    "bmi": ValueDefinition(value="bmi(weight, height)", unit="kg/m^2", plausible=(8, 90)),
    "born": ValueDefinition(from_="history.born"),
    "age": ValueDefinition(value="age(born)", unit="years", plausible=(0, 110)),
    "onset": ValueDefinition(from_="history.onset"),
    "duration": ValueDefinition(value="years_since(onset)", unit="years", plausible=(0, 70)),
    "sex": ValueDefinition(from_="history.sex"),
    "fertile": ValueDefinition(from_="history.fertile"),
    "method": ValueDefinition(from_="history.method"),
}


def judged(*by: Role, valid_days: int | None = None) -> Judgement:
    return Judgement(ask=Text("Is it so?"), by=by or (Role.INVESTIGATOR,), valid_days=valid_days)


INCLUSION = (
    Criterion(number="1", gap="The list starts at 2."),
    Criterion(number="2", is_="18 years <= age <= 70 years"),
    Criterion(
        number="3",
        any_=(
            Rule(
                id="3a", all_=("duration <= 2 years", Rule(any_=("crp > 5 mg/L", "hb < 11 g/dL")))
            ),
            Rule(id="3b", none_=("history.skin < 4 points",)),
            Rule(id="3c", judgement=judged()),
        ),
    ),
    Criterion(number="4", when="sex = female and fertile", is_="method = good"),
)
EXCLUSION = (
    Criterion(number="1", gap="The list starts at 2.", assume="not_applicable"),
    Criterion(number="2", is_="bmi < 16.5 kg/m2"),
    Criterion(number="3", when="fertile", any_=("method = bad",)),
    Criterion(number="4", judgement=judged(valid_days=28)),
)


def study(
    inclusion: tuple[Criterion, ...] = INCLUSION,
    exclusion: tuple[Criterion, ...] = EXCLUSION,
    values: Mapping[str, ValueDefinition] = VALUES,
) -> Study:
    return Study(
        identity=Identity(study="small", title=Text("Small")),
        eligibility=Eligibility(values=values, inclusion=inclusion, exclusion=exclusion),
        forms=FORMS,
        digest="0" * 64,
    )


def only(rule: str, **values: ValueDefinition) -> Study:
    """A study with one inclusion."""
    return study((Criterion(number="1", is_=rule),), (), {**VALUES, **values})


def observed(path: str, value: object, *, on: dt.date = REFERENCE, unit: str = "") -> Observation:
    form, item = path.split(".")
    defined = FORMS[form].items.get(item)
    return Observation(
        form=form,
        item=item,
        encounter="screening",
        value=value,  # type: ignore[arg-type]
        unit=unit or (defined.unit if defined else FORMS[form].derive[item].unit),
        on=on,
        entry=f"01:{path}",
    )


def answered(
    rule: str, is_true: bool, *, on: dt.date = REFERENCE, role: str = "investigator"
) -> Answer:
    return Answer(criterion=rule, is_true=is_true, by="ann", role=role, on=on, entry="01:9")


def assess(
    assessed: Study,
    *observations: Observation,
    answers: tuple[Answer, ...] = (),
    on: dt.date = REFERENCE,
    **values: object,
) -> Verdict:
    """The verdict; keyword values are observations of today, as `history__sex="female"`."""
    given = [*observations, *(observed(k.replace("__", "."), v) for k, v in values.items())]
    found: dict[str, list[Observation]] = {}
    for observation in given:
        found.setdefault(f"{observation.form}.{observation.item}", []).append(observation)
    return assess_eligibility(
        assessed,
        observations=found,
        answers={a.criterion: a for a in answers},
        reference_on=on,
    )

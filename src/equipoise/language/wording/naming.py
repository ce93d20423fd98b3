"""What people call the names of expressions; whoever knows the study hands it over."""

from collections.abc import Mapping

from msgspec import Struct

from equipoise.language.functions import Kind
from equipoise.problems import Language, Text


class Named(Struct, frozen=True):
    """One value: its label, the labels of its choices by code, and the form that it stands on."""

    label: Text
    kind: Kind = "any"
    choices: Mapping[str, Text] = {}
    form: Text | None = None


class Names(Struct, frozen=True):
    """Labels of values (and of `form.item`), of rules by their id, and of functions.

    A name without a label is said as it is written.
    """

    values: Mapping[str, Named] = {}
    rules: Mapping[str, Text] = {}
    functions: Mapping[str, Text] = {}

    def label(self, name: str, language: Language) -> str:
        """What a value is called."""
        named = self.values.get(name)
        return named.label.say(language) if named else name

    def choice(self, name: str, code: str, language: Language) -> str:
        """What a choice of a value is called; its code where it has no label."""
        named = self.values.get(name)
        text = named.choices.get(code) if named else None
        return text.say(language) if text else code

    def kind(self, name: str) -> Kind:
        """What sort of value a name has, as far as anybody said."""
        named = self.values.get(name)
        return named.kind if named else "any"

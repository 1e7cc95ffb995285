"""Nodes read as facts by the table of kinds: unknown keys, missing keys, defaults, nesting."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from fhirkit.convert.absent import absent
from fhirkit.convert.model import Fact
from fhirkit.convert.read.nodes import Mapping, Scalar
from fhirkit.convert.values import ByPoint, each

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from fhirkit.convert.read.nodes import Node
    from fhirkit.convert.reading import Reading
    from fhirkit.convert.shape import Kind

_ALIKE = 0.75


class Items:
    """Facts inside a fact: one, or a list of them (``many``), each a mapping or its short form."""

    def __init__(self, kind: Kind, *, many: bool = True, absentable: bool = False) -> None:
        self.kind = kind
        self.many = many
        self._absentable = absentable
        form = f"a mapping of {', '.join(kind.keys)}"
        if kind.short is not None:
            form = f"text, or {form}"
        self.expects = f"{form}; or a list of such" if many else form

    def read(self, node: Node, reading: Reading) -> Any:
        """The facts; one fact (or why it is missing) where there is only one."""
        if not self.many:
            if self._absentable and isinstance(node, Scalar):
                missing = absent(node.text)
                if missing is not None:
                    return missing
            return self._one(node, reading)
        found = []
        outer = reading.trail
        for index, part in enumerate(each(node)):
            reading.trail = (*outer[:-1], f"{outer[-1]}[{index}]") if outer else outer
            item = self._one(part, reading)
            if item is not None:
                found.append(item)
        reading.trail = outer
        return found

    def _one(self, node: Node, reading: Reading) -> Fact | None:
        if isinstance(node, Mapping):
            fact = Fact(self.kind, "", None, node)
            read_into(fact, node, reading, {})
            return fact
        if self.kind.short is None or not isinstance(node, Scalar):
            reading.wrong_shape(node, self.expects)
            return None
        fact = Fact(self.kind, "", None, node)
        value = self.kind.keys[self.kind.short].type.read(node, reading)
        if value is None:
            return None
        fact.values[self.kind.short] = value
        fact.own = frozenset({self.kind.short})
        if self.kind.check is not None:
            self.kind.check(fact, reading)
        return fact

    def schema(self) -> dict[str, Any]:
        """An object of the kind's keys, or its short form."""
        item = schema_of(self.kind)
        if self.kind.short is not None:
            item = {"anyOf": [self.kind.keys[self.kind.short].type.schema(), item]}
        if self._absentable and self.kind.short is None:
            item = {"anyOf": [{"type": "string"}, item]}
        if not self.many:
            return item
        return {"anyOf": [item, {"type": "array", "items": item}]}


def schema_of(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of one fact of a kind."""
    made: dict[str, Any] = {
        "type": "object",
        "description": kind.help,
        "additionalProperties": False,
        "properties": {
            key.name: {**key.type.schema(), "description": key.help} for key in kind.keys.values()
        },
    }
    if kind.required:
        made["required"] = list(kind.required)
    alternatives = [{"anyOf": [{"required": [name]} for name in group]} for group in kind.one_of]
    if alternatives:
        made["allOf"] = alternatives
    return made


def read_kind(kind: Kind, node: Node, reading: Reading) -> tuple[dict[str, Any], list[Fact]]:
    """A kind's own defaults, and its facts with what they wrote themselves."""
    if not isinstance(node, Mapping):
        reading.trail = (kind.name,)
        reading.wrong_shape(node, "a mapping of names to facts")
        return {}, []
    defaults: dict[str, Any] = {}
    facts: list[Fact] = []
    for key, value in node.items():
        reading.trail = (kind.name, key.text)
        role = role_of(kind, key.text, value)
        if role == "defaults" and isinstance(value, Mapping):
            _read_defaults(kind, value, reading, defaults)
        elif role == "default":
            reading.trail = (kind.name, key.text)
            read = kind.keys[key.text].type.read(value, reading)
            if read is not None:
                defaults[key.text] = read
        elif role == "fact":
            facts.append(Fact(kind, key.text, key, value))
        elif role == "typo":
            reading.unknown_key(key, kind.keys, kind.name)
        else:
            expects = f"a mapping of the keys of {kind.name}"
            reading.wrong_shape(value, expects)
    return defaults, facts


def role_of(kind: Kind, name: str, node: Node) -> str:
    """What an entry of a kind is: ``fact``, ``default`` for all facts, ``defaults``, or trouble.

    A key of the kind that stands among the facts holds for all of them, unless it is a mapping
    where that key takes none: then it is a fact that happens to have that name.
    """
    if name == "defaults":
        return "defaults" if isinstance(node, Mapping) else "shape"
    key = kind.keys.get(name)
    if isinstance(node, Mapping):
        return "default" if key is not None and isinstance(key.type, ByPoint) else "fact"
    if key is not None:
        return "default"
    if isinstance(node, Scalar) and not node.is_null:
        if get_close_matches(name, kind.keys, n=1, cutoff=_ALIKE):
            return "typo"
        if kind.short is not None:
            return "fact"
    return "shape"


def fact_names(kind: Kind, node: Node) -> Iterator[tuple[str, Scalar]]:
    """The names of the facts of a kind, before any of them is read."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if role_of(kind, key.text, value) == "fact":
                yield key.text, key


def _read_defaults(kind: Kind, node: Mapping, reading: Reading, defaults: dict[str, Any]) -> None:
    for key, value in node.items():
        reading.trail = (kind.name, "defaults", key.text)
        known = kind.keys.get(key.text)
        if known is None:
            reading.unknown_key(key, kind.keys, kind.name)
            continue
        read = known.type.read(value, reading)
        if read is not None:
            defaults[key.text] = read


def read_fact(fact: Fact, reading: Reading, defaults: dict[str, Any]) -> None:
    """Read a named fact; ``defaults`` fill the keys it does not write."""
    node = fact.node
    reading.trail = (fact.kind.name, fact.name)
    if isinstance(node, Mapping):
        read_into(fact, node, reading, defaults)
        return
    short = fact.kind.short
    if short is None:
        reading.wrong_shape(node, f"a mapping of the keys of {fact.kind.name}")
        return
    _take(fact, {short: node}, reading, defaults)


def read_into(fact: Fact, node: Mapping, reading: Reading, defaults: dict[str, Any]) -> None:
    """Read the keys of a mapping into a fact and hold it to its kind."""
    given: dict[str, Node] = {}
    meant: set[str] = set()
    for key, value in node.items():
        if key.text in fact.kind.keys:
            given[key.text] = value
        else:
            outer = reading.trail
            reading.trail = (*outer, key.text)
            reading.unknown_key(key, fact.kind.keys, fact.kind.name)
            reading.trail = outer
            meant.update(get_close_matches(key.text, fact.kind.keys, n=1))
    _take(fact, given, reading, defaults, meant)


def _take(
    fact: Fact,
    given: dict[str, Node],
    reading: Reading,
    defaults: dict[str, Any],
    meant: AbstractSet[str] = frozenset(),
) -> None:
    """Read the given keys; ``meant`` are keys that a mistyped one stood for: not missing, too."""
    kind, values, outer = fact.kind, fact.values, reading.trail
    if defaults:
        values.update((name, value) for name, value in defaults.items() if name in kind.keys)
    for name, value in given.items():
        reading.trail = (*outer, name)
        read = kind.keys[name].type.read(value, reading)
        if read is None:
            values.pop(name, None)
        else:
            values[name] = read
    reading.trail = outer
    fact.own = frozenset(given)
    place = fact.key or fact.node
    for name in kind.required:
        if name not in given and name not in values and name not in meant:
            reading.issue("case-missing-key", place, f"`{name}` is missing", _how(kind, name))
    for group in kind.one_of:
        if not any(name in given or name in values or name in meant for name in group):
            keys = " or ".join(f"`{name}`" for name in group)
            reading.issue("case-missing-key", place, f"{keys} is missing")
    _take_basis(fact, reading)
    if kind.check is not None:
        kind.check(fact, reading)


def _how(kind: Kind, name: str) -> str:
    return f"add `{name}:` ({kind.keys[name].type.expects})"


def _take_basis(fact: Fact, reading: Reading) -> None:
    values = fact.values
    fact.quotes = values.get("quote") or ()
    fact.basis = values.get("basis", "stated")
    fact.why = values.get("why")
    fact.at = values.get("at")
    if fact.basis == "assumed":
        place = fact.key or fact.node
        if fact.why is None and "why" not in fact.own:
            reading.issue("case-why", place, "an assumption needs a reason: `why` is missing")
        reading.assumption(place, fact.name or fact.kind.name)

"""How values are written: one class a form, each reading nodes and describing itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from fhirkit.convert.absent import absent
from fhirkit.convert.codes import coding, read_coding
from fhirkit.convert.model import At, Change, Quote
from fhirkit.convert.read.nodes import Mapping, Scalar, Sequence
from fhirkit.convert.reading import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhirkit.convert.read.nodes import Node
    from fhirkit.convert.reading import Reading


def each(node: Node) -> Iterator[Node]:
    """The members of a list, or the one node that is not a list."""
    if isinstance(node, Sequence):
        yield from node
    else:
        yield node


def _many(one: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


class Text:
    """Free text. ``absentable``: may also be a word for missing data."""

    def __init__(self, absentable: bool = False, what: str = "text") -> None:
        self._absentable = absentable
        self.expects = f"{what}, or `not reported`" if absentable else what

    def read(self, node: Node, reading: Reading) -> str | None:
        """The text, or why it is missing (``Absent``)."""
        text = reading.text(node, self.expects)
        if text is None:
            return None
        return (absent(text) if self._absentable else None) or text.strip()

    def schema(self) -> dict[str, Any]:
        """Text."""
        return {"type": "string", "minLength": 1}


class Texts:
    """One text or a list of texts."""

    expects = "text, or a list of texts"

    def read(self, node: Node, reading: Reading) -> list[str]:
        """The texts that can be read."""
        found = (reading.text(part, self.expects) for part in each(node))
        return [text.strip() for text in found if text is not None]

    def schema(self) -> dict[str, Any]:
        """Text or an array of it."""
        return _many({"type": "string", "minLength": 1})


class Quotes:
    """Words of the source, once or several times."""

    expects = "words of the source, or a list of them"

    def read(self, node: Node, reading: Reading) -> tuple[Quote, ...]:
        """The quotes with their places."""
        found = (reading.quote(part) for part in each(node))
        return tuple(quote for quote in found if quote is not None)

    def schema(self) -> dict[str, Any]:
        """Text or an array of it."""
        return _many({"type": "string", "minLength": 1})


class Choice:
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.expects = "one of " + ", ".join(words)

    def read(self, node: Node, reading: Reading) -> str | None:
        """The word."""
        text = reading.text(node, self.expects)
        if text is None or text in self.words:
            return text
        advice = nearest(text.lower(), self.words) or f"use {self.expects}"
        reading.issue("case-value", node, f"'{text}' is not allowed here", advice)
        return None

    def schema(self) -> dict[str, Any]:
        """The words."""
        return {"enum": list(self.words)}


class Word:
    """A word of one small code system, or any `system:code`; read as a Coding."""

    def __init__(self, system: str, words: dict[str, str]) -> None:
        self.system = system
        self.words = words
        self.expects = "one of " + ", ".join(words) + ", or system:code"

    def read(self, node: Node, reading: Reading) -> dict[str, Any] | None:
        """The Coding."""
        text = reading.text(node, self.expects)
        if text is None:
            return None
        display = self.words.get(text)
        if display is not None:
            return coding(self.system, text, display)
        if ":" in text:
            return read_coding(text, node, reading)
        advice = nearest(text, self.words) or f"use {self.expects}"
        reading.issue("case-value", node, f"'{text}' is not allowed here", advice)
        return None

    def schema(self) -> dict[str, Any]:
        """The words, or a code."""
        return {"anyOf": [{"enum": list(self.words)}, _CODE]}


_CODE = {"type": "string", "pattern": "^[^:#]+:.+|^.+#.+"}


class Codes:
    """One code or several that mean the same; read as a list of Codings."""

    expects = "system:code (as sct:32914008), or a list of codes"

    def read(self, node: Node, reading: Reading) -> list[dict[str, Any]]:
        """The Codings that may be used, each once."""
        found: list[dict[str, Any]] = []
        for part in each(node):
            text = reading.text(part, "system:code")
            made = read_coding(text, part, reading) if text is not None else None
            if made is not None and made not in found:
                found.append(made)
        return found

    def schema(self) -> dict[str, Any]:
        """A code or an array of codes."""
        return _many(_CODE)


class Names:
    """Names of other facts of the case; read as a list of names."""

    def __init__(self, *kinds: str, many: bool = True) -> None:
        self.kinds = kinds
        self._many = many
        what = f"of {' or '.join(kinds)}"
        self.expects = f"a name {what}, or a list of names" if many else f"a name {what}"

    def read(self, node: Node, reading: Reading) -> list[str] | None:
        """The names that stand for facts of the right kind."""
        if isinstance(node, Sequence) and not self._many:
            reading.wrong_shape(node, self.expects)
            return None
        found: list[str] = []
        for part in each(node):
            name = reading.text(part, "a name")
            if name is not None and self._holds(name, part, reading) and name not in found:
                found.append(name)
        return found

    def _holds(self, name: str, node: Node, reading: Reading) -> bool:
        known = reading.names.get(name)
        if known is None:
            fitting = [other for other, (kind, _) in reading.names.items() if self._fits(kind.name)]
            advice = nearest(name, fitting)
            if advice is None and fitting:
                advice = f"the names are {', '.join(fitting[:8])}"
            reading.issue("case-unknown-name", node, f"no fact has the name '{name}'", advice)
            return False
        if not self._fits(known[0].name):
            wanted = " or ".join(self.kinds)
            message = f"'{name}' is one of {known[0].name}, expected one of {wanted}"
            reading.issue("case-wrong-kind", node, message)
            return False
        if len(reading.trail) > 1 and reading.trail[1] == name:
            reading.issue("case-self-reference", node, f"'{name}' refers to itself")
            return False
        return True

    def _fits(self, kind: str) -> bool:
        return not self.kinds or kind in self.kinds

    def schema(self) -> dict[str, Any]:
        """A name or an array of names."""
        one = {"type": "string", "pattern": "^[A-Za-z0-9.-]+$"}
        return _many(one) if self._many else one


class Time:
    """A name of the timeline, a partial date, or arithmetic on them; read as ``At``."""

    expects = "a name of the timeline, a date (2022, 2022-02, 2022-02-14) or `visit + 4 wk`"

    def __init__(self, absentable: bool = False) -> None:
        self._absentable = absentable

    def read(self, node: Node, reading: Reading) -> Any:
        """The time, or why it is missing."""
        text = reading.text(node, self.expects)
        if text is None or not isinstance(node, Scalar):
            return None
        missing = absent(text) if self._absentable else None
        if missing is not None:
            return missing
        text = " ".join(text.split())
        when = reading.resolve(node)
        if when is None:
            return None
        return At(text, when, text if text in reading.points.order else None)

    def schema(self) -> dict[str, Any]:
        """Text."""
        return {"type": "string", "minLength": 1}


class YesOrTime:
    """Yes, no, or the time at which; read as a bool or ``At``."""

    expects = "yes, no, or a time"
    _words: ClassVar = {"yes": True, "true": True, "no": False, "false": False}

    def read(self, node: Node, reading: Reading) -> Any:
        """The answer, the time, or why it is missing."""
        if isinstance(node, Scalar) and node.text.lower() in self._words:
            return self._words[node.text.lower()]
        return Time(absentable=True).read(node, reading)

    def schema(self) -> dict[str, Any]:
        """A word or a time."""
        return {"type": ["string", "boolean"]}


class ByPoint:
    """A word that holds throughout, or a mapping from points of the timeline to words."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self.expects = f"{choice.expects}; or by time: {{visit: …, follow-up: …}}"

    def read(self, node: Node, reading: Reading) -> list[Change] | None:
        """The changes in the order of time."""
        if not isinstance(node, Mapping):
            word = self.choice.read(node, reading)
            return None if word is None else [Change(None, word)]
        order = reading.points.order
        found: list[Change] = []
        for key, value in node.items():
            if key.text not in order:
                if key.text not in reading.points.timeline.names:
                    advice = nearest(key.text, order) or (
                        f"the points are {', '.join(order)}" if order else "add `timeline:`"
                    )
                    message = f"'{key.text}' is not a name of the timeline"
                    reading.issue("case-unknown-name", key, message, advice)
                continue
            change = self._change(key.text, value, reading)
            if change is not None:
                found.append(change)
        return sorted(found, key=lambda change: order[change.point or ""]) or None

    def _change(self, point: str, node: Node, reading: Reading) -> Change | None:
        if not isinstance(node, Mapping):
            word = self.choice.read(node, reading)
            return None if word is None else Change(point, word)
        known = ("value", "quote")
        for key, _ in node.items():  # noqa: PERF102  # a Mapping of the case, not a dict
            if key.text not in known:
                reading.unknown_key(key, known, "a change")
        inner = node.get("value")
        if inner is None:
            reading.issue("case-missing-key", node, "`value` is missing")
            return None
        word = self.choice.read(inner, reading)
        quote = node.get("quote")
        quotes = Quotes().read(quote, reading) if quote is not None else ()
        return None if word is None else Change(point, word, quotes)

    def schema(self) -> dict[str, Any]:
        """A word, or words by point."""
        one = self.choice.schema()
        change = {
            "type": "object",
            "properties": {"value": one, "quote": Quotes().schema()},
            "required": ["value"],
            "additionalProperties": False,
        }
        by_point = {"type": "object", "additionalProperties": {"anyOf": [one, change]}}
        return {"anyOf": [one, by_point]}


class Raw:
    """An amount or words; the kind's own check makes sense of it. Read as the scalar itself."""

    def __init__(self, expects: str) -> None:
        self.expects = expects

    def read(self, node: Node, reading: Reading) -> Scalar | None:
        """The scalar."""
        text = reading.text(node, self.expects)
        return node if text is not None and isinstance(node, Scalar) else None

    def schema(self) -> dict[str, Any]:
        """Text or a number."""
        return {"type": ["string", "number"]}


class Pattern:
    """Text of a fixed form."""

    def __init__(self, pattern: str, expects: str, rule: str = "case-value") -> None:
        self._pattern = re.compile(pattern, re.ASCII)
        self._rule = rule
        self.expects = expects

    def read(self, node: Node, reading: Reading) -> str | None:
        """The text, if it has the form."""
        text = reading.text(node, self.expects)
        if text is None or self._pattern.fullmatch(text):
            return text
        reading.issue(self._rule, node, f"'{text[:60]}' has the wrong form: {self.expects}")
        return None

    def schema(self) -> dict[str, Any]:
        """The pattern."""
        return {"type": "string", "pattern": f"^(?:{self._pattern.pattern})$"}

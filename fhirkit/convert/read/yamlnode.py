"""YAML read as data and nothing more: text, order and places, with every trap an issue.

Built on libyaml's event stream (the pure Python parser where libyaml is missing), so that a trap
is seen before it costs anything: nesting, aliases and size are counted while reading. What YAML
would turn into booleans, numbers and dates stays text; see ``nodes.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from fhirkit.convert.read.nodes import (
    MAX_DEPTH,
    Mapping,
    Node,
    NotCaseData,
    Place,
    Scalar,
    Sequence,
    from_mapping,
)
from fhirkit.convert.read.yamltext import FORBIDDEN, Refusal, decode, explain
from fhirkit.core.issues import Issue, Severity

__all__ = [
    "Mapping",
    "Node",
    "NotCaseData",
    "Place",
    "Scalar",
    "Sequence",
    "from_mapping",
    "read_yaml",
]

#: With libyaml 20 times as fast; the two give the same events.
_Parser: Any = getattr(yaml, "CLoader", yaml.Loader)

#: Aliases counted in full, as everyone who walks the nodes will meet them.
MAX_NODES = 500_000

#: Nobody reads further, and a file that is no case should not fill the screen.
MAX_ISSUES = 100

#: Keys that mean something only when they are not in quotes.
_ODD_KEYS = frozenset({"", "<<"})

_TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})
_MAP_TAGS = frozenset({"!", "tag:yaml.org,2002:map"})
_SEQUENCE_TAGS = frozenset({"!", "tag:yaml.org,2002:seq"})


def read_yaml(data: bytes, file: str) -> tuple[Node | None, list[Issue]]:
    """Read one YAML document.

    Returns the top node, or ``None`` when there is nothing to go on with, and all issues found.
    After a duplicate key, a tag or a merge key reading goes on (the first of two keys counts), so
    that one run shows every trouble; a syntax error ends it.
    """
    reader = _Reader(file)
    node: Node | None = None
    try:
        node = reader.read_text(decode(data))
    except Refusal as refusal:
        del reader.issues[MAX_ISSUES - 1 :]
        reader.complain(refusal.rule, refusal.message, refusal.place, advice=refusal.advice)
    return node, reader.issues


class _Open:
    """A collection being read: its node-to-be, what it holds so far and the key waiting."""

    __slots__ = ("anchor", "key", "mark", "nodes", "pairs", "size")

    def __init__(self, mark: Any, anchor: str | None, pairs: bool) -> None:
        self.mark = mark
        self.anchor = anchor
        self.pairs: dict[str, tuple[Scalar, Node]] | None = {} if pairs else None
        self.nodes: list[Node] = []
        self.key: Node | None = None
        self.size = 1


class _Reader:
    """One pass over the events; ``issues`` fills as it goes."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.issues: list[Issue] = []
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Node | None, int, Any]] = {}

    def complain(
        self, rule: str, message: str, place: tuple[int, int], *, advice: str | None = None
    ) -> None:
        line, column = place
        if len(self.issues) == MAX_ISSUES:
            raise Refusal(
                "case-size",
                f"more than {MAX_ISSUES} troubles; the rest of the file was not read",
                place,
                advice="correct these first",
            )
        self.issues.append(
            Issue(
                Severity.ERROR,
                rule,
                message,
                issue_type="structure",
                advice=advice,
                file=self.file,
                line=line,
                column=column,
            )
        )

    def read_text(self, text: str) -> Node | None:
        parser = _Parser(text)
        try:
            return self._document(parser)
        except yaml.MarkedYAMLError as problem:
            raise explain(problem, text) from None
        finally:
            parser.dispose()

    def _document(self, parser: Any) -> Node | None:
        next_event = parser.get_event
        next_event()  # stream start
        if isinstance(next_event(), StreamEndEvent):
            raise Refusal(
                "case-empty", "the file holds nothing", advice="start it with `fhirkit: case/1`"
            )
        root = self._nodes(next_event)
        last = next_event()
        if not isinstance(last, StreamEndEvent):
            raise Refusal(
                "case-documents",
                "a second YAML document starts here; a case file holds one",
                _place(last),
                advice="put every case in a file of its own, or remove the `---`",
            )
        return root

    def _nodes(self, next_event: Callable[[], Any]) -> Node | None:
        """The nodes up to the document's end; libyaml sees to it that they nest."""
        root: Node | None = None
        file, stack = self.file, self.stack
        while True:
            event = next_event()
            kind = type(event)
            size = 1
            if kind is ScalarEvent:
                # Most events are plain scalars, so that way is kept short.
                if event.tag is None and event.anchor is None and event.style != '"':
                    node: Node = Scalar(event.value, bool(event.style), file, event.start_mark)
                else:
                    node = self._scalar(event)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                self._enter(event, pairs=kind is MappingStartEvent)
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                node, size = self._leave()
            elif kind is AliasEvent:
                node, size = self._alias(event)
            else:
                break  # document end
            if not stack:
                root = node
                continue
            top = stack[-1]
            top.size += size
            if top.pairs is None:
                top.nodes.append(node)
            elif top.key is None:
                top.key = node
            else:
                self._pair(top.pairs, top.key, node)
                top.key = None
            if top.size > MAX_NODES:
                self._refuse_size(top)
        return root

    def _scalar(self, event: Any) -> Scalar:
        tag = event.tag
        quoted = bool(event.style)  # libyaml says "" for a plain scalar, PyYAML None
        if event.style == '"':
            self._check_escapes(event)
        if tag is not None:
            if tag in _TEXT_TAGS:
                quoted = True
            else:
                self._refuse_tag(event)
        node = Scalar(event.value, quoted, self.file, event.start_mark)
        if event.anchor is not None:
            self._anchor(event.anchor, event, node, 1)
        return node

    def _check_escapes(self, event: Any) -> None:
        # What may not stand in the file may not come in by an escape either (FHIR strings hold
        # no control characters: https://hl7.org/fhir/R4/datatypes.html#string).
        bad = FORBIDDEN.search(event.value)
        if bad is not None:
            self.complain(
                "case-character",
                f"an escape makes the character U+{ord(bad[0]):04X}, which no FHIR text can hold",
                _place(event),
                advice="remove it",
            )

    def _enter(self, event: Any, *, pairs: bool) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise Refusal(
                "case-nesting",
                f"nested deeper than {MAX_DEPTH} levels",
                _place(event),
                advice="a case needs five or six levels; look for brackets that are not closed",
            )
        if event.tag is not None and event.tag not in (_MAP_TAGS if pairs else _SEQUENCE_TAGS):
            self._refuse_tag(event)
        if event.anchor is not None:
            # Registered as open: an alias to it from inside would be a cycle.
            self._anchor(event.anchor, event, None, 0)
        self.stack.append(_Open(event.start_mark, event.anchor, pairs))

    def _leave(self) -> tuple[Node, int]:
        closed = self.stack.pop()
        node: Node
        if closed.pairs is None:
            node = Sequence(closed.nodes, self.file, closed.mark)
        else:
            node = Mapping(closed.pairs, self.file, closed.mark)
        if closed.anchor is not None:
            self.anchors[closed.anchor] = (node, closed.size, closed.mark)
        return node, closed.size

    def _alias(self, event: Any) -> tuple[Node, int]:
        known = self.anchors.get(event.anchor)
        if known is None:
            raise Refusal(
                "case-alias",
                f"nothing is called &{event.anchor} before this alias",
                _place(event),
                advice="a value that starts with * must be in quotes",
            )
        node, size, _ = known
        if node is None:
            raise Refusal(
                "case-alias",
                f"*{event.anchor} stands inside &{event.anchor}: the data would contain itself",
                _place(event),
                advice="write the value out, or refer to a fact by its name",
            )
        return node, size

    def _refuse_size(self, top: _Open) -> NoReturn:
        raise Refusal(
            "case-size",
            f"more than {MAX_NODES} values, aliases counted in full",
            _at(top.mark),
            advice="write values out instead of nesting aliases, or split the case",
        )

    def _pair(self, pairs: dict[str, tuple[Scalar, Node]], key: Node, node: Node) -> None:
        if isinstance(key, Scalar) and key.text not in pairs and key.text not in _ODD_KEYS:
            pairs[key.text] = (key, node)
        elif not isinstance(key, Scalar) or (not key.quoted and not key.text):
            self.complain(
                "case-key",
                "a key must be a word or a text",
                _key_place(key),
                advice="write `name: value`; a value with brackets or braces needs quotes",
            )
        elif key.text == "<<" and not key.quoted:
            self.complain(
                "case-merge-key",
                "merge keys (<<) are not part of the case format",
                _key_place(key),
                advice="use `defaults:`, or write the values out",
            )
        elif (first := pairs.get(key.text)) is not None:
            line, column = _key_place(first[0])
            self.complain(
                "case-duplicate-key",
                f"'{key.text}' is already defined at line {line}, column {column}",
                _key_place(key),
                advice="rename or remove one of the two; the first is the one that was read",
            )
        else:
            pairs[key.text] = (key, node)

    def _anchor(self, name: str, event: Any, node: Node | None, size: int) -> None:
        first = self.anchors.get(name)
        if first is not None:
            line, column = _at(first[2])
            raise Refusal(
                "case-alias",
                f"&{name} is already defined at line {line}, column {column}",
                _place(event),
                advice="give every anchor a name of its own",
            )
        self.anchors[name] = (node, size, event.start_mark)

    def _refuse_tag(self, event: Any) -> None:
        tag = re.sub(r"^tag:yaml\.org,2002:", "!!", event.tag)
        self.complain(
            "case-tag",
            f"the tag {tag[:60]} is not read: every value of a case is text",
            _place(event),
            advice="remove the tag",
        )


def _at(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _place(event: Any) -> tuple[int, int]:
    return _at(event.start_mark)


def _key_place(node: Node) -> tuple[int, int]:
    place = node.place
    return place.line or 1, place.column or 1

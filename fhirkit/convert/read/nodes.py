"""What a case is made of before it means anything: scalars, sequences and mappings with places.

A scalar is text, always. Whether `1.10` is a version, a number or a word is for the reader of
that field to say, so nothing is lost or turned round on the way (`NO`, `12:30`, `0123`, `1e3`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias, Union

#: The plain scalars that YAML calls null; in quotes they are text like any other.
NULL_TEXTS = frozenset({"", "~", "null", "Null", "NULL"})


class Place(NamedTuple):
    """Where something stands: file, line and column, both from 1 and in characters."""

    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in self if part is not None)


class _Placed:
    """A node's place, made only when somebody asks: most nodes are never complained about."""

    __slots__ = ("_file", "_mark")

    def __init__(self, file: str | None, mark: Any) -> None:
        self._file = file
        self._mark = mark

    @property
    def place(self) -> Place:
        """Where the node starts; all ``None`` for a node made from plain data."""
        if self._mark is None:
            return Place(self._file)
        return Place(self._file, self._mark.line + 1, self._mark.column + 1)


class Scalar(_Placed):
    """One value as text. ``quoted`` tells `"null"` from `null` (block scalars count as quoted)."""

    __slots__ = ("quoted", "text")

    def __init__(
        self, text: str, quoted: bool = False, file: str | None = None, mark: Any = None
    ) -> None:
        self.text = text
        self.quoted = quoted
        self._file = file
        self._mark = mark

    @property
    def is_null(self) -> bool:
        """Whether the author wrote nothing, `~` or `null`."""
        return not self.quoted and self.text in NULL_TEXTS

    def __repr__(self) -> str:
        return f"Scalar({self.text!r})"


class Sequence(_Placed):
    """Nodes in order."""

    __slots__ = ("_nodes",)

    def __init__(self, nodes: list[Node], file: str | None = None, mark: Any = None) -> None:
        self._nodes = nodes
        self._file = file
        self._mark = mark

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def __getitem__(self, index: int) -> Node:
        return self._nodes[index]

    def __repr__(self) -> str:
        return f"Sequence({self._nodes!r})"


class Mapping(_Placed):
    """Named nodes in the order written. No name occurs twice."""

    __slots__ = ("_pairs",)

    def __init__(
        self, pairs: dict[str, tuple[Scalar, Node]], file: str | None = None, mark: Any = None
    ) -> None:
        self._pairs = pairs
        self._file = file
        self._mark = mark

    def get(self, name: str) -> Node | None:
        """The node of that name, or ``None``."""
        pair = self._pairs.get(name)
        return pair[1] if pair is not None else None

    def key(self, name: str) -> Scalar | None:
        """The key itself, for its place."""
        pair = self._pairs.get(name)
        return pair[0] if pair is not None else None

    def items(self) -> Iterator[tuple[Scalar, Node]]:
        """Keys and nodes, in order."""
        return iter(self._pairs.values())

    def names(self) -> list[str]:
        """The keys' texts, in order."""
        return list(self._pairs)

    def __contains__(self, name: object) -> bool:
        return name in self._pairs

    def __len__(self) -> int:
        return len(self._pairs)

    def __repr__(self) -> str:
        return f"Mapping({ {name: pair[1] for name, pair in self._pairs.items()}!r})"


Node: TypeAlias = Union[Scalar, Sequence, Mapping]  # noqa: UP007  # `|` cannot name classes of a cycle at runtime


class NotCaseData(TypeError):
    """A Python value that a case file could not hold. ``path`` says where, as `labs.hb.value`."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path or 'the case'}: {message}")
        self.path = path
        self.message = message


def from_mapping(value: AnyMapping[str, Any]) -> Mapping:
    """Nodes from plain Python data, as if it had been written in YAML; they have no places.

    Numbers keep their digits (`Decimal("1.00")` is `1.00`; a float is its shortest text), dates
    become ISO text, booleans `true` and `false`, ``None`` an empty value. Raises ``NotCaseData``
    for anything else, for a key that is not text and for data that contains itself.
    """
    if not isinstance(value, AnyMapping):
        raise NotCaseData("", f"expected a mapping, got {type(value).__name__}")
    node = _node(value, "", ())
    if not isinstance(node, Mapping):  # pragma: no cover  # _node gives a Mapping for a mapping
        raise NotCaseData("", "expected a mapping")
    return node


def _node(value: Any, path: str, outer: tuple[int, ...]) -> Node:
    if isinstance(value, AnyMapping | list | tuple):
        if id(value) in outer:
            raise NotCaseData(path, "the data contains itself")
        if len(outer) >= MAX_DEPTH:
            raise NotCaseData(path, f"nested deeper than {MAX_DEPTH} levels")
        outer = (*outer, id(value))
    if isinstance(value, AnyMapping):
        pairs: dict[str, tuple[Scalar, Node]] = {}
        for name, member in value.items():
            if not isinstance(name, str):
                raise NotCaseData(path, f"a key is {type(name).__name__}, expected text")
            inner = f"{path}.{name}" if path else name
            pairs[name] = (Scalar(name, quoted=True), _node(member, inner, outer))
        return Mapping(pairs)
    if isinstance(value, list | tuple):
        return Sequence([_node(member, f"{path}[{i}]", outer) for i, member in enumerate(value)])
    return _scalar(value, path)


def _scalar(value: Any, path: str) -> Scalar:
    if value is None:
        return Scalar("")
    if isinstance(value, str):
        # Also a subclass (an enum member, a numpy string) is taken by its characters.
        return Scalar(str.__str__(value), quoted=True)
    if isinstance(value, bool):
        return Scalar("true" if value else "false")
    if isinstance(value, int):
        return Scalar(str(int(value)))
    if isinstance(value, float | Decimal):
        number = Decimal(repr(value)) if isinstance(value, float) else value
        if not number.is_finite():
            raise NotCaseData(path, "a number is not finite")
        return Scalar(format(number, "f"))
    if isinstance(value, dt.datetime):
        return Scalar(value.isoformat(), quoted=True)
    if isinstance(value, dt.date | dt.time):
        return Scalar(value.isoformat(), quoted=True)
    raise NotCaseData(path, f"cannot be read from {type(value).__name__}")


#: Deeper than any case needs, shallower than any stack's end.
MAX_DEPTH = 64

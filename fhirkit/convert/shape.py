"""The form of the format: kinds of facts and their keys, as data.

One table drives three things: the checks (unknown key, missing key, wrong shape), the JSON Schema
and the tables of docs/case-format.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from fhirkit.convert.model import Fact
    from fhirkit.convert.read.nodes import Node
    from fhirkit.convert.reading import Reading


class ValueType(Protocol):
    """How a key's value is written: what an author is told, how it is read, its JSON Schema."""

    @property
    def expects(self) -> str:
        """The form in a few words, for messages and documentation."""

    def read(self, node: Node, reading: Reading) -> Any:
        """The value, or ``None`` after reporting an issue."""

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the value."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a kind."""

    name: str
    type: ValueType
    help: str
    required: bool = False


class Kind:
    """A kind of fact: its keys, the FHIR type it becomes, and what else must hold."""

    def __init__(
        self,
        name: str,
        resource: str | Callable[[Fact], str],
        help: str,  # noqa: A002  # the word every table of keys uses
        keys: tuple[Key, ...],
        *,
        one_of: tuple[tuple[str, ...], ...] = (),
        check: Callable[[Fact, Reading], None] | None = None,
        suffixes: tuple[tuple[str, str], ...] = (),
        short: str | None = None,
        quoted: bool = True,
        dated: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self._resource = resource
        self.help = help
        self.keys = {key.name: key for key in keys}
        self.required = tuple(key.name for key in keys if key.required)
        #: Of each group at least one key must be there.
        self.one_of = one_of
        #: What cannot be said key by key; may report issues and set values.
        self.check = check
        #: Further resources a fact becomes: (type, what is added to its name).
        self.suffixes = suffixes
        #: A nested item may be written as plain text, which is then the value of this key.
        self.short = short
        #: Whether a fact of this kind without a quote is worth a warning.
        self.quoted = quoted
        #: Keys that tell when the thing itself began or was done: before that nobody knew of it.
        self.dated = dated

    def resource_of(self, fact: Fact) -> str:
        """The FHIR type of the resource the fact becomes."""
        return self._resource if isinstance(self._resource, str) else self._resource(fact)

    @property
    def resource_name(self) -> str:
        """The FHIR type, for documentation; empty for a nested item."""
        return self._resource if isinstance(self._resource, str) else ""

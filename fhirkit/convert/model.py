"""What a case says, once read: facts with their values, quotes and times. Data, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from fhirkit.convert.absent import Absent

if TYPE_CHECKING:
    from fhirkit.convert.points import Points
    from fhirkit.convert.read.nodes import Node, Scalar
    from fhirkit.convert.read.quotes import SourceText
    from fhirkit.convert.read.timeline import When
    from fhirkit.convert.shape import Kind


class Quote(NamedTuple):
    """Words of the source and where they stand; offset and length count its characters."""

    text: str
    line: int
    column: int
    offset: int
    length: int


class At(NamedTuple):
    """A time a fact hangs on: as written, worked out, and its name if the timeline has one."""

    text: str
    when: When
    point: str | None


class Change(NamedTuple):
    """A value that holds from a point of the timeline on (``None``: from the start)."""

    point: str | None
    value: str
    quotes: tuple[Quote, ...] = ()


@dataclass(slots=True)
class Fact:
    """One named fact: ``values`` by key, read and checked; ``own`` are the keys it wrote itself."""

    kind: Kind
    name: str
    key: Scalar | None
    node: Node
    values: dict[str, Any] = field(default_factory=dict)
    own: frozenset[str] = frozenset()
    quotes: tuple[Quote, ...] = ()
    basis: str = "stated"
    why: str | None = None
    at: At | None = None

    def get(self, key: str) -> Any:
        """The value of a key, or ``None``."""
        return self.values.get(key)

    @property
    def resource_type(self) -> str:
        """The FHIR type this fact becomes."""
        return self.kind.resource_of(self)

    @property
    def label(self) -> str:
        """What a person would call the fact."""
        for key in ("text", "title", "name"):
            value = self.values.get(key)
            if isinstance(value, str) and not isinstance(value, Absent):
                return value
            if isinstance(value, Fact):
                given = " ".join(value.values.get("given", ()))
                return str(value.get("text") or f"{given} {value.get('family') or ''}".strip())
        measurement = self.values.get("measurement")
        if measurement is not None:
            return str(measurement.name.replace("-", " "))
        for key in ("code", "procedure", "finding"):
            codings = self.values.get(key)
            if codings and "display" in codings[0]:
                return str(codings[0]["display"])
        relationship = self.values.get("relationship")
        if relationship is not None:
            return str(relationship.get("display", self.name))
        return self.name.replace("-", " ")


@dataclass(slots=True)
class Source:
    """The report the case was made from; ``document`` is ``None`` when the file is not there."""

    name: str
    kind: str | None
    title: str | None
    document: SourceText | None
    content_type: str
    url: str | None = None


@dataclass(slots=True)
class Case:
    """A whole case, read without error."""

    id: str
    title: str | None
    language: str | None
    source: Source | None
    points: Points
    patient: Fact
    facts: list[Fact]
    not_in_report: tuple[str, ...] = ()
    written: str | None = None

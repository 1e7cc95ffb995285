"""What every builder of resources needs: ids, references, times and statuses as of a point."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fhirkit.convert.absent import absent_element
from fhirkit.convert.identity import full_url, logical_id
from fhirkit.convert.model import At, Change

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fhirkit.convert.model import Case, Fact, Quote

_URL = "http://hl7.org/fhir/StructureDefinition/derivation-reference"
_PATH = "DocumentReference.content[0].attachment.data"


@dataclass(slots=True)
class Draft:
    """A resource in the making: ``body`` holds its elements in the order of the specification."""

    type: str
    key: str
    id: str
    url: str
    label: str
    body: dict[str, Any]
    kind: str
    quotes: tuple[Quote, ...] = ()
    profile: str | None = None
    contained: list[dict[str, Any]] | None = None
    extensions: list[dict[str, Any]] = field(default_factory=list)
    #: Said in the narrative alone, because the type has no element for it.
    remarks: list[str] = field(default_factory=list)


class Target:
    """A resource that others refer to."""

    __slots__ = ("label", "type", "url")

    def __init__(self, resource_type: str, url: str, label: str) -> None:
        self.type = resource_type
        self.url = url
        self.label = label

    def reference(self) -> dict[str, Any]:
        """A Reference with a display for people."""
        return {"reference": self.url, "display": self.label}


class Making:
    """One case as of one point of its timeline (``None``: the end)."""

    def __init__(self, case: Case, as_of: str | None) -> None:
        self.case = case
        self.as_of = as_of
        self.points = case.points
        self.facts = [fact for fact in case.facts if self._is_known(fact)]
        self._targets: dict[str, Target] = {}
        self._encounters: dict[str, list[str]] = {}
        self._stays: list[tuple[str, At, At]] = []
        for fact in self.facts:
            self._targets[fact.name] = self.target(fact.resource_type, fact.name, fact.label)
            if fact.kind.name == "encounters" and fact.at is not None:
                self._encounters.setdefault(fact.at.text, []).append(fact.name)
                until = fact.values.get("until")
                if isinstance(until, At):
                    self._stays.append((fact.name, fact.at, until))
        self.patient = self.target("Patient", "patient", "the patient").url
        self.source = self.target("DocumentReference", "source", "").url if case.source else None

    def _is_known(self, fact: Fact) -> bool:
        if not self.points.includes(fact.at, self.as_of) or not self.has_begun(fact):
            return False
        status = fact.values.get("status")
        return not isinstance(status, list) or bool(self.points.reached(status, self.as_of))

    def target(self, resource_type: str, key: str, label: str) -> Target:
        """What a reference to the resource of that key needs."""
        return Target(resource_type, full_url(self.case.id, resource_type, key), label)

    def draft(
        self,
        fact: Fact,
        body: dict[str, Any],
        *,
        resource_type: str | None = None,
        suffix: str = "",
        kind: str | None = None,
    ) -> Draft:
        """A resource for a fact; members of ``body`` that are ``None`` or empty are left out."""
        made_type = resource_type or fact.resource_type
        key = fact.name + suffix
        remarks = [] if fact.basis == "stated" else [_basis(fact)]
        if remarks and "note" in body:
            # The type has notes: what is assumed must not get lost with the narrative.
            body["note"] = [*notes(remarks), *(body["note"] or ())]
            remarks = []
        return Draft(
            made_type,
            key,
            logical_id(self.case.id, key),
            self._targets[key].url
            if key in self._targets and not resource_type
            else full_url(self.case.id, made_type, key),
            fact.label,
            {name: value for name, value in body.items() if value is not None and value != []},
            kind or fact.kind.name,
            fact.quotes + self._change_quotes(fact),
            remarks=remarks,
        )

    def _change_quotes(self, fact: Fact) -> tuple[Quote, ...]:
        found: list[Quote] = []
        for changes in (fact.values.get("status"), fact.values.get("achieved")):
            if isinstance(changes, list):
                for change in self.points.reached(changes, self.as_of):
                    found += change.quotes
        return tuple(found)

    # References

    def reference(self, name: str | None) -> dict[str, Any] | None:
        """A reference to a named fact, or ``None`` if it was not known yet."""
        found = self._targets.get(name) if name is not None else None
        return found.reference() if found is not None else None

    def references(self, names: Iterable[str] | None) -> list[dict[str, Any]]:
        """References to those of the named facts that were known."""
        found = (self._targets.get(name) for name in names or ())
        return [target.reference() for target in found if target is not None]

    def references_to(self, names: Iterable[str] | None, *types: str) -> list[dict[str, Any]]:
        """As ``references``, but only to these types (what the element allows)."""
        found = (self._targets.get(name) for name in names or ())
        return [target.reference() for target in found if target and target.type in types]

    def subject(self) -> dict[str, Any]:
        """A reference to the patient."""
        return {"reference": self.patient}

    def encounter(self, fact: Fact) -> dict[str, Any] | None:
        """The encounter a fact belongs to: the one it names, the only one at its time, or the only
        stay that may hold its time.
        """
        named = fact.values.get("encounter")
        if named:
            return self.reference(named[0])
        if fact.at is None:
            return None
        here = self._encounters.get(fact.at.text) or [
            name for name, start, end in self._stays if _within(fact.at, start, end)
        ]
        return self.reference(here[0]) if len(here) == 1 else None

    # Times and statuses

    def known(self, at: At | None) -> At | None:
        """The time, unless it lies after the point that the case is seen from."""
        return at if isinstance(at, At) and self.points.includes(at, self.as_of) else None

    def has_begun(self, fact: Fact) -> bool:
        """Whether no time the fact gives as its own (onset, date …) lies after the point."""
        times = (fact.get(key) for key in fact.kind.dated)
        return all(self.points.includes(at, self.as_of) for at in times if isinstance(at, At))

    def seen(self, value: Any) -> Any:
        """A time as far as it could be told at the point; why a time is missing stays as it is."""
        return self.points.seen(value, self.as_of) if isinstance(value, At) else value

    def goes_on(self, at: At | None) -> bool:
        """Whether something at that time was certainly not over at the point."""
        return at is not None and self.points.goes_on(at, self.as_of)

    def latest(self, fact: Fact, key: str, default: str) -> str:
        """The value of a key that may change over time, as of the point."""
        changes: list[Change] | None = fact.values.get(key)
        if not changes:
            return default
        reached = self.points.reached(changes, self.as_of)
        return reached[-1].value if reached else default

    def point(self, name: str) -> At:
        """A point of the timeline as a time."""
        return At(name, self.points.times[name], name)

    def derivation(self, quotes: Iterable[Quote]) -> list[dict[str, Any]]:
        """One extension derivation-reference a quote, which leads to its place in the source."""
        source = self.case.source
        if source is None or self.source is None:
            return []
        return [
            {
                "extension": [
                    {
                        "url": "reference",
                        "valueReference": {
                            "reference": self.source,
                            "display": f"{source.name}, line {quote.line}",
                        },
                    },
                    {"url": "path", "valueString": _PATH},
                    {"url": "offset", "valueInteger": quote.offset},
                    {"url": "length", "valueInteger": quote.length},
                ],
                "url": _URL,
            }
            for quote in quotes
        ]


def _within(at: At, start: At, end: At) -> bool:
    return not start.when.certainly_after(at.when) and not at.when.certainly_after(end.when)


def _basis(fact: Fact) -> str:
    word = fact.basis.capitalize()
    return f"{word}, not stated: {fact.why}" if fact.why else f"{word}, not stated by the source"


def timed(name: str, at: Any, *, absent: bool = False) -> dict[str, Any]:
    """A choice of dateTime and Period: `effectiveDateTime`, `effectivePeriod`, or why neither."""
    if isinstance(at, At):
        point = at.when.as_date_time()
        if point is not None:
            return {f"{name}DateTime": point}
        period = at.when.as_period()
        if period is not None:
            return {f"{name}Period": period}
    if isinstance(at, str):
        return {f"_{name}DateTime": absent_element(at)}
    return {f"_{name}DateTime": absent_element()} if absent else {}


def date_time(at: Any) -> str | None:
    """A dateTime, if the time fits one."""
    return at.when.as_date_time() if isinstance(at, At) else None


def has_day(at: Any) -> bool:
    """Whether the time is one point known to the day."""
    text = date_time(at)
    return text is not None and len(text) >= len("2022-02-14")


def notes(*texts: Any) -> list[dict[str, Any]]:
    """Annotations, of texts and lists of texts."""
    found: list[dict[str, Any]] = []
    for text in texts:
        if isinstance(text, str):
            found.append({"text": text})
        elif text:
            found += [{"text": part} for part in text]
    return found


def item_notes(item: Fact) -> list[dict[str, Any]]:
    """The notes of a nested item, with what is assumed or derived about it."""
    return notes(None if item.basis == "stated" else _basis(item), item.get("note"))

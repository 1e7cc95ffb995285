"""A record: the resources of a Bundle or list, their page anchors, and how references find them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fhirkit.core.issues import Issue, Outcome
from fhirkit.report.untrusted import dicts, listed, text

_ENTRIES = re.compile(r"Bundle(\.entry\[[0-9]{1,9}\](\.resource)?)+")
# Bundles inside Bundles are opened this deep; what lies deeper is shown as one resource.
_DEEPEST = 4
_HISTORY = re.compile(r"/_history/[^/]*$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of the record: its number, its fullUrl, and its FHIRPath place in the input."""

    index: int
    full_url: str
    resource: dict[str, Any]
    place: str = ""

    @property
    def type(self) -> str:
        """The resourceType, or "Resource" when it has none."""
        name = self.resource.get("resourceType")
        return name if isinstance(name, str) and name else "Resource"

    @property
    def id(self) -> str:
        """The logical id, or nothing."""
        found = self.resource.get("id")
        return found if isinstance(found, str) else ""

    @property
    def anchor(self) -> str:
        """The id of its element on the page; made by us, so that no input can choose it."""
        return f"r{self.index}"


@dataclass(slots=True)
class Record:
    """All entries in order; ``empty`` counts bundle entries that hold no resource."""

    entries: list[Entry]
    empty: int = 0
    _by_reference: dict[str, Entry] = field(default_factory=dict)
    _reports: dict[int, Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in self.entries:
            for name in (entry.full_url, f"{entry.type}/{entry.id}" if entry.id else ""):
                if name:
                    self._by_reference.setdefault(name, entry)
        for entry in self.entries:
            if entry.type == "DiagnosticReport":
                for result in dicts(entry.resource, "result"):
                    found = self.find(result)
                    if found:
                        self._reports.setdefault(found.index, entry)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def find(self, reference: Any) -> Entry | None:
        """The entry a literal reference means (fullUrl, or Type/id at the end of a URL).

        https://hl7.org/fhir/R4/bundle.html#references; a version in the reference is ignored.
        """
        link = reference if isinstance(reference, str) else text(reference, "reference")
        if not link or link.startswith("#"):
            return None
        link = _HISTORY.sub("", link)
        found = self._by_reference.get(link)
        if found is None and link.startswith(("http://", "https://")):
            found = self._by_reference.get("/".join(link.rsplit("/", 2)[1:]))
        return found

    def report_of(self, entry: Entry) -> Entry | None:
        """The DiagnosticReport that gives this entry as a result."""
        return self._reports.get(entry.index)

    @property
    def patient(self) -> Entry | None:
        """The first Patient: whom the page is about."""
        return next((entry for entry in self.entries if entry.type == "Patient"), None)


def record_of(source: dict[str, Any] | Iterable[dict[str, Any]]) -> Record:
    """The record of a Bundle, of one resource, or of several resources.

    A Bundle in a Bundle (the answer to a batch) is opened: its resources are part of the record.
    """
    record = Record([])
    if isinstance(source, dict):
        _add(record, source, "", str(source.get("resourceType", "")), _DEEPEST)
    else:
        for index, resource in enumerate(source):
            _add(record, resource, "", f"Bundle.entry[{index}].resource", _DEEPEST)
    return Record(record.entries, record.empty)


def _add(record: Record, resource: dict[str, Any], url: str, place: str, depth: int) -> None:
    if resource.get("resourceType") != "Bundle" or not depth:
        record.entries.append(Entry(len(record.entries), url, resource, place))
        return
    for index, entry in enumerate(listed(resource.get("entry"))):
        inner = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(inner, dict):
            inside = f"{place}.entry[{index}].resource"
            _add(record, inner, text(entry, "fullUrl"), inside, depth - 1)
        else:
            record.empty += 1


def issues_by_entry(
    record: Record, outcome: Outcome | None
) -> tuple[dict[int, list[tuple[str, Issue]]], list[Issue]]:
    """Issues beside the entry they concern (with the place inside it), and those of the whole."""
    beside: dict[int, list[tuple[str, Issue]]] = {}
    whole: list[Issue] = []
    known = {entry.place: entry for entry in record}
    for issue in outcome or ():
        entry, inside = _concerned(known, issue.expression)
        if entry:
            beside.setdefault(entry.index, []).append((entry.type + inside, issue))
        else:
            whole.append(issue)
    return beside, whole


def _concerned(known: dict[str, Entry], expression: str) -> tuple[Entry | None, str]:
    """The entry an expression points into, and the rest of the expression."""
    found = _ENTRIES.match(expression)
    place = found[0] if found else re.split(r"[.\[]", expression, maxsplit=1)[0]
    while place:
        for whole in (place, f"{place}.resource"):
            if whole in known:
                return known[whole], expression[len(place) :]
        # Deeper than any resource of ours: the Bundle that was not opened is concerned.
        place = place[: max(place.rfind(".entry["), 0)]
    return None, ""

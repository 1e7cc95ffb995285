"""A record: the resources of a Bundle or list, their page anchors, and how references find them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fhirkit.core.issues import Issue, Outcome

_ENTRY = re.compile(r"Bundle\.entry\[([0-9]{1,9})\](\.resource)?(.*)", re.DOTALL)
_HISTORY = re.compile(r"/_history/[^/]*$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of the record: its place in the Bundle, its fullUrl, its anchor on the page."""

    index: int
    full_url: str
    resource: dict[str, Any]

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

    def __post_init__(self) -> None:
        for entry in self.entries:
            for name in (entry.full_url, f"{entry.type}/{entry.id}" if entry.id else ""):
                if name:
                    self._by_reference.setdefault(name, entry)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def find(self, reference: Any) -> Entry | None:
        """The entry a literal reference means (fullUrl, or Type/id at the end of a URL).

        https://hl7.org/fhir/R4/bundle.html#references; a version in the reference is ignored.
        """
        text = reference.get("reference") if isinstance(reference, dict) else reference
        if not isinstance(text, str) or not text or text.startswith("#"):
            return None
        text = _HISTORY.sub("", text)
        found = self._by_reference.get(text)
        if found is None and text.startswith(("http://", "https://")):
            found = self._by_reference.get("/".join(text.rsplit("/", 2)[1:]))
        return found

    @property
    def patient(self) -> Entry | None:
        """The first Patient: whom the page is about."""
        return next((entry for entry in self.entries if entry.type == "Patient"), None)


def record_of(source: dict[str, Any] | Iterable[dict[str, Any]]) -> Record:
    """The record of a Bundle, of one resource, or of several resources."""
    if isinstance(source, dict):
        if source.get("resourceType") != "Bundle":
            return Record([Entry(0, "", source)])
        found = source.get("entry")
        listed = found if isinstance(found, list) else []
        entries = [
            Entry(index, _text(entry.get("fullUrl")), entry["resource"])
            for index, entry in enumerate(listed)
            if isinstance(entry, dict) and isinstance(entry.get("resource"), dict)
        ]
        return Record(entries, empty=len(listed) - len(entries))
    return Record([Entry(index, "", resource) for index, resource in enumerate(source)])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def issues_by_entry(
    record: Record, outcome: Outcome | None
) -> tuple[dict[int, list[tuple[str, Issue]]], list[Issue]]:
    """Issues beside the entry they concern (with the place inside it), and those of the whole."""
    beside: dict[int, list[tuple[str, Issue]]] = {}
    whole: list[Issue] = []
    known = {entry.index: entry for entry in record}
    only = record.entries[0] if len(record) == 1 else None
    for issue in outcome or ():
        found = _ENTRY.fullmatch(issue.expression)
        entry = known.get(int(found[1])) if found else None
        if found and entry:
            beside.setdefault(entry.index, []).append((entry.type + found[3], issue))
        elif only and issue.expression.partition(".")[0] == only.type:
            beside.setdefault(only.index, []).append((issue.expression, issue))
        else:
            whole.append(issue)
    return beside, whole

"""The elements of any resource as labelled rows: what is there, and what is said to be missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from fhirkit.report.phrases import (
    ABSENT,
    absent_reason,
    absent_words,
    codes,
    concept,
    label,
    phrase,
    when,
)
from fhirkit.report.records import Entry, Record
from fhirkit.report.source import DERIVATION, Quote, Sources
from fhirkit.report.titles import target_title, title_of
from fhirkit.report.untrusted import first_code, listed
from fhirkit.report.visible import shortened

#: More rows than this of one resource are folded; the page says how many, its JSON has them all.
MOST_ROWS = 60
_DEEPEST = 8

# Said by the card's head already, or of interest to an engineer only: shown under "Details".
_QUIET_NAMES = """
    id meta implicitRules language identifier subject patient encounter category status
    clinicalStatus verificationStatus lifecycleStatus achievementStatus interpretation intent
    code title medicationCodeableConcept vaccineCode class performer author requester recorder
    extension modifierExtension contained partOf fullUrl managingOrganization context url
    version publisher issued doNotPerform medicationReference
"""
_QUIET = frozenset(_QUIET_NAMES.split())
_SKIPPED = frozenset({"resourceType", "text", "div"})
_DATES = ("date", "dateTime", "DateTime", "Date", "instant", "period", "issued", "authoredOn")


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled value. ``target`` is the anchor of the resource it refers to; ``codes`` its codes.

    ``absent`` marks a value that is said to be missing; ``quiet`` one for the details.
    """

    name: str
    value: str = ""
    depth: int = 0
    absent: bool = False
    quiet: bool = False
    target: str = ""
    codes: str = ""
    quotes: tuple[Quote, ...] = ()


class Reader:
    """Walks one resource after the other into rows."""

    def __init__(self, record: Record, sources: Sources) -> None:
        self._record = record
        self._sources = sources

    def rows(self, entry: Entry) -> tuple[list[Row], int]:
        """The rows of a resource in its own order, and how many more were folded."""
        found: list[Row] = []
        folded = 0
        for row in self._members(entry.resource, entry, 0, quiet=False):
            if len(found) < MOST_ROWS:
                found.append(row)
            else:
                folded += 1
        return found, folded

    def _members(
        self, element: dict[str, Any], entry: Entry, depth: int, *, quiet: bool
    ) -> Iterator[Row]:
        for name, value in element.items():
            if name in _SKIPPED or (name == "id" and depth):
                continue
            hushed = quiet or (depth == 0 and name in _QUIET)
            if name.startswith("_"):
                if name[1:] not in element:
                    yield from self._missing(name[1:], value, entry, depth, quiet=quiet)
                continue
            items = value if isinstance(value, list) else [value]
            extras = element.get(f"_{name}")
            for index, item in enumerate(items):
                extra = _beside(extras, index)
                yield from self._item(name, item, extra, entry, depth, quiet=hushed)

    def _item(
        self, name: str, item: Any, extra: Any, entry: Entry, depth: int, *, quiet: bool
    ) -> Iterator[Row]:
        if item is None:
            yield from self._missing(name, extra, entry, depth, quiet=quiet)
            return
        if name in ("extension", "modifierExtension"):
            yield from self._extension(item, entry, depth)
            return
        row = Row(label(name), depth=depth, quiet=quiet)
        holder = item if isinstance(item, dict) else extra
        row = replace(row, quotes=self._sources.quotes(holder, entry.anchor))
        if name in ("dataAbsentReason", "emptyReason"):
            words = (
                absent_words(first_code(item) or concept(item) or None)
                if name[0] == "d"
                else concept(item)
            )
            named = "Value" if name[0] == "d" else "Entries"
            yield replace(row, name=named, value=f"missing: {words}", absent=True, quiet=False)
            return
        reason = absent_reason(item)
        if reason:
            yield replace(row, value=f"missing: {reason}", absent=True)
            return
        yield from self._value(row, name, item, entry)

    def _value(self, row: Row, name: str, item: Any, entry: Entry) -> Iterator[Row]:
        if isinstance(item, dict) and isinstance(item.get("reference"), str):
            yield self._reference(row, item, entry)
            return
        text = phrase(item)
        if isinstance(item, str) and name.endswith(_DATES):
            text = when(item)
        elif name in ("onsetPeriod", "abatementPeriod") and text is not None:
            # A Period here is the uncertainty of one moment, not a duration.
            text = f"some time {text}" if text.startswith(("since", "until")) else f"within {text}"
        if text is not None:
            yield replace(row, value=shortened(text), codes=codes(item))
            missing = [part for part in _parts(item) if part.startswith("_")]
            for part in missing:
                if part[1:] not in item:
                    yield from self._missing(
                        part[1:], item[part], entry, row.depth + 1, quiet=False
                    )
            return
        if isinstance(item, dict):
            only = _only_member(item)
            if only and row.depth < _DEEPEST:
                yield from self._only(row, only, item[only], entry)
                return
            head, used = _head(item, self._record)
            kind = item.get("resourceType")
            named = f"{row.name}: {kind}" if isinstance(kind, str) else row.name
            quotes = [self._sources.quotes(item.get(f"_{name}"), entry.anchor) for name in used]
            yield replace(
                row,
                name=named,
                value=head,
                codes=codes(item.get("code")) if "code" in used else "",
                quotes=tuple(dict.fromkeys((*row.quotes, *(q for found in quotes for q in found)))),
            )
            used |= {f"_{name}" for name in used}
            if row.depth < _DEEPEST:
                rest = {key: part for key, part in item.items() if key not in used}
                yield from self._members(rest, entry, row.depth + 1, quiet=row.quiet)
            return
        if isinstance(item, list):
            yield replace(row, value=f"{len(item)} values")

    def _only(self, row: Row, name: str, value: Any, entry: Entry) -> Iterator[Row]:
        """The one member of a structure, under the structure's name: ``evidence.detail``."""
        for item in value if isinstance(value, list) else [value]:
            for inner in self._item(name, item, None, entry, row.depth, quiet=row.quiet):
                if inner.depth == row.depth:
                    quotes = tuple(dict.fromkeys((*row.quotes, *inner.quotes)))
                    inner = replace(inner, name=row.name, quotes=quotes)
                yield inner

    def _reference(self, row: Row, item: dict[str, Any], entry: Entry) -> Row:
        found = self._record.find(item)
        title = target_title(item, entry.resource, self._record)
        text = title or str(item["reference"])
        return replace(row, value=shortened(text), target=found.anchor if found else "")

    def _missing(
        self, name: str, extra: Any, entry: Entry, depth: int, *, quiet: bool
    ) -> Iterator[Row]:
        for part in extra if isinstance(extra, list) else [extra]:
            reason = absent_reason(part)
            if reason:
                quotes = self._sources.quotes(part, entry.anchor)
                yield Row(label(name), f"missing: {reason}", depth, absent=True, quotes=quotes)
            elif isinstance(part, dict):
                for extension in listed(part.get("extension")):
                    yield from self._extension(extension, entry, depth, quiet=quiet)

    def _extension(
        self, item: Any, entry: Entry, depth: int, *, quiet: bool = True
    ) -> Iterator[Row]:
        if not isinstance(item, dict) or item.get("url") in (DERIVATION, ABSENT):
            return
        name = str(item.get("url", "extension")).rstrip("/").rpartition("/")[2]
        row = Row(label(name), depth=depth, quiet=quiet)
        for key, value in item.items():
            if key.startswith("value"):
                yield from self._value(row, key, value, entry)
        inner = listed(item.get("extension"))
        if inner and depth < _DEEPEST:
            yield row
            for part in inner:
                yield from self._extension(part, entry, depth + 1, quiet=quiet)


def _only_member(item: dict[str, Any]) -> str:
    """The name of the single member that is not about the element itself; "" if there are more."""
    names = [name for name in item if name not in ("id", "extension", "modifierExtension")]
    return names[0] if len(names) == 1 and not names[0].startswith("_") else ""


def _head(item: dict[str, Any], record: Record) -> tuple[str, set[str]]:
    """What heads a nested structure, and the members that it says already.

    A component is headed by its code and value, an activity by its description or reference.
    """
    if "resourceType" in item:
        return title_of(item, record), set()
    value = next((key for key in item if key.startswith("value")), None)
    code = item.get("code")
    if isinstance(code, dict) and value and phrase(item[value]) is not None:
        return f"{concept(code)}: {phrase(item[value])}", {value, "code"}
    for name in ("description", "text", "title", "display", "name"):
        found = item.get(name)
        text = found if isinstance(found, str) else concept(found)
        if text and isinstance(found, str | dict):
            used = {name} if isinstance(found, str) else set()
            if item.get("status") == "unknown":
                used.add("status")
            if item.get("doNotPerform") is True:
                return f"do not: {shortened(text, 400)}", used | {"doNotPerform"}
            return shortened(text, 400), used
    if isinstance(code, dict):
        return concept(code), {"code"}
    return "", set()


def _parts(item: Any) -> tuple[str, ...]:
    return tuple(item) if isinstance(item, dict) else ()


def _beside(extras: Any, index: int) -> Any:
    """What stands in ``_name`` beside the ``index``-th value of ``name``."""
    if not isinstance(extras, list):
        return extras
    return extras[index] if index < len(extras) else None

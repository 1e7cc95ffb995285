"""Find a definition by its canonical among thousands of files, without reading them all.

A package may bring ``.index.json`` (https://hl7.org/fhir/R4/packages.html). It is a hint: whatever
it leads to is read and must bear the canonical that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from fhirkit.core.errors import InvalidInput
from fhirkit.core.jsonio import dump_bytes, loads
from fhirkit.definitions.versions import order

#: The members of a resource that the index repeats, as HL7's tools write it.
_MEMBERS = ("resourceType", "id", "url", "version", "kind", "type", "supplements", "content",
            "valueSet", "derivation")  # fmt: skip


class Row(NamedTuple):
    """A file, and what it defines."""

    file: str
    type: str | None
    url: str | None
    version: str | None


class CanonicalIndex:
    """Canonical → file, for the files of one package.

    ``listed`` gives the content of an ``.index.json``; what it doesn't tell is read when needed.
    """

    def __init__(
        self, files: Mapping[str, bytes], listed: Callable[[], bytes | None] | None = None
    ) -> None:
        self._files = files
        self._listed = listed
        self._told: dict[str, Row] | None = None
        self._complete = False
        self._by_url: dict[str, list[Row]] | None = None

    @property
    def _rows(self) -> dict[str, Row]:
        if self._told is None:
            self._told = _believed(self._files, self._listed() if self._listed else None)
        return self._told

    def find(self, canonical: str, types: Sequence[str] = ()) -> dict[str, Any] | None:
        """The resource with this canonical and one of these types, or None."""
        url, _, version = canonical.partition("#")[0].partition("|")
        if not url:
            return None
        if not self._rows and not self._complete:
            guessed = self._guess(url, version, types)
            if guessed is not None:
                return guessed
            self._read_the_rest()
        found = self._look_up(url, version, types)
        if found is None and not self._complete:
            self._read_the_rest()
            found = self._look_up(url, version, types)
        return found

    def rows(self) -> list[Row]:
        """Every file that holds a resource, the highest version of a canonical first."""
        if not self._complete:
            self._read_the_rest()
        rows = sorted(self._rows.values(), key=lambda row: (order(row.version or ""), row.file))
        return rows[::-1]

    def _look_up(self, url: str, version: str, types: Sequence[str]) -> dict[str, Any] | None:
        if self._by_url is None:
            self._by_url = {}
            for row in self._rows.values():
                if row.url is not None:
                    self._by_url.setdefault(row.url, []).append(row)
        rows = sorted(
            self._by_url.get(url, ()), key=lambda row: (order(row.version or ""), row.file)
        )
        for row in reversed(rows):
            resource = self._read(row.file)
            if resource is not None and _is(resource, url, version, types):
                return resource
            if _row(row.file, resource) != row:
                # The index lies. Nothing it says is believed from here on.
                self._told, self._complete, self._by_url = {}, False, None
                return None
        return None

    def _guess(self, url: str, version: str, types: Sequence[str]) -> dict[str, Any] | None:
        """By the file's name, which holds type and id in every published package."""
        *_, kind, tail = ("", *url.rstrip("/").split("/"))
        for name in (f"{one}-{tail}.json" for one in (kind, *types)):
            if name in self._files:
                resource = self._read(name)
                if resource is not None and _is(resource, url, version, types):
                    return resource
        return None

    def _read_the_rest(self) -> None:
        for name in sorted(self._files):
            if name not in self._rows:
                self._rows[name] = _row(name, self._read(name))
        self._complete, self._by_url = True, None

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            resource = loads(self._files[name], file=name)
            return resource if isinstance(resource, dict) else None
        except (InvalidInput, KeyError):
            return None


def index_entry(file: str, resource: Any) -> dict[str, Any] | None:
    """What ``.index.json`` says of a file; None when it holds no resource."""
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        return None
    said = {name: resource[name] for name in _MEMBERS if isinstance(resource.get(name), str)}
    return {"filename": file, **said}


def index_bytes(entries: Iterable[dict[str, Any]]) -> bytes:
    """An ``.index.json`` of these entries."""
    ordered = sorted(entries, key=lambda entry: str(entry["filename"]))
    return dump_bytes({"index-version": 2, "files": ordered})


def _row(name: str, resource: Any) -> Row:
    entry = index_entry(name, resource) or {}
    return Row(name, entry.get("resourceType"), entry.get("url"), entry.get("version"))


def _is(resource: dict[str, Any], url: str, version: str, types: Sequence[str]) -> bool:
    return (
        resource.get("url") == url
        and (not version or resource.get("version") == version)
        and (not types or resource.get("resourceType") in types)
    )


def _believed(files: Mapping[str, bytes], listed: bytes | None) -> dict[str, Row]:
    """The rows of an ``.index.json``, or none when it is not one of these files."""
    if listed is None:
        return {}
    try:
        table = loads(listed, file=".index.json")
    except InvalidInput:
        return {}
    entries = table.get("files") if isinstance(table, dict) else None
    rows: dict[str, Row] = {}
    for entry in entries if isinstance(entries, list) else ():
        name = entry.get("filename") if isinstance(entry, dict) else None
        if not isinstance(name, str) or name in rows:
            return {}
        if name not in files:
            # HL7's tools list package.json's neighbours in other folders, too; a row for nothing
            # is harmless, for it is never read.
            continue
        said = [entry.get(key) for key in ("resourceType", "url", "version")]
        if not all(value is None or isinstance(value, str) for value in said):
            return {}
        rows[name] = Row(name, *said)
    return rows

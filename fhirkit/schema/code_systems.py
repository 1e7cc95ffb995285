"""A code system whose codes are all known, for asking about one code at a time.

https://hl7.org/fhir/R4/codesystem.html: ``caseSensitive`` that is not said to be true is not;
designations, and those of supplements, are displays as good as the concept's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from sqlite3 import Connection
from typing import Any, NamedTuple

from fhirkit.definitions.codes import concepts

Resource = dict[str, Any]


class CodeSystemSchema(NamedTuple):
    """``displays``: code → its displays, folded. ``by_fold``: the code a folded text stands for."""

    url: str
    version: str | None
    case_sensitive: bool
    displays: Mapping[str, frozenset[str]]
    by_fold: Mapping[str, str]

    def find(self, code: str) -> str | None:
        """The code as the system writes it, or None when it has no such code."""
        if code in self.displays:
            return code
        return None if self.case_sensitive else self.by_fold.get(code.casefold())


def fold(display: str) -> str:
    """A display without what no one means by it: letter case, white space around and between."""
    return " ".join(display.split()).casefold()


def from_resource(system: Resource, supplements: Iterable[Resource] = ()) -> CodeSystemSchema:
    """A CodeSystem resource with its supplements."""
    displays: dict[str, set[str]] = {}
    for concept in concepts(system):
        displays.setdefault(concept["code"], set()).update(_texts(concept))
    for supplement in supplements:
        for concept in concepts(supplement):
            if concept["code"] in displays:
                displays[concept["code"]].update(_texts(concept))
    sensitive = system.get("caseSensitive") is True
    return _made(str(system.get("url")), system.get("version"), sensitive, displays)


def from_rows(
    connection: Connection, url: str, supplements: Iterable[Resource] = ()
) -> CodeSystemSchema | None:
    """An embedded code system; None when it is not there or not complete."""
    try:
        row = connection.execute(
            "SELECT version, complete, case_sensitive FROM code_system WHERE url = ?", (url,)
        ).fetchone()
    except UnicodeEncodeError:
        return None  # half a surrogate pair is no URL, and not to be asked for
    if row is None or not row[1]:
        return None
    displays: dict[str, set[str]] = {}
    query = "SELECT code, display FROM code WHERE system = ?"
    for code, display in connection.execute(query, (url,)):
        displays[code] = {fold(display)} if display else set()
    for supplement in supplements:
        for concept in concepts(supplement):
            if concept["code"] in displays:
                displays[concept["code"]].update(_texts(concept))
    return _made(url, row[0], bool(row[2]), displays)


def _texts(concept: Resource) -> Iterable[str]:
    if isinstance(concept.get("display"), str):
        yield fold(concept["display"])
    for designation in concept.get("designation", ()):
        if isinstance(designation.get("value"), str):
            yield fold(designation["value"])


def _made(
    url: str, version: str | None, sensitive: bool, displays: dict[str, set[str]]
) -> CodeSystemSchema:
    by_fold = {} if sensitive else {code.casefold(): code for code in displays}
    frozen = {code: frozenset(texts) for code, texts in displays.items()}
    return CodeSystemSchema(url, version, sensitive, frozen, by_fold)

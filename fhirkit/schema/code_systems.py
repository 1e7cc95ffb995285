"""A code system whose codes are known, for asking about one code at a time.

https://hl7.org/fhir/R4/codesystem.html: ``caseSensitive`` that is not said to be true is not;
designations are displays in their own language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from sqlite3 import Connection
from typing import Any, NamedTuple

from fhirkit.definitions.codes import concepts

Resource = dict[str, Any]

#: Concept properties that say that a code is not to be used any more
#: (https://hl7.org/fhir/R4/codesystem-concept-properties.html).
_STATUS, _INACTIVE = "status", "inactive"
#: Values of ``status`` that make a code inactive.
_GONE = ("retired", "inactive")


class Displays(NamedTuple):
    """The displays of one code, folded. ``own`` is for every language, ``by_language`` for one."""

    own: frozenset[str]
    by_language: Mapping[str, frozenset[str]] = {}

    def has(self, display: str, language: str) -> bool:
        """Whether this is a display of the code for a reader of the language (a BCP 47 tag)."""
        text = fold(display)
        if text in self.own:
            return True
        return any(
            text in texts
            for other, texts in self.by_language.items()
            if _primary(other) == _primary(language)
        )


class CodeSystemSchema(NamedTuple):
    """A code system and its codes.

    ``displays``: code → its displays, None where only the code is known. ``by_fold``: the code a
    folded text stands for. ``complete`` is false for a fragment. ``statuses``: code → why it is
    not to be used any more.
    """

    url: str
    version: str | None
    case_sensitive: bool
    displays: Mapping[str, Displays | None]
    by_fold: Mapping[str, str]
    complete: bool = True
    statuses: Mapping[str, str] = {}

    def find(self, code: str) -> str | None:
        """The code as the system writes it, or None when it has no such code."""
        if code in self.displays:
            return code
        return None if self.case_sensitive else self.by_fold.get(code.casefold())


def fold(display: str) -> str:
    """A display without what no one means by it: letter case."""
    return display.casefold()


def _primary(language: str) -> str:
    return language.partition("-")[0].casefold()


def from_resource(system: Resource, supplements: Iterable[Resource] = ()) -> CodeSystemSchema:
    """A CodeSystem resource with its supplements."""
    displays: dict[str, Displays | None] = {}
    statuses: dict[str, str] = {}
    for concept in concepts(system):
        displays[concept["code"]] = _displays(concept)
        status = status_of(concept)
        if status is not None:
            statuses[concept["code"]] = status
    _supplement(displays, supplements)
    return _made(
        str(system.get("url")),
        system.get("version"),
        system.get("caseSensitive") is True,
        displays,
        complete=system.get("content") == "complete",
        statuses=statuses,
    )


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
    displays: dict[str, Displays | None] = {}
    query = "SELECT code, display, renamed FROM code WHERE system = ?"
    for code, display, renamed in connection.execute(query, (url,)):
        known = display and not renamed
        displays[code] = Displays(frozenset((fold(display),))) if known else None
    _supplement(displays, supplements)
    return _made(url, row[0], bool(row[2]), displays)


def status_of(concept: Resource) -> str | None:
    """Why a concept is not to be used any more (``inactive``, ``deprecated`` …), or None."""
    found = None
    for entry in concept.get("property", ()):
        name = entry.get("code")
        if name == _INACTIVE and entry.get("valueBoolean") is True:
            return _INACTIVE
        if name == _STATUS:
            value = entry.get("valueCode") or entry.get("valueString")
            if value in _GONE or value == "deprecated":
                found = str(value)
    return found


def is_inactive(concept: Resource) -> bool:
    """Whether a concept is inactive, which a deprecated one is not yet."""
    status = status_of(concept)
    return status is not None and status in (*_GONE, _INACTIVE)


def _displays(concept: Resource) -> Displays:
    display = concept.get("display")
    own = frozenset((fold(display),)) if isinstance(display, str) else frozenset()
    return Displays(own, _by_language(concept))


def _by_language(concept: Resource) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for designation in concept.get("designation", ()):
        text, language = designation.get("value"), designation.get("language", "en")
        if isinstance(text, str) and isinstance(language, str):
            found[language] = found.get(language, frozenset()) | {fold(text)}
    return found


def _supplement(displays: dict[str, Displays | None], supplements: Iterable[Resource]) -> None:
    for supplement in supplements:
        for concept in concepts(supplement):
            known = displays.get(concept["code"])
            if known is None:
                continue
            added = _displays(concept)
            languages = dict(known.by_language)
            for language, texts in added.by_language.items():
                languages[language] = languages.get(language, frozenset()) | texts
            displays[concept["code"]] = Displays(known.own | added.own, languages)


def _made(
    url: str,
    version: str | None,
    sensitive: bool,
    displays: dict[str, Displays | None],
    *,
    complete: bool = True,
    statuses: Mapping[str, str] | None = None,
) -> CodeSystemSchema:
    by_fold = {} if sensitive else {code.casefold(): code for code in displays}
    return CodeSystemSchema(
        url, version, sensitive, displays, by_fold, complete=complete, statuses=statuses or {}
    )

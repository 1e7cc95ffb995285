"""List the codes of a value set, as far as they can be known offline.

Follows the composition rules of https://hl7.org/fhir/R4/valueset.html#compositions: within one
include all parts hold together, includes add up, excludes take away. Known are listed concepts,
complete code systems, filters over their hierarchy and properties, and other value sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fhirkit.core.regex import UnsupportedPattern, full_matcher
from fhirkit.schema.model import ValueSetSchema

Resource = dict[str, Any]
Codes = set[tuple[str, str]]

#: Finds a ValueSet or CodeSystem resource by canonical, or None.
Finder = Callable[[str], Resource | None]

#: More codes than this are not spelled out (the next larger ones are whole nomenclatures).
MAX_CODES = 50_000

#: ``hierarchyMeaning`` of a code system whose codes are at hand but not their hierarchy.
UNKNOWN = "unknown"


class _UnknownError(Exception):
    """Part of the value set cannot be listed; the text says what is missing."""


def compile_value_set(
    value_set: Resource, find_value_set: Finder, find_code_system: Finder
) -> ValueSetSchema:
    """Every code of the value set, or what is missing to list them."""
    expander = _Expander(find_value_set, find_code_system)
    url = str(value_set.get("url", ""))
    version = value_set.get("version")
    codes, missing = expander.compose(value_set)
    by_system: dict[str, list[str]] = {}
    for system, code in sorted(codes):
        by_system.setdefault(system, []).append(code)
    whole = tuple(
        system
        for system, listed in by_system.items()
        if len(listed) > 50 and len(listed) == expander.size(system)
    )
    return ValueSetSchema(
        url,
        version,
        {system: tuple(listed) for system, listed in by_system.items() if system not in whole},
        whole,
        tuple(sorted(missing)),
    )


class _Expander:
    """One expansion: remembers which value sets are being expanded, so that no circle is run."""

    def __init__(self, find_value_set: Finder, find_code_system: Finder) -> None:
        self._find_value_set = find_value_set
        self._find_code_system = find_code_system
        self._running: list[str] = []

    def size(self, system: str) -> int:
        """How many codes a complete code system has; -1 when it is not complete."""
        code_system = self._complete(system)
        return -1 if code_system is None else sum(1 for _ in _walk(code_system))

    def compose(self, value_set: Resource) -> tuple[Codes, set[str]]:
        """The listed codes, and what is missing; a missing exclude leaves nothing known."""
        compose = value_set.get("compose")
        if not compose or not compose.get("include"):
            # A value set without definition, but with an expansion, means that expansion.
            return self._published(value_set)
        codes: Codes = set()
        missing: set[str] = set()
        for include in compose["include"]:
            try:
                codes |= self._part(include)
            except _UnknownError as gap:
                missing.add(str(gap))
        for exclude in compose.get("exclude", ()):
            try:
                codes -= self._part(exclude)
            except _UnknownError as gap:
                return set(), {*missing, str(gap)}
        if len(codes) > MAX_CODES:
            return set(), {f"{value_set.get('url')} (too many codes)"}
        return codes, missing

    def _published(self, value_set: Resource) -> tuple[Codes, set[str]]:
        entries = list(value_set.get("expansion", {}).get("contains", ()))
        if not entries:
            return set(), {str(value_set.get("url"))}
        codes: Codes = set()
        while entries:
            entry = entries.pop()
            entries.extend(entry.get("contains", ()))
            if "code" in entry and not entry.get("abstract"):
                codes.add((entry.get("system", ""), entry["code"]))
        return codes, set()

    def _part(self, part: Resource) -> Codes:
        """An include or exclude: the intersection of what its members say."""
        sets: list[Codes] = [self._value_set(canonical) for canonical in part.get("valueSet", ())]
        system = part.get("system")
        if system is not None:
            sets.append(self._system(system, part))
        if not sets:
            raise _UnknownError("an include that names nothing")
        return set.intersection(*sets)

    def _value_set(self, canonical: str) -> Codes:
        url = canonical.partition("|")[0]
        value_set = self._find_value_set(canonical)
        if value_set is None or url in self._running:
            raise _UnknownError(canonical)
        self._running.append(url)
        try:
            codes, missing = self.compose(value_set)
        finally:
            self._running.pop()
        if missing:
            raise _UnknownError(", ".join(sorted(missing)))
        return codes

    def _system(self, system: str, part: Resource) -> Codes:
        if part.get("concept"):
            return {(system, concept["code"]) for concept in part["concept"]}
        code_system = self._complete(system)
        if code_system is None:
            raise _UnknownError(system)
        codes = {concept["code"] for concept, _ in _walk(code_system)}
        for condition in part.get("filter", ()):
            codes &= _filtered(code_system, condition)
        return {(system, code) for code in codes}

    def _complete(self, system: str) -> Resource | None:
        code_system = self._find_code_system(system)
        if code_system is None or code_system.get("content") != "complete":
            return None
        return code_system


def _walk(code_system: Resource) -> Iterator[tuple[Resource, tuple[str, ...]]]:
    """Every concept with the codes above it."""
    stack: list[tuple[Resource, tuple[str, ...]]] = [
        (concept, ()) for concept in code_system.get("concept", ())
    ]
    while stack:
        concept, above = stack.pop()
        yield concept, above
        stack.extend((child, (*above, concept["code"])) for child in concept.get("concept", ()))


def _filtered(code_system: Resource, condition: Resource) -> set[str]:
    """The codes that a filter selects (https://hl7.org/fhir/R4/valueset-filter-operator.html)."""
    name, value = condition.get("property"), str(condition.get("value"))
    operator = condition.get("op")
    if code_system.get("hierarchyMeaning") == UNKNOWN:
        raise _UnknownError(f"{code_system.get('url')} filtered by {operator}")
    everything = {concept["code"]: concept for concept, _ in _walk(code_system)}
    if operator in ("is-a", "descendent-of", "is-not-a"):
        below = _below(code_system, value)
        if operator == "descendent-of":
            return below
        selected = below | ({value} & everything.keys())
        return set(everything) - selected if operator == "is-not-a" else selected
    matches = _condition(str(operator), value)
    if matches is None:
        raise _UnknownError(f"{code_system.get('url')} filtered by {operator}")
    return {code for code, concept in everything.items() if matches(_values(concept, name))}


def _below(code_system: Resource, root: str) -> set[str]:
    """The codes below one: by nesting, and by the properties that name parents or children."""
    children: dict[str, set[str]] = {}
    for concept, above in _walk(code_system):
        if above:
            children.setdefault(above[-1], set()).add(concept["code"])
        for entry in concept.get("property", ()):
            if entry.get("code") in ("subsumedBy", "parent"):
                children.setdefault(str(_value(entry)), set()).add(concept["code"])
            elif entry.get("code") == "child":
                children.setdefault(concept["code"], set()).add(str(_value(entry)))
    found: set[str] = set()
    pending = [root]
    while pending:
        fresh = children.get(pending.pop(), set()) - found
        found |= fresh
        pending.extend(fresh)
    return found - {root}


def _values(concept: Resource, name: Any) -> list[str]:
    """The values of a property of a concept; its code and display count as properties."""
    if name in ("code", "concept", "display", "definition"):
        key = "code" if name == "concept" else name
        return [str(concept[key])] if key in concept else []
    return [_value(entry) for entry in concept.get("property", ()) if entry.get("code") == name]


def _value(entry: Resource) -> str:
    for name, value in entry.items():
        if name.startswith("value"):
            if isinstance(value, dict):
                return str(value.get("code"))
            return str(value).lower() if isinstance(value, bool) else str(value)
    return ""


def _condition(operator: str, value: str) -> Callable[[list[str]], bool] | None:
    """The test of a property's values; None for an operator that is not known here."""
    listed = {part.strip() for part in value.split(",")}
    if operator == "=":
        return lambda found: value in found
    if operator == "in":
        return lambda found: not listed.isdisjoint(found)
    if operator == "not-in":
        return listed.isdisjoint
    if operator == "exists":
        return lambda found: bool(found) == (value == "true")
    if operator == "regex":
        try:
            matches = full_matcher(value)
        except UnsupportedPattern:
            return None
        return lambda found: any(matches(text) for text in found)
    return None

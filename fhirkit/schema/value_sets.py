"""List the codes of a value set, as far as they can be known offline.

Follows the composition rules of https://hl7.org/fhir/R4/valueset.html#compositions: within one
include all parts hold together, includes add up, excludes take away. Known are listed concepts,
complete code systems, filters over their hierarchy and properties, and other value sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fhirkit.core.regex import UnsupportedPattern, full_matcher
from fhirkit.schema.code_systems import is_inactive
from fhirkit.schema.extras import is_version
from fhirkit.schema.model import ValueSetSchema

Resource = dict[str, Any]
Codes = set[tuple[str, str]]

#: Finds a ValueSet or CodeSystem resource by canonical, or None.
Finder = Callable[[str], Resource | None]

#: More codes than this are not spelled out (the next larger ones are whole nomenclatures).
MAX_CODES = 50_000

#: What a definition of the wrong shape provokes; the walk says what is wrong with it.
_MALFORMED = (AttributeError, KeyError, TypeError)
#: Filters that go by the place of a code among the others.
_HIERARCHICAL = frozenset({"is-a", "descendent-of", "is-not-a", "generalizes"})
#: A value set with so many codes of one system is checked whether it has all of them.
_LARGE = 50


class _UnknownError(Exception):
    """Part of the value set cannot be listed; the text says what is missing.

    ``systems`` are the only systems that this part can hold codes of; None when it can hold any.
    """

    def __init__(self, missing: str, systems: frozenset[str] | None = None) -> None:
        super().__init__(missing)
        self.systems = systems


class _Gaps:
    """What is missing to list all codes."""

    def __init__(self) -> None:
        self.missing: set[str] = set()
        self.systems: frozenset[str] | None = frozenset()

    def add(self, missing: str, systems: frozenset[str] | None) -> None:
        self.missing.add(missing)
        known = self.systems
        self.systems = None if systems is None or known is None else known | systems


def compile_value_set(
    value_set: Resource, find_value_set: Finder, find_code_system: Finder
) -> ValueSetSchema:
    """Every code of the value set, or what is missing to list them."""
    try:
        return _compiled(value_set, find_value_set, find_code_system)
    except _MALFORMED:
        url = str(value_set.get("url", "a value set"))
        return ValueSetSchema(url, None, missing=(f"{url} (or what it includes) is malformed",))


def _compiled(
    value_set: Resource, find_value_set: Finder, find_code_system: Finder
) -> ValueSetSchema:
    expander = _Expander(find_value_set, find_code_system)
    url = str(value_set.get("url", ""))
    codes, gaps = expander.compose(value_set)
    by_system: dict[str, list[str]] = {}
    for system, code in sorted(codes):
        by_system.setdefault(system, []).append(code)
    whole = tuple(
        system
        for system, listed in by_system.items()
        if len(listed) > _LARGE and len(listed) == expander.size(system)
    )
    return ValueSetSchema(
        url,
        value_set.get("version"),
        {system: tuple(listed) for system, listed in by_system.items() if system not in whole},
        whole,
        tuple(sorted(gaps.missing)),
        tuple(sorted(gaps.systems)) if gaps.missing and gaps.systems is not None else None,
        expander.circular,
        tuple(sorted((expander.any_case - expander.exact) & by_system.keys())),
        {
            system: tuple(sorted(version for version in versions if version is not None))
            for system, versions in sorted(expander.versions.items())
            if None not in versions
        },
    )


class _Expander:
    """One expansion: remembers which value sets are being expanded, so that no circle is run."""

    def __init__(self, find_value_set: Finder, find_code_system: Finder) -> None:
        self._find_value_set = find_value_set
        self._find_code_system = find_code_system
        self._running: list[str] = []
        #: The first value set that turned out to include itself.
        self.circular: str | None = None
        #: Systems that do not tell upper from lower case, included as they are; and systems of
        #: which codes are picked, which are meant as they are written.
        self.any_case: set[str] = set()
        self.exact: set[str] = set()
        #: The versions by which each system is included; None for none.
        self.versions: dict[str, set[str | None]] = {}

    def size(self, system: str) -> int:
        """How many codes a complete code system has; -1 when it is not complete."""
        code_system = self._find_code_system(system)
        if code_system is None or code_system.get("content") != "complete":
            return -1
        return sum(1 for _ in _walk(code_system))

    def compose(self, value_set: Resource) -> tuple[Codes, _Gaps]:
        """The listed codes, and what is missing; a missing exclude leaves nothing known."""
        compose = value_set.get("compose")
        gaps = _Gaps()
        if not compose or not compose.get("include"):
            # A value set without definition, but with an expansion, means that expansion.
            codes = _published(value_set)
            if codes is None:
                gaps.add(str(value_set.get("url")), None)
            return codes or set(), gaps
        codes = self._definition(compose, gaps)
        if len(codes) > MAX_CODES:
            codes = set()
            gaps.add(f"{value_set.get('url')} (too many codes)", None)
        if gaps.missing and (published := _published(value_set)) is not None:
            return published, _Gaps()
        return codes, gaps

    def _definition(self, compose: Resource, gaps: _Gaps) -> Codes:
        active_only = compose.get("inactive") is False
        codes: Codes = set()
        for include in compose["include"]:
            self._note(include)
            try:
                codes |= self._part(include, gaps, active_only=active_only)
            except _UnknownError as gap:
                gaps.add(str(gap), gap.systems)
        for exclude in compose.get("exclude", ()):
            taken = _Gaps()
            try:
                codes -= self._part(exclude, taken, active_only=False)
            except _UnknownError as gap:
                taken.add(str(gap), gap.systems)
            if taken.missing:
                # What is not known to be taken away may be what is listed.
                lost = taken.systems
                doubtful = {one for one in codes if lost is None or one[0] in lost}
                codes -= doubtful
                for missing in taken.missing if doubtful else ():
                    gaps.add(missing, frozenset(system for system, _ in doubtful))
        return codes

    def _note(self, include: Resource) -> None:
        """Note how the codes of an include are to be read: in which case, of which version."""
        system = include.get("system")
        if not isinstance(system, str):
            return
        version = include.get("version")
        self.versions.setdefault(system, set()).add(version if isinstance(version, str) else None)
        filters = (one.get("op") for one in include.get("filter", ()))
        if include.get("concept") or not _HIERARCHICAL.issuperset(filters):
            self.exact.add(system)
        else:
            code_system = self._find_code_system(system)
            if code_system is not None and code_system.get("caseSensitive") is not True:
                self.any_case.add(system)

    def _part(self, part: Resource, gaps: _Gaps, *, active_only: bool) -> Codes:
        """An include or exclude: the intersection of what its members say."""
        system = part.get("system")
        only = None if system is None else frozenset((system,))
        try:
            sets: list[Codes] = [
                self._value_set(canonical) for canonical in part.get("valueSet", ())
            ]
        except _UnknownError as gap:
            raise _UnknownError(str(gap), gap.systems if only is None else only) from None
        if system is not None:
            sets.append(self._system(system, part, gaps, active_only=active_only))
        if not sets:
            raise _UnknownError("an include that names nothing")
        return set.intersection(*sets)

    def _value_set(self, canonical: str) -> Codes:
        url = canonical.partition("|")[0]
        if url in self._running:
            self.circular = self.circular or url
            raise _UnknownError(canonical)
        value_set = self._find_value_set(canonical)
        if value_set is None:
            raise _UnknownError(canonical)
        self._running.append(url)
        try:
            codes, gaps = self.compose(value_set)
        finally:
            self._running.pop()
        if gaps.missing:
            raise _UnknownError(", ".join(sorted(gaps.missing)), gaps.systems)
        return codes

    def _system(self, system: str, part: Resource, gaps: _Gaps, *, active_only: bool) -> Codes:
        code_system = self._find_code_system(system)
        if part.get("concept"):
            codes = {concept["code"] for concept in part["concept"]}
            if active_only and code_system is not None:
                codes -= _inactive(code_system)
            return {(system, code) for code in codes}
        content = None if code_system is None else code_system.get("content")
        version = part.get("version")
        if code_system is None or content not in ("complete", "fragment"):
            raise _UnknownError(system, frozenset((system,)))
        if version is not None and not _is_of(code_system, version):
            raise _UnknownError(f"{system}|{version}", frozenset((system,)))
        if content == "fragment":
            gaps.add(system, frozenset((system,)))
        codes = {concept["code"] for concept, _ in _walk(code_system)}
        for condition in part.get("filter", ()):
            codes &= _filtered(code_system, condition)
        if active_only:
            codes -= _inactive(code_system)
        return {(system, code) for code in codes}


def _is_of(code_system: Resource, version: str) -> bool:
    """Whether a code system is of a version, or says nothing of its version."""
    present = code_system.get("version")
    return present is None or is_version(version, present)


def _published(value_set: Resource) -> Codes | None:
    """The codes of an expansion that came with the value set; None when it is not all of it."""
    expansion = value_set.get("expansion", {})
    entries = list(expansion.get("contains", ()))
    if not entries:
        return None
    codes: Codes = set()
    while entries:
        entry = entries.pop()
        entries.extend(entry.get("contains", ()))
        if "code" in entry and not entry.get("abstract"):
            codes.add((entry.get("system", ""), entry["code"]))
    total = expansion.get("total")
    return None if isinstance(total, int) and total > len(codes) else codes


def _inactive(code_system: Resource) -> set[str]:
    return {concept["code"] for concept, _ in _walk(code_system) if is_inactive(concept)}


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
    only = frozenset((str(code_system.get("url")),))
    everything = {concept["code"]: concept for concept, _ in _walk(code_system)}
    if code_system.get("caseSensitive") is not True and operator in _HIERARCHICAL:
        by_fold = {code.casefold(): code for code in everything}
        value = value if value in everything else by_fold.get(value.casefold(), value)
    if operator == "generalizes":
        return {value, *_above(code_system, value)} & everything.keys()
    if operator == "=" and name == "parent":
        return _children(code_system).get(value, set()) & everything.keys()
    if operator in ("is-a", "descendent-of", "is-not-a"):
        below = _below(code_system, value)
        if operator == "descendent-of":
            return below
        selected = below | ({value} & everything.keys())
        return set(everything) - selected if operator == "is-not-a" else selected
    matches = _condition(str(operator), value)
    if matches is None:
        raise _UnknownError(f"{code_system.get('url')} filtered by {operator}", only)
    return {code for code, concept in everything.items() if matches(_values(concept, name))}


def _children(code_system: Resource) -> dict[str, set[str]]:
    """The codes right below each: by nesting, and by the properties that name parents, children."""
    children: dict[str, set[str]] = {}
    for concept, above in _walk(code_system):
        if above:
            children.setdefault(above[-1], set()).add(concept["code"])
        for entry in concept.get("property", ()):
            if entry.get("code") in ("subsumedBy", "parent"):
                children.setdefault(str(_value(entry)), set()).add(concept["code"])
            elif entry.get("code") == "child":
                children.setdefault(concept["code"], set()).add(str(_value(entry)))
    return children


def _below(code_system: Resource, root: str) -> set[str]:
    """The codes below one, at any depth."""
    return _reached(_children(code_system), root)


def _above(code_system: Resource, leaf: str) -> set[str]:
    """The codes above one, at any height."""
    parents: dict[str, set[str]] = {}
    for parent, below in _children(code_system).items():
        for child in below:
            parents.setdefault(child, set()).add(parent)
    return _reached(parents, leaf)


def _reached(steps: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    pending = [start]
    while pending:
        fresh = steps.get(pending.pop(), set()) - found
        found |= fresh
        pending.extend(fresh)
    return found - {start}


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

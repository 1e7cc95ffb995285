"""A profile's differential against its base: elements that exist, in order, only narrower.

https://hl7.org/fhir/R4/profiling.html#snapshot: a differential names elements in the order of its
base. HL7's tools look for the base's elements one after the other; what stands before one that was
found already is never reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from fhirkit.schema import builders
from fhirkit.schema.model import ElementSchema, StructureSchema
from fhirkit.schema.snapshot import element_at
from fhirkit.validate.definitional import targets
from fhirkit.validate.definitional.known import Json, Known, Placed, text, types
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

_CORE = "http://hl7.org/fhir/StructureDefinition/"
_STRENGTHS = ("example", "preferred", "extensible", "required")


def check(
    entries: Sequence[Json], base: StructureSchema, node: Node, known: Known
) -> Iterator[Placed]:
    """Findings for the entries of one differential."""
    reach = _Reach(entries, known)
    reached = reach.run(base)
    impossible = [*reach.misnamed, *_impossible(entries, reached, known)]
    if impossible:
        message = f"the differential cannot be applied: {impossible[0]}"
        yield node, Finding("structure-snapshot", message)
        return
    lost = [at for at in range(len(entries)) if at not in reached]
    for at in lost:
        place = step(step(node, "differential"), "element", at)
        path = text(entries[at], "path")
        message = f"{path} is no element of {base.url}, or it stands out of order"
        yield place, Finding("differential-element", message)
    if lost:
        names = ", ".join(str(text(entries[at], "path")) for at in lost[:3])
        message = f"{len(lost)} elements of the differential cannot be applied: {names}"
        yield node, Finding("differential-element", message)
    for at, element in reached.items():
        for finding in _narrower(entries[at], element, known):
            yield node, finding
    sliced: set[str] = set()
    for at, element in reached.items():
        if _is_sudden(entries[at], element, sliced):
            place = step(step(node, "differential"), "element", at)
            message = f"{text(entries[at], 'path')} is a slice, but nothing says how to tell it"
            yield place, Finding("element-slicing", message)


def _impossible(
    entries: Sequence[Json], reached: dict[int, ElementSchema], known: Known
) -> Iterator[str]:
    """Why a snapshot cannot be made at all, where elements exist and are in order."""
    for at, element in reached.items():
        path = text(entries[at], "path")
        if "slicing" in entries[at] and element.cardinality.max == 1 and not element.choice:
            yield f"{path} does not repeat, so it cannot be sliced"
        for one in types(entries[at]):
            wrong = targets.stranger(one, element, known)
            if wrong is not None:
                yield f"{path}: {wrong}"


def _is_sudden(entry: Json, element: ElementSchema, sliced: set[str]) -> bool:
    """Whether an entry is a slice of what nothing has sliced. ``sliced`` remembers what was."""
    path = text(entry, "path") or ""
    if "slicing" in entry:
        sliced.add(path)
    told = element.slicing is not None or element.slice_name is not None or element.choice
    is_extension = path.endswith(("xtension", "]"))
    return "sliceName" in entry and not told and not is_extension and path not in sliced


class _Reach:
    """Goes through the base's elements in order and notes the entries that speak of them."""

    def __init__(self, entries: Sequence[Json], known: Known) -> None:
        self._paths = [text(entry, "path") or "" for entry in entries]
        self._entries = entries
        self._known = known
        #: Place of an entry → the base's element it is about.
        self._found: dict[int, ElementSchema] = {}
        #: Names that begin like a choice, but end in no type that it may have.
        self.misnamed: list[str] = []

    def run(self, base: StructureSchema) -> dict[int, ElementSchema]:
        """Place of each entry that is reached → the base's element."""
        start = 0
        if self._paths and "." not in self._paths[0]:
            self._found[0] = base.root
            start = 1
        self._level(base.root, base, self._paths[0].partition(".")[0], start, len(self._paths))
        return self._found

    def _level(
        self, parent: ElementSchema, source: StructureSchema, prefix: str, start: int, end: int
    ) -> None:
        """The entries from ``start`` to ``end`` that are below one element."""
        if start >= end:
            return
        children, source = self._children(parent, source)
        cursor = start
        for child in children:
            names = _names(child)
            if child.choice:
                self._note_misnamed(child, names, prefix, start, end)
            matches = [
                at
                for at in range(cursor, end)
                if self._paths[at].removeprefix(f"{prefix}.") in names
                and self._paths[at].startswith(f"{prefix}.")
            ]
            if not matches and cursor < end:
                # An element that is only passed through has no entry of its own.
                name = self._paths[cursor].removeprefix(f"{prefix}.").partition(".")[0]
                if name in names and self._paths[cursor].startswith(f"{prefix}."):
                    stop = self._stop(cursor, end, f"{prefix}.{name}.")
                    self._level(_typed(child, name), source, f"{prefix}.{name}", cursor, stop)
                    cursor = stop
                continue
            for at in matches:
                self._found[at] = self._of_slice(child, self._entries[at])
                below = f"{self._paths[at]}."
                stop = self._stop(at + 1, end, below)
                within = _typed(self._found[at], self._paths[at].rpartition(".")[2])
                if own := types(self._entries[at]):
                    within = replace(within, types=own)
                self._level(within, source, self._paths[at], at + 1, stop)
                cursor = max(cursor, stop)

    def _note_misnamed(
        self, choice: ElementSchema, names: set[str], prefix: str, start: int, end: int
    ) -> None:
        for at in range(start, end):
            name = self._paths[at].removeprefix(f"{prefix}.")
            rest = name.removeprefix(choice.name)
            if name not in names and rest != name and rest[:1].isupper() and "." not in name:
                self.misnamed.append(f"{self._paths[at]} is no type that {choice.path} may have")

    def _stop(self, start: int, end: int, prefix: str) -> int:
        at = start
        while at < end and self._paths[at].startswith(prefix):
            at += 1
        return at

    def _of_slice(self, element: ElementSchema, entry: Json) -> ElementSchema:
        name = text(entry, "sliceName")
        for part in element.slices:
            if name is not None and part.slice_name == name:
                return part
        return element

    def _children(
        self, element: ElementSchema, source: StructureSchema
    ) -> tuple[tuple[ElementSchema, ...], StructureSchema]:
        """The children of an element: its own, those of what it repeats, or those of its type."""
        if element.children:
            return element.children, source
        if element.content_reference is not None:
            target = element_at(source.root, element.content_reference.rpartition("#")[2])
            return (target.children if target is not None else ()), source
        codes = {one.code for one in element.types}
        code = codes.pop() if len(codes) == 1 else "Element"
        structure = self._known.store.structure(code if "/" in code else _CORE + code)
        return (structure.root.children, structure) if structure is not None else ((), source)


def _typed(element: ElementSchema, name: str) -> ElementSchema:
    """A choice as the type that a name like ``valueQuantity`` speaks of."""
    named = tuple(
        one for one in element.types if name == element.name + one.code[:1].upper() + one.code[1:]
    )
    return replace(element, types=named) if element.choice and named else element


def _names(element: ElementSchema) -> set[str]:
    """What the last part of a path to an element may be."""
    if not element.choice:
        return {element.name}
    typed = {element.name + one.code[:1].upper() + one.code[1:] for one in element.types}
    return {f"{element.name}[x]", *typed}


def _narrower(entry: Json, element: ElementSchema, known: Known) -> Iterator[Finding]:
    """A profile may only narrow what its base says."""
    path = text(entry, "path")
    is_new_slice = "sliceName" in entry and entry["sliceName"] != element.slice_name
    least, most = entry.get("min"), text(entry, "max")
    limits = element.cardinality
    if isinstance(least, int) and least < limits.min and not is_new_slice:
        yield _wider(f"{path}: the minimum {least} is less than the base's, {limits.min}")
    if most is not None and limits.max is not None and (most == "*" or _number(most) > limits.max):
        yield _wider(f"{path}: the maximum {most} is more than the base's, {limits.max}")
    if entry.get("mustSupport") is False and element.must_support:
        yield _wider(f"{path}: the base asks for support (mustSupport), which stays")
    yield from _binding(entry, element, known)
    yield from _value(entry, element)


def _binding(entry: Json, element: ElementSchema, known: Known) -> Iterator[Finding]:
    binding, base = entry.get("binding"), element.binding
    if not isinstance(binding, dict) or base is None or base.strength != "required":
        return
    path, strength = text(entry, "path"), text(binding, "strength")
    if strength in _STRENGTHS[:3]:
        yield _wider(f"{path}: a required binding cannot become {strength}")
        return
    inner, outer = text(binding, "valueSet"), base.value_set
    if inner is None or outer is None or inner.partition("|")[0] == outer.partition("|")[0]:
        return
    stranger = known.outside(inner, outer)
    if stranger is not None:
        yield _wider(f"{path}: {inner} holds {stranger!r}, which {outer} does not")


def _value(entry: Json, element: ElementSchema) -> Iterator[Finding]:
    """Fixed values and patterns are of a type that the element may have."""
    codes = {one.code for one in types(entry) or element.types}
    base = element.fixed
    own = builders.typed_value(entry, "fixed")
    if base is not None and own is not None and own.type == base.type and own.json != base.json:
        yield _wider(f"{text(entry, 'path')}: the base fixes {base.json[:60]}, not {own.json[:60]}")
    for name in ("fixed", "pattern"):
        typed = builders.typed_value(entry, name)
        if typed is None or not codes:
            continue
        if not any(typed.type == code[:1].upper() + code[1:] for code in codes):
            listed = ", ".join(sorted(codes))
            message = f"{text(entry, 'path')}: {name}{typed.type}, but the types are {listed}"
            yield Finding("element-value-type", message)


def _wider(message: str) -> Finding:
    return Finding("differential-wider", message)


def _number(text_: str) -> int:
    return int(text_) if text_.isdigit() else 0

"""What FHIR says about a place in a record: its element, its codes, what may stand beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fhirkit.editor.place import Place, Way
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.members import Kind, Member, Shape
from fhirkit.validate.shapes import Shapes

#: More codes than these nobody looks through; typing narrows them.
MOST = 300


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that could be written here. ``text`` is what is put into the document.

    ``sought`` is what typing is compared with, where that is more than the label.
    """

    label: str
    text: str
    detail: str = ""
    about: str = ""
    sought: str = ""

    def fits(self, word: str) -> bool:
        """Whether this is what somebody may mean who typed ``word`` (casefolded)."""
        return word in (self.sought or self.label).casefold()


class Elements:
    """Answers about records of one FHIR version."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._store: SchemaStore = shapes.store
        self._texts = self._store.texts

    def about(self, place: Place) -> str:
        """The element at a place in Markdown; empty where FHIR knows none."""
        if place.way and place.way[-1] == "resourceType":
            name = place.types.get(place.way[:-1], "")
            return self._about_type(name)
        members = self._members(place)
        if not members:
            return ""
        text = self._about_member(members[-1])
        if not place.on_name:
            text += self._about_code(place, members)
        return text

    def choices(self, place: Place) -> list[Choice]:
        """What fits at a place, best first."""
        found = self._names(place) if place.on_name else self._values(place)
        word = place.typed.casefold()
        fitting = [one for one in found if one.fits(word)]
        return sorted(fitting, key=lambda one: not one.label.casefold().startswith(word))[:MOST]

    # The way from the resource to the place

    def _members(self, place: Place) -> list[Member]:
        """The property of each step of the way, list places left out; empty when one is unknown."""
        shape: Shape | None = None
        members: list[Member] = []
        for length in range(len(place.way) + 1):
            way = place.way[:length]
            if length and isinstance(way[-1], str):
                if shape is None:
                    return []
                member = shape.members.get(way[-1])
                if member is None:
                    return []
                members.append(member)
                shape = self._inside(member)
            if way in place.types and (not members or members[-1].kind is Kind.RESOURCE):
                shape = self._shapes.resource(place.types[way])
        return members

    def _shape(self, place: Place) -> Shape | None:
        """The kind of object that the place is in."""
        way: Way = place.way[:-1]
        members = self._members(replace(place, way=way))
        if way in place.types:
            resource = self._shapes.resource(place.types[way])
            if resource is not None and (not members or members[-1].kind is Kind.RESOURCE):
                return resource
        return self._inside(members[-1]) if members else None

    @staticmethod
    def _inside(member: Member) -> Shape | None:
        return member.shape if member.kind in (Kind.COMPLEX, Kind.SIBLING) else None

    # What can be written

    def _names(self, place: Place) -> Iterator[Choice]:
        shape = self._shape(place)
        if shape is None:
            if not place.way[:-1] or "resourceType" not in place.beside:
                yield self._choice_of_name("resourceType", "the type of the resource", place, '""')
            return
        for key, member in shape.members.items():
            if key in place.beside or member.maximum == 0:
                continue
            taken = member.choice is not None and any(
                one.choice == member.choice for name in place.beside
                if (one := shape.members.get(name)) is not None
            )  # fmt: skip
            if not taken and (member.kind is not Kind.SIBLING or place.typed.startswith("_")):
                short = self._texts.element(member.element.path)[0]
                yield self._choice_of_name(key, short, place, _empty_value(member), _form(member))

    @staticmethod
    def _choice_of_name(key: str, about: str, place: Place, value: str, form: str = "") -> Choice:
        text = f'"{key}"' if place.named else f'"{key}": {value}'
        return Choice(key, text, form, about)

    def _values(self, place: Place) -> Iterator[Choice]:
        name = place.way[-1] if place.way else ""
        if name == "resourceType":
            for one in sorted(self._store.resource_types):
                yield Choice(one, f'"{one}"', "", self._texts.element(one)[0])
            return
        members = self._members(place)
        if not members:
            return
        if members[-1].type == "boolean":
            yield from (Choice(word, word) for word in ("true", "false"))
        systems = self._systems(members)
        if members[-1].element.path == "Coding.system":
            yield from (Choice(system, f'"{system}"') for system in systems if system)
            return
        wanted = place.texts.get(place.way[:-1], {}).get("system")
        for system, codes in systems.items():
            if wanted and system and wanted != system:
                continue
            for code in codes:
                display = self._texts.display(system, code)
                yield Choice(code, f'"{code}"', system, display, f"{code} {display}")

    def _systems(self, members: list[Member]) -> dict[str, tuple[str, ...]]:
        """The codes that may stand at a place, by system: of its binding, or its concept's."""
        last = members[-1]
        if last.type not in ("code", "uri", "string") and last.type != "CodeableConcept":
            return {}
        inner = {"Coding.code", "Coding.system"}
        for member in reversed(members):
            binding = member.element.binding
            if member.element.path in inner or member.element.path == "CodeableConcept.coding":
                continue
            if binding is None or binding.value_set is None:
                return {}
            found = self._store.value_set(binding.value_set)
            if found is None:
                return {}
            listed = {system: tuple(codes) for system, codes in found.codes.items()}
            for system in found.whole:
                listed[system] = tuple(sorted(self._store.codes(system) or ()))
            return listed
        return {}

    # What is said

    def _about_type(self, name: str) -> str:
        if name not in self._store.resource_types:
            return ""
        short, definition = self._texts.element(name)
        return f"**{name}**\n\n{definition or short}"

    def _about_member(self, member: Member) -> str:
        short, definition = self._texts.element(member.element.path)
        lines = [f"**{member.element.path}** `{_form(member)}`", ""]
        lines += [short, ""] if short else []
        lines += [definition, ""] if definition and definition != short else []
        binding = member.element.binding
        if binding is not None and binding.value_set is not None:
            lines += [f"{binding.strength.capitalize()} binding: {binding.value_set}", ""]
        if member.targets:
            lines += [f"Refers to {', '.join(sorted(member.targets))}", ""]
        for key in member.element.constraints:
            constraint = member.source.constraints[key]
            if key not in ("ele-1", "ext-1"):
                lines.append(f"- {key}: {constraint.human}")
        return "\n".join(lines).rstrip() + "\n"

    def _about_code(self, place: Place, members: list[Member]) -> str:
        """The display of the code at the place, where its system is at hand."""
        texts = place.texts.get(place.way[:-1], {})
        code = texts.get(str(place.way[-1])) if place.way else None
        if code is None:
            return ""
        systems = self._systems(members)
        wanted = texts.get("system")
        for system in [wanted] if wanted else systems:
            if display := self._texts.display(system, code):
                return f"\n`{code}`: {display} ({system})\n"
        return ""


def _form(member: Member) -> str:
    maximum = "*" if member.element.cardinality.max is None else member.element.cardinality.max
    return f"{member.type} {member.minimum}..{maximum}"


def _empty_value(member: Member) -> str:
    if member.kind is Kind.PRIMITIVE:
        inner = {"boolean": "", "decimal": "", "integer": ""}.get(member.type, '""')
        inner = "" if member.type in ("positiveInt", "unsignedInt") else inner
    else:
        inner = '""' if member.kind is Kind.RESOURCE_TYPE else "{}"
    return f"[{inner}]" if member.array else inner

"""The shapes as the tables of words that ``gate.rs`` looks things up in.

What a table leaves out is not accepted at once: siblings of lists and choices, values whose type
has no quick test, whatever would make a shape too large.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence

from fhirkit.validate.members import Kind, Member, Shape
from fhirkit.validate.rules import xhtml
from fhirkit.validate.rules.primitive import PrimitiveCheck
from fhirkit.validate.shapes import Shapes

#: The form of the tables; ``gate.rs`` has the same number.
LAYOUT = 2

# The numbers below are those of gate.rs, too.
_NONE = 0xFFFF_FFFF
_SLOT, _BITS, _ARRAY = 8, 512, 256
_COMPLEX, _RESOURCE, _CONTAINED, _ELEMENT_ID = 0, 1, 2, 18
_TEXT = 3
_PRIMITIVES = {
    **dict.fromkeys(("string", "markdown"), _TEXT),
    "xhtml": 19,
    "code": 4,
    "id": 5,
    **dict.fromkeys(("uri", "url"), 6),
    "canonical": 7,
    "base64Binary": 8,
    "date": 9,
    "dateTime": 10,
    "instant": 11,
    "time": 12,
    "boolean": 13,
    "decimal": 14,
    "integer": 15,
    "unsignedInt": 16,
    "positiveInt": 17,
}
#: Of elements in narratives.
_FLAGS = (
    (1, frozenset({"p"})),
    (2, xhtml.BLOCKS),
    (4, xhtml.RUNNING),
    (8, xhtml.NOT_RUNNING),
    (16, xhtml.ONCE),
    (32, xhtml.EMPTY),
    (64, xhtml.CHILDREN.keys()),
    (128, frozenset({"img"})),
)


class Tables:
    """The tables of the kinds of resources that were added; ``words`` and ``names`` grow."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self.words = array("I")
        self.names = bytearray()
        #: Where the kinds of resources are looked up.
        self.kinds = 0
        self._offsets: dict[Shape, int] = {}
        self._kinds: dict[str, int] = {}
        #: Where the tables of markup are; none where narratives are not looked at.
        self.markup = _NONE if shapes.options.shape_only else self._markup()

    def add(self, kind: str) -> bool:
        """Add a kind of resource; False when there is no such kind, or no table for it."""
        shape = self._shapes.resource(kind)
        if shape is None:
            return False
        self._kinds[kind] = self._shape(shape)
        slots = [
            (name, (number, _NONE, _RESOURCE, offset, 0, 1))
            for number, (name, offset) in enumerate(self._kinds.items())
        ]
        self.kinds = self._write(self._reserve(len(slots), ()), slots)
        return True

    def _shape(self, shape: Shape) -> int:
        """Where a shape stands, written when it is first asked for."""
        if shape in self._offsets:
            return self._offsets[shape]
        bits = {key: bit for bit, key in enumerate(shape.members)}
        choices: dict[str, int] = {}
        for member in shape.members.values():
            if member.choice is not None:
                choices.setdefault(member.choice, len(bits) + len(choices))
        required = []
        for keys in shape.required:
            first = shape.members[keys[0]]
            required.append(bits[keys[0]] if first.choice is None else choices[first.choice])
        fits = len(bits) + len(choices) <= _BITS and not shape.is_open
        members = shape.members if fits else {}
        # Shapes lead back to themselves, so the place is known before the content is.
        place = self._offsets[shape] = self._reserve(len(members), required if fits else [_BITS])
        slots = []
        for key, member in members.items():
            found = self._value(key, member)
            if found is None:
                continue
            kind, target = found
            least, most = max(1, member.minimum), member.maximum
            row = (
                bits[key],
                _NONE if member.choice is None else choices[member.choice],
                kind | (_ARRAY if member.array else 0),
                target,
                least,
                _NONE if most is None else most,
            )
            slots.append((key, row))
        return self._write(place, slots)

    def _value(self, key: str, member: Member) -> tuple[int, int] | None:
        """The kind of a member's value, and where its shape stands; None: look closer."""
        if member.maximum == 0 or member.kind is Kind.RESOURCE_TYPE:
            return None
        if member.is_element_id:
            return _ELEMENT_ID, 0
        if member.kind is Kind.PRIMITIVE:
            check = member.check
            if not isinstance(check, PrimitiveCheck) or check.certain is None:
                return None
            if member.leads_inside:
                return _TEXT, 0  # the walk looks at each of these anyway
            kind = _PRIMITIVES.get(check.name)
            return None if kind is None else (kind, 0)
        if member.kind is Kind.RESOURCE:
            if member.type != "Resource":
                return None
            return _CONTAINED if key == "contained" else _RESOURCE, 0
        if member.kind is Kind.SIBLING and (member.array or member.choice is not None):
            return None
        return _COMPLEX, self._shape(member.shape)

    def _markup(self) -> int:
        """What narratives may hold: elements, attributes, and which of these stand on which."""
        elements = {name: number for number, name in enumerate(sorted(xhtml.ELEMENTS))}
        names = xhtml.COMMON.union(*xhtml.ATTRIBUTES.values())
        # What has a prefix is for the walk.
        attributes = {name: number for number, name in enumerate(sorted(names)) if name.isalpha()}
        every = (1 << 64) - 1
        rows = []
        for name, number in elements.items():
            flags = sum(flag for flag, among in _FLAGS if name in among)
            parents = _bits(elements, xhtml.PARENTS[name]) if name in xhtml.PARENTS else every
            children = _bits(elements, xhtml.CHILDREN[name]) if name in xhtml.CHILDREN else every
            rows.append((name, (number, flags, *_pair(parents), *_pair(children))))
        place = len(self.words)
        self.words.extend([0] * (2 + 2 * len(elements)))
        self.words[place] = self._write(self._reserve(len(rows), ()), rows)
        links = [
            (name, (number, int(name in xhtml.LINKS), 0, 0, 0, 0))
            for name, number in attributes.items()
        ]
        self.words[place + 1] = self._write(self._reserve(len(links), ()), links)
        for name, number in elements.items():
            allowed = attributes.keys() & (xhtml.COMMON | xhtml.ATTRIBUTES.get(name, frozenset()))
            start = place + 2 + 2 * number
            self.words[start : start + 2] = array("I", _pair(_bits(attributes, allowed)))
        return place

    def _reserve(self, count: int, required: Sequence[int]) -> int:
        """Room for a shape with so many properties, its head filled in."""
        size = 4
        while size < 2 * count:
            size *= 2
        place = len(self.words)
        self.words.extend([size - 1, 0, len(required), *required])
        self.words.extend([0] * (size * _SLOT))
        return place

    def _write(self, place: int, slots: Sequence[tuple[str, tuple[int, ...]]]) -> int:
        mask = self.words[place]
        first = place + 3 + self.words[place + 2]
        for key, row in slots:
            name = key.encode()
            index = _hash(name) & mask
            while self.words[first + index * _SLOT + 1]:
                index = (index + 1) & mask
            start = first + index * _SLOT
            self.words[start : start + _SLOT] = array("I", [len(self.names), len(name), *row])
            self.names += name
        return place


def _bits(numbers: Mapping[str, int], names: Iterable[str]) -> int:
    return sum(1 << numbers[name] for name in names)


def _pair(bits: int) -> tuple[int, int]:
    """64 bits as two words, the lower first."""
    return bits & _NONE, bits >> 32


def _hash(name: bytes) -> int:
    """FNV-1a, 32 bits."""
    value = 0x811C9DC5
    for byte in name:
        value = (value ^ byte) * 0x01000193 & _NONE
    return value

"""Three-way merge of one resource, element by element, never by line and never by index.

Each side is compared with its own base: ours with what was sent, theirs with what the server made
of it, so that a server's spelling is nobody's edit. A data type is an atom: a dose, a name or a
code is taken from one side whole. So is a group of elements that only mean something together.
What both sides changed differently is a clash, which a person settles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from fhirkit.core.jsonio import dumps
from fhirkit.sync.compare import ABSENT
from fhirkit.sync.entry import tree_form
from fhirkit.sync.habits import only_respelled
from fhirkit.sync.mergelists import merged_order, paired, sequence_merge

Side = Literal["ours", "theirs"]

#: Elements that are read together, so that one side's value never meets the other side's code.
GROUPS: dict[str, tuple[str, ...]] = {
    "AllergyIntolerance": ("clinicalStatus", "verificationStatus", "code", "type", "criticality"),
    "Condition": ("clinicalStatus", "verificationStatus", "code", "onset", "abatement"),
    "DiagnosticReport": ("status", "code", "conclusion", "conclusionCode", "effective"),
    "Encounter": ("status", "class", "period"),
    "FamilyMemberHistory.condition": ("code", "outcome", "onset"),
    "Goal": ("lifecycleStatus", "achievementStatus", "description"),
    "Immunization": ("status", "statusReason", "vaccineCode", "occurrence", "doseQuantity"),
    "MedicationAdministration": ("status", "medication", "effective", "dosage"),
    "MedicationDispense": ("status", "medication", "quantity", "dosageInstruction"),
    "MedicationRequest": (
        "status", "intent", "doNotPerform", "medication", "dosageInstruction",
    ),
    "MedicationStatement": ("status", "medication", "effective", "dosage"),
    "Observation": ("status", "code", "value", "effective", "dataAbsentReason"),
    "Procedure": ("status", "statusReason", "code", "performed"),
    "ServiceRequest": ("status", "intent", "doNotPerform", "code", "occurrence", "quantity"),
}  # fmt: skip
#: In every other element too: a code and its value.
_ANYWHERE = ("code", "value", "dataAbsentReason")
#: Types whose elements are merged one by one; all others are atoms.
_OPEN = ("BackboneElement", "Element", "Resource", "DomainResource", "Meta")


class Knowledge(Protocol):
    """What the definitions say of an element."""

    def element(self, place: tuple[str, ...], name: str) -> tuple[str, str | None]:
        """For a JSON name below ``place``: the element's name without a choice's type, its type.

        ``valueQuantity`` below ``("Observation",)`` is ``("value", "Quantity")``. The type is
        None when it is not known.
        """


@dataclass(frozen=True, slots=True)
class Clash:
    """A place that both sides changed differently; ``ABSENT`` on a side that has nothing."""

    expression: str
    ours: Any
    theirs: Any

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON form; an absent side has no member."""
        sides = {"ours": self.ours, "theirs": self.theirs}
        kept = {name: value for name, value in sides.items() if value is not ABSENT}
        return {"expression": self.expression, **kept}


@dataclass(slots=True)
class Merged:
    """The merged resource, and what stands in its way. ``stale`` tells that a generated
    narrative was dropped, since it told of one side only; ``idle`` are choices for no clash.
    """

    resource: dict[str, Any]
    clashes: list[Clash] = field(default_factory=list)
    stale: bool = False
    idle: list[str] = field(default_factory=list)


def merge(
    ours: dict[str, Any],
    theirs: dict[str, Any],
    *,
    sent: dict[str, Any] | None,
    stored: dict[str, Any] | None,
    knowledge: Knowledge | None = None,
    choices: Mapping[str, Side] | None = None,
) -> Merged:
    """Merge two copies of a resource.

    ``sent`` is the base of ours, ``stored`` the base of theirs; None where nothing was agreed on.
    ``choices`` settles clashes by their expression.
    """
    work = _Merge(knowledge, choices or {})
    sides = [tree_form(one) if one is not None else {} for one in (sent, stored, ours, theirs)]
    kind = str(ours.get("resourceType"))
    result = work.fields((kind,), kind, *sides)
    merged = Merged(
        result, work.clashes, idle=[one for one in work.choices if one not in work.used]
    )
    mine, other = (not _same(sides[2], sides[0])), (not _same(sides[3], sides[1]))
    if mine and other and not _same(ours, theirs):
        _narrative(merged, *sides)
    return merged


def _narrative(
    merged: Merged,
    sent: dict[str, Any],
    stored: dict[str, Any],
    ours: dict[str, Any],
    theirs: dict[str, Any],
) -> None:
    """A generated narrative that either side renewed tells of that side's data only."""
    text = merged.resource.get("text")
    generated = isinstance(text, dict) and text.get("status") in ("generated", "extensions")
    renewed = not _same(ours.get("text"), sent.get("text")) or not _same(
        theirs.get("text"), stored.get("text")
    )
    rest = ({name: v for name, v in one.items() if name != "text"} for one in (ours, theirs))
    if generated and renewed and not _same(*rest):
        del merged.resource["text"]
        merged.stale = True


class _Merge:
    """One merge; the arguments of all methods: both bases, ours, theirs."""

    def __init__(self, knowledge: Knowledge | None, choices: Mapping[str, Side]) -> None:
        self.knowledge = knowledge
        self.choices = choices
        self.clashes: list[Clash] = []
        self.used: set[str] = set()

    def fields(
        self,
        place: tuple[str, ...],
        expression: str,
        sent: dict[str, Any],
        stored: dict[str, Any],
        ours: dict[str, Any],
        theirs: dict[str, Any],
    ) -> dict[str, Any]:
        """An object, slot by slot: an element with its extensions, a choice with its type."""
        names: dict[str, list[str]] = {}
        types: dict[str, str | None] = {}
        for name in dict.fromkeys((*ours, *theirs, *sent, *stored)):
            slot, kind = self._element(place, name.removeprefix("_"))
            names.setdefault(slot, []).append(name)
            types[slot] = kind if slot not in types or types[slot] == kind else None
        sides = (sent, stored, ours, theirs)
        result: dict[str, Any] = {}
        grouped = self._group(place, expression, names, sides)
        for slot, members in names.items():
            where = f"{expression}.{slot}"
            if slot in grouped:
                chosen: Any = {m: grouped[slot][m] for m in members if m in grouped[slot]}
            elif len(members) == 1:
                values = [one.get(members[0], ABSENT) for one in sides]
                value = self.value((*place, slot), where, types[slot], *values)
                chosen = {} if value is ABSENT else {members[0]: value}
            else:
                # A choice that changed its type, or a primitive with extensions: one thing.
                whole = [{m: one[m] for m in members if m in one} or ABSENT for one in sides]
                chosen = self.value((*place, slot), where, "atom", *whole)
                chosen = {} if chosen is ABSENT else chosen
            result.update(chosen)
        return result

    def _element(self, place: tuple[str, ...], name: str) -> tuple[str, str | None]:
        if self.knowledge is None:
            return name, None
        return self.knowledge.element(place, name)

    def _group(
        self,
        place: tuple[str, ...],
        expression: str,
        names: dict[str, list[str]],
        sides: tuple[dict[str, Any], ...],
    ) -> dict[str, dict[str, Any]]:
        """The side that a group of elements is taken from, when both sides changed it."""
        group = GROUPS.get(".".join(place), _ANYWHERE)
        slots = [slot for slot in names if slot in group]
        members = [name for slot in slots for name in names[slot]]
        sent, stored, ours, theirs = ({m: one[m] for m in members if m in one} for one in sides)
        if _same(ours, theirs) or _same(ours, sent) or _same(theirs, stored):
            return {}
        if not sent and not stored and only_respelled(ours, theirs):
            return {}
        changed = [
            slot
            for slot in slots
            if not all(_same(ours.get(m, ABSENT), theirs.get(m, ABSENT)) for m in names[slot])
        ]
        where = f"{expression}.{changed[0]}"
        spoken = [f"{expression}.{slot}" for slot in changed]
        side = self._chosen(*spoken)
        if side is None:
            self.clashes.append(Clash(where, ours or ABSENT, theirs or ABSENT))
        return dict.fromkeys(slots, theirs if side == "theirs" else ours)

    def value(
        self,
        place: tuple[str, ...],
        expression: str,
        kind: str | None,
        sent: Any,
        stored: Any,
        ours: Any,
        theirs: Any,
    ) -> Any:
        """One value: taken from the side that changed it, or merged, or a clash."""
        if _same(ours, theirs) or _same(theirs, stored):
            return ours
        if _same(ours, sent):
            return theirs
        if sent is ABSENT and stored is ABSENT and only_respelled(ours, theirs):
            return ours  # nothing was agreed on, and both say the same
        if isinstance(ours, list) and isinstance(theirs, list):
            bases = [one if isinstance(one, list) else [] for one in (sent, stored)]
            return self._list(place, expression, kind, bases, ours, theirs)
        if isinstance(ours, dict) and isinstance(theirs, dict) and self._is_open(kind, ours):
            before = [one if isinstance(one, dict) else {} for one in (sent, stored)]
            return self.fields(place, expression, before[0], before[1], ours, theirs)
        return self._clash(expression, ours, theirs)

    def _is_open(self, kind: str | None, value: dict[str, Any]) -> bool:
        return kind in _OPEN or "resourceType" in value

    def _list(
        self,
        place: tuple[str, ...],
        expression: str,
        kind: str | None,
        bases: list[list[Any]],
        ours: list[Any],
        theirs: list[Any],
    ) -> Any:
        keyed = paired(kind, bases[0], bases[1], ours, theirs)
        if keyed is None:
            merged = sequence_merge(bases[0], bases[1], ours, theirs)
            return self._clash(expression, ours, theirs) if merged is None else merged
        order = merged_order(*keyed)
        if order is None:
            return self._clash(expression, ours, theirs)
        result: list[Any] = []
        sent, stored, mine, other = keyed
        numbers = {key: number for number, key in enumerate(mine)}
        later = {key: number for number, key in enumerate(other)}
        for key in order:
            values = [one.get(key, ABSENT) for one in (sent, stored, mine, other)]
            where = f"{expression}[{numbers.get(key, later.get(key, 0))}]"
            value = self.value(place, where, kind, *values)
            if value is not ABSENT:
                result.append(value)
        return result or ABSENT

    def _clash(self, expression: str, ours: Any, theirs: Any) -> Any:
        side = self._chosen(expression)
        if side is None:
            self.clashes.append(Clash(expression, ours, theirs))
        return theirs if side == "theirs" else ours

    def _chosen(self, *places: str) -> Side | None:
        """The side that was chosen for a clash, which is known by any of these places."""
        named = [one for one in places if one in self.choices]
        self.used.update(named)
        return self.choices[named[0]] if named else None


def _same(one: Any, other: Any) -> bool:
    """Equal by content: decimals by their digits, objects whatever their order."""
    if one is other:
        return True
    if one is ABSENT or other is ABSENT or one is None or other is None:
        return False
    return dumps(one, indent=False, sort_keys=True) == dumps(other, indent=False, sort_keys=True)

"""From a StructureDefinition with a snapshot to its schema.

The snapshot is a flat list in document order
(https://hl7.org/fhir/R4/elementdefinition.html#path); each entry's path, and slice name if it has
one, tells where in the tree it belongs. Nothing here knows a FHIR version.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from fhirkit.core.errors import InvalidInput
from fhirkit.schema import builders
from fhirkit.schema.corrections import corrected
from fhirkit.schema.model import (
    Constraint,
    ElementSchema,
    ExtensionContext,
    JsonKind,
    PrimitiveSchema,
    StructureSchema,
)

Definition = dict[str, Any]

#: Gives the schema for a canonical, or None when it is not known.
Resolver = Callable[[str], StructureSchema | None]

_JSON_KINDS: dict[str, JsonKind] = {
    "Boolean": "boolean",
    "Integer": "integer",
    "Decimal": "decimal",
}

#: Integers too wide for a JSON number, so written as strings (https://hl7.org/fhir/R5/json.html).
_WIDE = frozenset({"integer64"})


def compile_structure(definition: Definition, resolve: Resolver) -> StructureSchema:
    """Compile one StructureDefinition. ``resolve`` finds base definitions of primitives.

    ``InvalidInput`` when there is no snapshot, or when its entries do not form a tree.
    """
    url = str(definition.get("url", "(no url)"))
    entries = definition.get("snapshot", {}).get("element") or ()
    if not entries:
        raise InvalidInput(f"{url}: the StructureDefinition has no snapshot")
    root = _tree(url, entries)
    table: dict[str, Constraint] = {}
    # What repeats an element of a type repeats it as the type has it, even in a profile that
    # says more of the element; a profile's own snapshot may refer to itself.
    own = url if definition.get("derivation") != "constraint" else ""
    return replace(
        about(definition, _freeze(root, table, own)),
        primitive=_primitive(definition, entries, resolve),
        constraints=dict(sorted(table.items())),
    )


def about(definition: Definition, root: ElementSchema) -> StructureSchema:
    """What a StructureDefinition says of the structure as a whole."""
    return StructureSchema(
        url=str(definition.get("url", "(no url)")),
        type=definition.get("type", root.path),
        name=definition.get("name", root.path),
        kind=definition.get("kind", "complex-type"),
        root=root,
        version=definition.get("version"),
        fhir_version=definition.get("fhirVersion"),
        derivation=definition.get("derivation"),
        base=definition.get("baseDefinition"),
        abstract=bool(definition.get("abstract")),
        contexts=tuple(
            ExtensionContext(entry["type"], entry["expression"])
            for entry in definition.get("context", ())
        ),
        context_invariants=tuple(definition.get("contextInvariant", ())),
    )


class _Node:
    """A tree node while it still grows."""

    __slots__ = ("children", "definition", "path", "slices")

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.path: str = definition["path"]
        self.children: list[_Node] = []
        self.slices: list[_Node] = []


def _tree(url: str, entries: list[Definition]) -> _Node:
    root = _Node(entries[0])
    # The way from the root to the node read last; the next entry hangs on one of them.
    open_nodes = [root]
    for entry in entries[1:]:
        node = _Node(corrected(entry))
        parent_path = node.path.rpartition(".")[0]
        while open_nodes and open_nodes[-1].path != parent_path:
            open_nodes.pop()
        if not open_nodes:
            raise InvalidInput(f"{url}: snapshot element {node.path} has no parent")
        siblings = open_nodes[-1].children
        if "sliceName" in entry and siblings and siblings[-1].path == node.path:
            siblings[-1].slices.append(node)
        else:
            siblings.append(node)
        open_nodes.append(node)
    return root


def _freeze(node: _Node, table: dict[str, Constraint], url: str) -> ElementSchema:
    """A finished node. ``url`` goes before references to the structure's own elements."""
    definition = node.definition
    reference = str(definition.get("contentReference", ""))
    keys: list[str] = []
    for constraint in builders.constraints(definition):
        # ele-1 stands on nearly every element: the structure keeps it once. Two profiles may
        # have given one key to different expressions, then the later one is told apart by place.
        key = constraint.key
        if table.setdefault(key, constraint) != constraint:
            key = f"{key}@{node.path}"
            table[key] = constraint
        keys.append(key)
    name = node.path.rpartition(".")[2]
    return ElementSchema(
        path=node.path,
        name=name.removesuffix("[x]"),
        cardinality=builders.cardinality(definition),
        types=builders.types(definition),
        array=builders.is_array(definition),
        choice=name.endswith("[x]"),
        content_reference=f"{url}{reference}" if reference.startswith("#") else reference or None,
        binding=builders.binding(definition),
        fixed=builders.typed_value(definition, "fixed"),
        pattern=builders.typed_value(definition, "pattern"),
        min_value=builders.typed_value(definition, "minValue"),
        max_value=builders.typed_value(definition, "maxValue"),
        max_length=definition.get("maxLength"),
        min_length=builders.min_length(definition),
        must_have_value=builders.must_have_value(definition),
        value_alternatives=builders.value_alternatives(definition),
        narrative_source=builders.narrative_source(definition),
        narrative_languages=builders.narrative_languages(definition),
        constraints=tuple(keys),
        slice_name=definition.get("sliceName"),
        slicing=builders.slicing(definition),
        slices=tuple(_freeze(part, table, url) for part in node.slices),
        children=tuple(_freeze(part, table, url) for part in node.children),
        modifier=bool(definition.get("isModifier")),
        must_support=bool(definition.get("mustSupport")),
        representations=tuple(definition.get("representation", ())),
    )


def _primitive(
    definition: Definition, entries: list[Definition], resolve: Resolver
) -> PrimitiveSchema | None:
    """The lexical rules of a primitive: its own, and the limits of the type it specialises."""
    if definition.get("kind") != "primitive-type":
        return None
    base_schema = resolve(definition.get("baseDefinition", ""))
    base = base_schema.primitive if base_schema is not None else None
    if base is None:
        base = PrimitiveSchema()
    value = next((entry for entry in entries if entry["path"].endswith(".value")), {})
    # A specialised integer is published with a value of System.String; the base knows better.
    own = _JSON_KINDS.get(builders.system_type(value) or "", "string")
    if definition.get("type") in _WIDE:
        own = "string"
    return PrimitiveSchema(
        json=base.json if own == "string" else own,
        regexes=builders.regexes(value) or base.regexes,
        min=value.get("minValueInteger", base.min),
        max=value.get("maxValueInteger", base.max),
        max_length=value.get("maxLength", base.max_length),
    )

"""One element of a structure as a structure of its own.

A profile may hold an element to an element of another profile, as if that were a profile
(https://hl7.org/fhir/R4/extension-elementdefinition-profile-element.html): a library of sections.
"""

from __future__ import annotations

from msgspec.structs import replace

from fhirkit.schema.model import ElementSchema, StructureSchema


def part_of(structure: StructureSchema, element_id: str) -> StructureSchema | None:
    """The element with this id (``Composition.section:allergies``), or None if there is none."""
    _, *steps = element_id.split(".")
    element: ElementSchema | None = structure.root
    for step in steps:
        name, _, slice_name = step.partition(":")
        children = element.children if element is not None else ()
        element = next((one for one in children if one.name == name.removesuffix("[x]")), None)
        if element is not None and slice_name:
            slices = element.slices
            element = next((one for one in slices if one.slice_name == slice_name), None)
    if element is None or element is structure.root:
        return None
    code = element.types[0].code if element.types else structure.type
    return replace(structure, url=f"{structure.url}#{element_id}", type=code, root=element)

"""Whether a type in a profile, with its profiles and targets, is narrower than that of the base.

https://hl7.org/fhir/R4/profiling.html#limitations: a target or profile must be one that the base
names, or derived from one. Definitions that are not at hand are given the benefit of the doubt.
"""

from __future__ import annotations

from fhirkit.schema.model import ElementSchema, TypeReference
from fhirkit.validate.definitional.known import Known

#: Targets that stand for any resource.
_ANY = frozenset({"Resource", "DomainResource"})


def stranger(one: TypeReference, element: ElementSchema, known: Known) -> str | None:
    """What a type of a profile allows that the base's element does not, in words; or None."""
    for canonical in one.profiles:
        structure = known.store.structure(canonical)
        if structure is not None and one.code not in (
            structure.url,
            *known.lineage(structure.type),
        ):
            return f"{canonical} is a profile of {structure.type}, not of {one.code}"
    allowed = {
        target.partition("|")[0]
        for base in element.types
        if base.code == one.code
        for target in base.target_profiles
    }
    if not allowed or any(_type_of(target, known) in _ANY for target in allowed):
        return None
    for canonical in one.target_profiles:
        if not _is_below(canonical, allowed, known):
            listed = ", ".join(sorted(target.rpartition("/")[2] for target in allowed))
            return f"{canonical} is no target here; allowed are {listed}"
    return None


def _type_of(canonical: str, known: Known) -> str | None:
    structure = known.store.structure(canonical)
    return None if structure is None else structure.type


def _is_below(canonical: str, allowed: set[str], known: Known) -> bool:
    """Whether a definition is one of those allowed, or based on one."""
    url: str | None = canonical.partition("|")[0]
    passed: set[str] = set()
    while url is not None and url not in passed:
        if url in allowed:
            return True
        passed.add(url)
        structure = known.store.structure(url)
        if structure is None:
            return True  # what it is based on is not known
        url = structure.base
    return False

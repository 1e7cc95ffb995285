"""What a literal reference points at (https://hl7.org/fhir/R4/references.html#literal)."""

from __future__ import annotations

import re

from fhirkit.core.resource import ResourceKey

_RELATIVE = re.compile(
    r"(?P<type>[A-Z][A-Za-z]{1,63})/(?P<id>[A-Za-z0-9\-.]{1,64})"
    r"(?:/_history/[A-Za-z0-9\-.]{1,64})?(?:#.*)?"
)


def local_key(reference: str, base: str | None = None) -> ResourceKey | None:
    """The key that a reference names on the server at ``base``; None for anything else.

    A version in the reference is left aside. Contained (``#…``), conditional (``Type?…``),
    ``urn:`` and foreign absolute references have no key here.
    """
    if base is not None and reference.startswith(f"{base}/"):
        reference = reference[len(base) + 1 :]
    match = _RELATIVE.fullmatch(reference)
    return ResourceKey(match["type"], match["id"]) if match else None

"""Bundles: each fullUrl fits its resource (https://hl7.org/fhir/R4/bundle.html).

What each type of Bundle asks of its entries are constraints (bdl-1 to bdl-12); references between
entries are in ``reference``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fhirkit.validate.rules.finding import Finding

# https://hl7.org/fhir/R4/references.html#literal: a RESTful URL ends in Type/id.
RESTFUL = re.compile(r"((?:https?://[^\s?#]*/)?)([A-Z][A-Za-z]*)/([A-Za-z0-9.-]{1,64})")


def check(bundle: dict[str, Any]) -> Iterator[Finding]:
    """What the constraints of Bundle leave open: that each fullUrl fits its resource."""
    entries = bundle.get("entry")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            yield from _full_url(entry, ("entry", index))


def _full_url(entry: dict[str, Any], below: tuple[str | int, ...]) -> Iterator[Finding]:
    full_url, resource = entry.get("fullUrl"), entry.get("resource")
    if not isinstance(full_url, str):
        return
    place = (*below, "fullUrl")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", full_url) is None:
        yield Finding("bundle-full-url", "a fullUrl must be an absolute URI", place)
        return
    match = RESTFUL.fullmatch(full_url)
    if match is None or not isinstance(resource, dict):
        return
    # https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.fullUrl: the id must agree.
    if isinstance(resource.get("id"), str) and resource["id"] != match[3]:
        yield Finding("bundle-full-url", "the fullUrl ends in another id than resource.id", place)

"""Identifiers: the system is an absolute URI, and a URI as a value is a whole one.

https://hl7.org/fhir/R4/datatypes.html#Identifier: a value that is a URI itself goes by the system
``urn:ietf:rfc:3986`` and then is absolute, for example ``urn:uuid:…``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fhirkit.validate.rules.finding import Finding

_SYSTEMS = ("http:", "https:", "urn:", "ldap:")
_URIS = "urn:ietf:rfc:3986"
#: Often taken for the system of UUIDs, which is ``urn:ietf:rfc:3986``.
_UUIDS = "https://tools.ietf.org/html/rfc4122"
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_UUID = re.compile(r"(urn:uuid:.*|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})")


def check(identifier: dict[str, Any]) -> Iterator[Finding]:
    """Findings for one identifier."""
    system, value = identifier.get("system"), identifier.get("value")
    if not isinstance(system, str) or not system:
        return
    if not system.startswith(_SYSTEMS):
        message = "the system is no absolute URI: expected http(s):, urn: or ldap:"
        yield Finding("identifier-system", message)
    if not isinstance(value, str):
        return
    if system == _URIS and _ABSOLUTE.match(value) is None:
        message = f"with the system {_URIS} the value is an absolute URI, as in urn:oid:1.2.3.4"
        yield Finding("identifier-value", message)
    elif system == _UUIDS and _UUID.fullmatch(value) is None:
        message = f"the system {_UUIDS} is for UUIDs, and the value is none"
        yield Finding("identifier-value", message)

"""Ways in which servers store something else than they were sent."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhirkit.core.jsonio import FhirDecimal

Resource = dict[str, Any]


def _adds_language(resource: Resource) -> Resource:
    return {**resource, "language": resource.get("language", "en")}


def _adds_meta(resource: Resource) -> Resource:
    tag = {"system": "https://chaos.example/tags", "code": "stored"}
    meta = resource.get("meta", {})
    tags = [one for one in meta.get("tag", []) if one != tag]
    return {**resource, "meta": {**meta, "tag": [*tags, tag]}}


def _strips_narrative(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name != "text"}


def _shortens_decimals(resource: Resource) -> Resource:
    return {
        name: _each(one, lambda value: FhirDecimal(_short(value))) for name, one in resource.items()
    }


def _short(value: Decimal) -> str:
    text = str(value)
    if "." not in text or "e" in text.lower():
        return text
    return text.rstrip("0").rstrip(".")


def _each(value: Any, change: Callable[[Decimal], Any]) -> Any:
    if isinstance(value, dict):
        return {name: _each(one, change) for name, one in value.items()}
    if isinstance(value, list):
        return [_each(one, change) for one in value]
    return change(value) if isinstance(value, Decimal) else value


NORMALISATIONS: dict[str, Callable[[Resource], Resource]] = {
    "adds-language": _adds_language,
    "adds-meta": _adds_meta,
    "strips-narrative": _strips_narrative,
    "shortens-decimals": _shortens_decimals,
}

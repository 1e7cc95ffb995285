"""The mark of a creation where the server gives the id: put on, taken off, and looked for."""

from __future__ import annotations

from typing import Any

from fhirkit.core.errors import Blocked

#: Marks a resource with the operation that created it, where its id is not ours.
TAG_SYSTEM = "urn:fhirkit:operation"


def unsafe() -> Blocked:
    """The error for a server on which a create cannot be told to have happened."""
    return Blocked(
        "the server gives ids itself and knows no conditional create, so a push that is "
        "interrupted could make a resource twice",
        advice="fhirkit push --at-least-once accepts that",
    )


def unmarked() -> Blocked:
    """The error for a server that does not keep the mark, or does not find by it."""
    return Blocked(
        "the server gives ids itself and does not keep the tag by which a resource that was "
        "created is found again, so a push that is interrupted could make a resource twice",
        advice="fhirkit push --at-least-once accepts that",
    )


def with_tag(resource: dict[str, Any], tag: str) -> dict[str, Any]:
    """The resource marked by the operation that creates it."""
    meta = resource.get("meta")
    meta = dict(meta) if isinstance(meta, dict) else {}
    tags = meta.get("tag")
    marked = [*(tags if isinstance(tags, list) else []), {"system": TAG_SYSTEM, "code": tag}]
    rest = {name: value for name, value in resource.items() if name not in ("meta", "resourceType")}
    return {"resourceType": resource["resourceType"], "meta": {**meta, "tag": marked}, **rest}


def carries(resource: dict[str, Any], tag: str) -> bool:
    """Whether the resource is marked by this operation."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    mark = (TAG_SYSTEM, tag)
    return isinstance(tags, list) and any(
        isinstance(one, dict) and (one.get("system"), one.get("code")) == mark for one in tags
    )


def untagged(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource without the marks of any operation."""
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    if not isinstance(meta, dict) or not isinstance(tags, list):
        return resource
    kept = [one for one in tags if not (isinstance(one, dict) and one.get("system") == TAG_SYSTEM)]
    if len(kept) == len(tags):
        return resource
    rest = {name: value for name, value in meta.items() if name != "tag"}
    if kept:
        rest["tag"] = kept
    without = {name: value for name, value in resource.items() if name != "meta"}
    return {**without, "meta": rest} if rest else without

"""Which resources of a working tree a command's arguments mean: by Type/id, or by type."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from fhirkit.cli.working_tree import keys_of
from fhirkit.core.errors import UsageError

if TYPE_CHECKING:
    from fhirkit.core.resource import ResourceKey


def chosen(
    what: Collection[str], keys: Collection[ResourceKey], *, remotes: Collection[str] = ()
) -> set[ResourceKey]:
    """The resources that are meant: those named, and those of ``keys`` of a named type.

    Without ``what`` all of ``keys``. ``UsageError`` for what is neither name nor such a type.
    """
    types = {key.type for key in keys}
    found: set[ResourceKey] = set()
    for text in what:
        kind = text.rstrip("/")
        if kind in types:
            found.update(key for key in keys if key.type == kind)
        elif "/" in kind:
            found.update(keys_of((text,)))
        elif kind in remotes:
            raise UsageError(f"{text} is a remote", advice=f"name it by --name {text}")
        else:
            raise UsageError(f"{text}: is neither Type/id nor a type that is in the tree")
    return found if what else set(keys)

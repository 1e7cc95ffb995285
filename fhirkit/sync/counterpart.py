"""The server as the tree sees it: every resource under the id that it has here.

Where a server gives ids itself, a resource has one id here and another there. Outward, a
resource and its references take the server's ids; inward, ours. Everything else in ``sync`` knows
ids of the tree only. The tag that marks an operation on such servers is put on and off here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fhirkit.core.errors import Blocked
from fhirkit.core.resource import ResourceKey, map_references, references
from fhirkit.remote.client import Client
from fhirkit.remote.listing import find_many, read_many
from fhirkit.remote.reference import local_key
from fhirkit.sync.entry import tree_form
from fhirkit.sync.tagging import TAG_SYSTEM, carries, untagged

#: Before a server's id that is taken here by another resource.
_TAKEN = "server-"


class Counterpart:
    """A client with an id map. ``remote_ids`` maps keys here to the server's ids."""

    def __init__(self, client: Client, remote_ids: Mapping[ResourceKey, str] | None = None) -> None:
        self.client = client
        self._out: dict[ResourceKey, str] = dict(remote_ids or {})
        self._in = {ResourceKey(key.type, rid): key for key, rid in self._out.items()}

    def learn(self, key: ResourceKey, remote_id: str) -> None:
        """The server calls this resource so."""
        if remote_id != key.id or key in self._out:
            self._out[key] = remote_id
            self._in[ResourceKey(key.type, remote_id)] = key

    def there(self, key: ResourceKey) -> ResourceKey:
        """The server's key of a resource here."""
        remote_id = self._out.get(key)
        if remote_id is not None:
            return ResourceKey(key.type, remote_id)
        if key.id.startswith(_TAKEN):
            bare = ResourceKey(key.type, key.id[len(_TAKEN) :])
            if bare in self._out:
                return bare
        return key

    def here(self, key: ResourceKey) -> ResourceKey:
        """The key here of a resource that the server calls so."""
        known = self._in.get(key)
        if known is not None:
            return known
        # The same id may belong to another resource here: then the server's gets a new one.
        return ResourceKey(key.type, f"{_TAKEN}{key.id}"[:64]) if key in self._out else key

    def outward(
        self, resource: dict[str, Any], urns: Mapping[ResourceKey, str] | None = None
    ) -> dict[str, Any]:
        """The resource as it is sent. ``urns`` are the fullUrls of what is created with it."""
        form = tree_form(resource)
        if not self._out and not urns:
            return form
        key = ResourceKey.of(form)

        def change(reference: str) -> str:
            target = local_key(reference)
            if target is None:
                return reference
            name, tail = _split(reference, target)
            if urns and target in urns:
                return urns[target]
            there = self.there(target)
            return reference if str(there) == name else f"{there}{tail}"

        result: dict[str, Any] = map_references(form, change)
        result["id"] = self.there(key).id
        return result

    def inward(self, resource: dict[str, Any]) -> dict[str, Any]:
        """What the server holds, under our ids, with relative references and without our tag.

        A reference in full to the server's own base would be another server's id on the next.
        """
        resource = untagged(resource)
        own = f"{self.client.base}/"
        named = (element["reference"] for element in references(resource))
        if not self._out and not any(reference.startswith(own) for reference in named):
            return resource

        def change(reference: str) -> str:
            target = local_key(reference, self.client.base)
            if target is None:
                return reference
            return f"{self.here(target)}{_split(reference.removeprefix(own), target)[1]}"

        result: dict[str, Any] = map_references(resource, change)
        result["id"] = self.here(ResourceKey.of(resource)).id
        return result

    def read(self, key: ResourceKey) -> dict[str, Any] | None:
        """The resource as it now is; None when FHIR says that it is not there."""
        resource = self.client.read(self.there(key))
        return None if resource is None else self.inward(resource)

    def read_many(
        self, keys: Iterable[ResourceKey], *, exact: bool = False
    ) -> dict[ResourceKey, dict[str, Any] | None]:
        """Each key with its resource or None; ``exact`` trusts no search."""
        names = {self.there(key): key for key in keys}
        found = read_many(self.client, names, exact=exact)
        return {
            names[there]: None if resource is None else self.inward(resource)
            for there, resource in found.items()
        }

    def look_for(
        self, keys: Iterable[ResourceKey], *, exact: bool
    ) -> dict[ResourceKey, dict[str, Any] | None]:
        """Resources that are new here: whether the server has any of them nevertheless.

        Absence is told by a search, unless ``exact``: whoever creates has a guard of its own.
        """
        names = {self.there(key): key for key in keys}
        if exact:
            return self.read_many(names.values())
        found, unasked = find_many(self.client, names)
        states = dict.fromkeys(names.values()) | {
            names[there]: self.inward(resource) for there, resource in found.items()
        }
        return states | self.read_many([names[there] for there in unasked], exact=True)

    def vread(self, key: ResourceKey, version_id: str) -> dict[str, Any] | None:
        """One version of the resource, or None."""
        resource = self.client.vread(self.there(key), version_id)
        return None if resource is None else self.inward(resource)

    def history(self, key: ResourceKey) -> list[dict[str, Any]]:
        """The versions that the first page of its history shows."""
        return [self.inward(version) for version in self.client.history(self.there(key))]

    def delete(self, key: ResourceKey, *, if_match: str | None = None) -> None:
        """DELETE the resource."""
        self.client.delete(self.there(key), if_match=if_match)

    def is_marked(self, key: ResourceKey, remote_id: str, tag: str) -> bool | None:
        """Whether what the server calls so carries the tag of our creation; None when a read does
        not show it.
        """
        found = self.client.read(ResourceKey(key.type, remote_id))
        return None if found is None else carries(found, tag)

    def created_by(self, key: ResourceKey, tag: str) -> dict[str, Any] | None:
        """What the operation with this tag created, as the server has it; its id is learned.

        Make it ``inward`` when all ids are learned that its references may need.
        """
        found = self.client.search(key.type, {"_tag": f"{TAG_SYSTEM}|{tag}"})
        # A server that does not know the parameter shows everything.
        made = [found.resources[one] for one in sorted(found.matches)]
        made = [one for one in made if carries(one, tag)]
        if len(made) > 1:
            raise Blocked(
                f"{key}: {len(made)} resources on the server carry the tag of its creation",
                advice="delete all but one of them there; the server's conditional create let "
                "more than one through",
            )
        if not made:
            return None
        self.learn(key, made[0]["id"])
        return made[0]


def _split(reference: str, target: ResourceKey) -> tuple[str, str]:
    """``Type/id`` and what follows it (a version, a fragment)."""
    name = str(target)
    return name, reference[len(name) :]

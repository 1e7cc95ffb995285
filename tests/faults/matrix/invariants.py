"""The invariants I1 to I8, asked of a world after its commands: what is wrong, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from world import CANARY, MARK, TOKEN, Ran, Resource, World, mark_of

from fhirkit.chaos.interactions import targets
from fhirkit.chaos.normalise import NORMALISATIONS
from fhirkit.core.resource import content_hash, map_references


def violations(world: World) -> list[str]:
    """Everything that does not hold now, whatever the commands said."""
    return [
        *_created_twice(world),
        *_lost_updates(world),
        *_destroyed(world),
        *_mass_deletes(world),
        *_dangling(world),
        *_told(world),
        *(f"I3: hung: {ran}" for ran in world.ran if ran.code == -999),
        *(f"a bug: {ran}" for ran in world.ran if ran.code == 70),
        *(
            f"files that are fine are refused: {ran}"
            for ran in world.ran
            if ran.code == 1 and ran.words[0] != "status"
        ),
    ]


def _created_twice(world: World) -> Iterator[str]:
    """I1: of one resource there has never been a second one."""
    places: dict[str, set[str]] = {}
    for version in world.server.store.log:
        mark = mark_of(version.resource or {})
        if mark is not None:
            places.setdefault(mark, set()).add(version.key)
    for mark, keys in sorted(places.items()):
        if len(keys) > 1:
            yield f"I1: {mark} was created {len(keys)} times"


def _lost_updates(world: World) -> Iterator[str]:
    """I2: what somebody else wrote is still there, or their deletion is."""
    for key, field in world.foreign.items():
        wanted = None
        for version in reversed(world.server.store.log):
            code = key.replace("/", "-")
            if version.resource is None or mark_of(version.resource) != code:
                continue
            if wanted is None:
                wanted = version.resource
        last = _last_foreign(world, key, field)
        if wanted is not None and last is not None and wanted.get(field) != last:
            yield f"I2: somebody else's {field} of {key} was overwritten"
    for key in world.foreign_deleted:
        if world.on_server(key) is not None:
            yield f"I2: {key} was deleted by somebody else and is there again"


def _last_foreign(world: World, key: str, field: str) -> Any:
    """The newest value that was never ours: those of other writers are spelled so."""
    code = key.replace("/", "-")
    for version in reversed(world.server.store.log):
        resource = version.resource or {}
        if mark_of(resource) == code and str(resource.get(field, "")).startswith("theirs"):
            return resource[field]
    return None


def _destroyed(world: World) -> Iterator[str]:
    """I5: every byte that the user typed is in the tree or in its trash."""
    kept = {path.read_bytes() for path in world.tree.rglob("*") if path.is_file()}
    held = set()
    for data in kept:
        held.add(data)
        held.add(_hash(data))
    newest: dict[str, bytes] = {}
    for data in world.typed:
        resource = json.loads(data)
        newest[f"{resource['resourceType']}/{resource['id']}"] = data
    for key, data in newest.items():
        if key in world.foreign_deleted or not world.path(key).parent.exists():
            continue
        if data not in held and _hash(data) not in held and not _merged(world, key, data):
            yield f"I5: what the user wrote in {key} is nowhere any more"


def _merged(world: World, key: str, data: bytes) -> bool:
    """A file that holds all that the user wrote, and others' changes beside it."""
    path = world.path(key)
    if not path.exists():
        return key in world.removed
    now = world.read(key)
    return all(now.get(name) == value for name, value in json.loads(data).items() if name != "meta")


def _hash(data: bytes) -> str:
    try:
        value = json.loads(data)
    except ValueError:
        return ""
    return content_hash(value) if isinstance(value, dict) and "resourceType" in value else ""


def _mass_deletes(world: World) -> Iterator[str]:
    """I6: no more was deleted than a command was told it may."""
    deleted = [one for one in world.server.store.log if one.method == "DELETE" and not one.resource]
    ours = len(deleted) - len(world.foreign_deleted)
    if ours > world.may_delete:
        yield f"I6: {ours} resources were deleted, {world.may_delete} were asked for"


def _dangling(world: World) -> Iterator[str]:
    """I7: every reference on the server leads to what was meant."""
    living = {version.key: version for version in world.server.store.living()}
    for version in living.values():
        for target in targets(version.resource or {}):
            if target not in living and target not in world.dangling_allowed:
                yield f"I7: a reference of {version.key} leads nowhere"


def _told(world: World) -> Iterator[str]:
    """I8: no record content and no secret in what is printed; no secret in any file."""
    for ran in world.ran:
        for name, text in (("stdout", ran.out), ("stderr", ran.err)):
            if CANARY in text or TOKEN in text:
                yield f"I8: {' '.join(ran.words)} prints a name or a token on {name}"
    for path in (world.tree / ".fhirkit").rglob("*"):
        if path.is_file() and TOKEN.encode() in path.read_bytes():
            yield f"I8: a token is written into {path.name}"


def incomplete_push(world: World, *, deletes: bool = False) -> list[str]:
    """I3 after a push that ended with 0: the server has what the tree has, with true references."""
    found = []
    ids = {}
    for key in world.files():
        where = world.on_server(key)
        if where is None:
            found.append(f"I3: exit 0, and {key} is not on the server")
        else:
            ids[key] = where
    for key, resource in world.files().items():
        if key not in ids:
            continue
        sent = map_references(resource, lambda reference: _aimed(reference, ids))
        stored = world.server.store.read(ids[key]) or {}
        name = world.server.behaviour.normalisation
        if name:
            sent = NORMALISATIONS[name](sent)
        if _plain(sent) != _plain(stored):
            found.append(f"I3: exit 0, and {key} is another on the server")
    if deletes:
        marks = {key.replace("/", "-") for key in world.files()}
        found += [
            f"I3: exit 0, and {version.key} is not deleted"
            for version in world.server.store.living()
            if mark_of(version.resource or {}) not in marks
        ]
    return found


def _aimed(reference: str, ids: dict[str, str]) -> str:
    """Where a reference of the tree has to lead on the server; another id has no old versions."""
    plain = reference.partition("/_history/")[0]
    there = ids.get(plain)
    return reference if there is None or there == plain else there


def incomplete_pull(world: World) -> list[str]:
    """I3 after a pull that ended with 0: the tree has what the server has."""
    files = world.files()
    state = world.server.state()
    found = [f"I3: exit 0, and {key} did not come" for key in state if key not in files]
    found += [f"I3: exit 0, and {key} is still here" for key in files if key not in state]
    for key, resource in state.items():
        if key in files and _plain(resource) != _plain(files[key]):
            found.append(f"I3: exit 0, and {key} is another here")
    return found


def rewritten(world: World, *words: str) -> list[str]:
    """I4: the same command again writes nothing."""
    commits, requests = len(world.server.store.log), len(world.server.log)
    again = world.run(*words)
    sent = [
        one
        for one in world.server.log[requests:]
        if one.method not in ("GET", "HEAD")
        # A token, and the end of an export, are told to the server and write no resource.
        and not one.target.startswith(("/token", "/$export-status/"))
    ]
    if again.code != 0:
        return [f"I4: run again it ends differently: {again}"]
    if sent or len(world.server.store.log) != commits:
        return [f"I4: run again it sends {len(sent)} requests that write"]
    return []


def _plain(resource: Resource) -> str:
    """What is compared: without the id, and without tags that servers and sync put on."""
    meta = dict(resource.get("meta", {}))
    meta["tag"] = [one for one in meta.get("tag", []) if one.get("system") == MARK]
    return content_hash({**resource, "id": "x", "meta": meta})


def ended(ran: Ran, *codes: int) -> list[str]:
    """The command ended as it must."""
    return [] if ran.code in codes else [f"expected exit {' or '.join(map(str, codes))}: {ran}"]

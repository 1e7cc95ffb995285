"""The tree against what is known of a remote, without asking it.

What `status` shows at every prompt, for trees of any size, so nothing that speaks to servers is
imported here.
"""

from __future__ import annotations

from collections.abc import Mapping

from fhirkit.core.garbage import collector_paused
from fhirkit.core.resource import ResourceKey
from fhirkit.sync.entry import Base, Entry
from fhirkit.sync.filecache import StoredCache
from fhirkit.sync.plan import Direction, Plan, make_plan
from fhirkit.sync.state import State
from fhirkit.sync.worktree import Scan, WorkingTree


def scanned(tree: WorkingTree, state: State) -> Scan:
    """What the files hold now; files that look as they did are not read again."""
    cache = StoredCache(state)
    with collector_paused():
        scan = tree.scan(cache)
    cache.save()
    return scan


def last_seen(base: Base, tracked: Mapping[ResourceKey, Entry | None]) -> dict[ResourceKey, Entry]:
    """The remote as it was last seen: what was agreed on, and what a fetch learned since."""
    remote = {key: agreed.stored() for key, agreed in base.items() if agreed.remote_hash}
    for key, entry in tracked.items():
        if entry is None:
            remote.pop(key, None)
        else:
            remote[key] = entry
    return remote


def offline_plan(scan: Scan, base: Base, tracked: Mapping[ResourceKey, Entry | None]) -> Plan:
    """Tree against base, as if the remote were as it was last seen."""
    keys = (scan.entries.keys() | base.keys() | tracked.keys()) - scan.held
    return make_plan(Direction.PUSH, keys, scan.entries, base, last_seen(base, tracked))

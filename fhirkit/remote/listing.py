"""Many resources at once: given ones by id, or every one of a type.

Reads only, by GET, so that a run which has nothing to do sends no request that could write.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any, TypeVar

from fhirkit.core.errors import BadAnswer, Incomplete, Refused
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.client import Client
from fhirkit.remote.failures import Busy
from fhirkit.remote.paging import Found

_T = TypeVar("_T")
_R = TypeVar("_R")

_IDS = 50
_WORKERS = 4
#: Characters of ids in one address: servers take 8,000 in all, some proxies less.
_LONGEST = 4000


def read_many(
    client: Client, keys: Iterable[ResourceKey], *, exact: bool = False
) -> dict[ResourceKey, dict[str, Any] | None]:
    """Each key with its resource, or None when the server says that it is not there.

    A search by ``_id`` finds most of them; what it does not show is read one by one, since an
    index may lag and only a read tells absence. ``exact`` reads all of them one by one.
    """
    wanted = sorted(set(keys))
    found: dict[ResourceKey, dict[str, Any] | None] = {}
    if not exact:
        for kind, group in groupby(wanted, key=lambda key: key.type):
            found.update(_by_search(client, kind, list(group)))
    missing = [key for key in wanted if key not in found]
    if len(missing) > _WORKERS * 2:
        found.update(ask_each(client.read, missing))
    else:
        found.update((key, client.read(key)) for key in missing)
    return found


def ask_each(ask: Callable[[_T], _R], items: Collection[_T]) -> Iterator[tuple[_T, _R]]:
    """Each item with its answer, in order; a few are asked about at the same time."""
    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        return zip(items, list(pool.map(ask, items)), strict=True)


def find_many(
    client: Client, keys: Iterable[ResourceKey]
) -> tuple[dict[ResourceKey, dict[str, Any]], set[ResourceKey]]:
    """What searches show of these keys, and the keys that no search could be made for.

    A type of which the server counts none is not searched further. What is not shown may still
    be there when the server's index lags: whoever writes on its absence needs another guard.
    """
    found: dict[ResourceKey, dict[str, Any]] = {}
    unasked: set[ResourceKey] = set()
    for kind, group in groupby(sorted(set(keys)), key=lambda key: key.type):
        wanted = list(group)
        if len(wanted) > _IDS and count_of(client, kind) == 0:
            continue
        for chunk in _chunks(wanted):
            query = {"_id": ",".join(key.id for key in chunk), "_count": str(len(chunk))}
            if len(chunk) > 1 and count_of(client, kind, _id=query["_id"]) == 0:
                continue  # counting costs a server less than a search, and most are new
            try:
                resources = client.search(kind, query, whole=False).resources
            except Busy:
                raise
            except (Refused, BadAnswer, Incomplete):
                unasked.update(chunk)
                continue
            found.update((key, resources[key]) for key in chunk if key in resources)
    return found, unasked


def _chunks(keys: list[ResourceKey]) -> Iterator[list[ResourceKey]]:
    """Keys in portions whose ids fit into an address that servers take."""
    chunk: list[ResourceKey] = []
    length = 0
    for key in keys:
        if chunk and length + len(key.id) + 3 > _LONGEST:
            yield chunk
            chunk, length = [], 0
        chunk.append(key)
        length += len(key.id) + 3  # a comma may travel as %2C
    if chunk:
        yield chunk


def count_of(client: Client, kind: str, *updated: str, **parameters: str) -> int | None:
    """How many resources of a type the server says it has; None when it does not say.

    ``updated`` are conditions on ``_lastUpdated``, such as ``le2026-01-01T00:00:00Z``.
    """
    pairs = [*(("_lastUpdated", one) for one in updated), *parameters.items()]
    return client.count(kind, pairs)


def _by_search(
    client: Client, kind: str, keys: list[ResourceKey]
) -> dict[ResourceKey, dict[str, Any]]:
    found: dict[ResourceKey, dict[str, Any]] = {}
    for start in range(0, len(keys), _IDS):
        chunk = keys[start : start + _IDS]
        if len(chunk) == 1:
            continue
        query = {"_id": ",".join(key.id for key in chunk), "_count": str(len(chunk))}
        try:
            resources = client.search(kind, query, whole=False).resources
        except Busy:
            raise
        except (Refused, BadAnswer, Incomplete):
            return found  # the reads that follow say what is wrong, one by one
        found.update((key, resources[key]) for key in chunk if key in resources)
    return found


def all_of_type(client: Client, kind: str) -> Found:
    """Every resource of a type.

    Sorted by id and with an exact total where the server can: pages in an order of its own may
    skip rows that others change meanwhile.
    """
    best = {"_count": "200", "_sort": "_id", "_total": "accurate"}
    try:
        return client.search(kind, best)
    except Refused as problem:
        if problem.status != 400:
            raise
        return client.search(kind, {"_count": "200"})

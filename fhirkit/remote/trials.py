"""The single questions of a probe, each answered by trying it (see ``probe``)."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

from fhirkit.core.errors import BadAnswer, FhirkitError, Refused
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.attempt import NO_VERSION, SYSTEM, Attempt, key_of_entry, only_verdicts, tried
from fhirkit.remote.client import Client, Written
from fhirkit.remote.failures import Stale


def _ids(run: Attempt, found: dict[str, Any]) -> dict[str, Any]:
    """Ids of ours, updates of another version, identical updates."""
    del found
    resource = run.new()
    key = ResourceKey.of(resource)
    status, written = tried(lambda: run.client.update(resource))
    run.note(written)
    now = run.client.read(key) if 200 <= status < 300 else None
    if now is None:
        return {"client_ids": False}
    again_status, again = tried(lambda: run.client.update(resource))
    same = None
    if again is not None:
        then = run.client.read(key)
        same = None if then is None else _version(then) != _version(now)
    changed = {**resource, "language": "en"}
    stale, _ = tried(lambda: run.client.update(changed, if_match=NO_VERSION))
    kept = run.client.read(key)
    heeded = kept is not None and "language" not in kept and not 200 <= stale < 300
    del again_status
    return {
        "client_ids": True,
        "identical_update_is_new_version": same,
        "if_match_update": heeded,
        "stale_status": stale if heeded else 0,
    }


def _guard(run: Attempt, found: dict[str, Any]) -> dict[str, Any]:
    """Whether If-None-Match: * lets a creation through and keeps it from overwriting."""
    if not found["client_ids"]:
        return {}
    resource = run.new()
    status, _ = tried(lambda: run.client.update(resource, only_new=True))
    if not 200 <= status < 300:
        return {"guarded_create": False}
    changed = {**resource, "language": "en"}
    again, _ = tried(lambda: run.client.update(changed, only_new=True))
    now = run.client.read(ResourceKey.of(resource))
    return {"guarded_create": not 200 <= again < 300 and "language" not in (now or {})}


def _conditions(run: Attempt, found: dict[str, Any]) -> dict[str, Any]:
    """Creations that a search must permit, by an identifier and by a tag."""
    del found
    identifier = {"identifier": [{"system": SYSTEM, "value": run.mark}]}
    tag = {"meta": {"tag": [{"system": SYSTEM, "code": run.mark}]}}
    return {
        "conditional_create": _once_only(run, identifier, f"identifier={SYSTEM}|{run.mark}"),
        "conditional_create_by_tag": _once_only(run, tag, f"_tag={SYSTEM}|{run.mark}"),
    }


def _once_only(run: Attempt, more: dict[str, Any], condition: str) -> bool:
    resource = run.without_id(**more)
    keys = []
    for _ in range(2):
        status, written = tried(lambda: run.client.create(resource, if_none_exist=condition))
        keys.append(run.note(written))
        if not 200 <= status < 300:
            return False
    return keys[0] is not None and (keys[1] in (keys[0], None) and status == 200)


def _transactions(run: Attempt, found: dict[str, Any]) -> dict[str, Any]:
    """Whether a transaction is all or nothing, and what it honours inside."""
    if not found["client_ids"]:
        return _transactions_without_ids(run)
    one = run.new()
    status, answers = run.transact((one, _put(one)))
    key = ResourceKey.of(one)
    if status != 200 or run.client.read(key) is None:
        return {"transaction": False}
    bodies = [entry.get("resource") for entry in answers if isinstance(entry, dict)]
    whole = any(isinstance(body, dict) and body.get("id") == key.id for body in bodies)
    changed = {**one, "language": "en"}
    stale = {**_put(one), "ifMatch": f'W/"{NO_VERSION}"'}
    run.transact((changed, stale))
    if_match = "language" not in (run.client.read(key) or {})
    good = run.new()
    # Something that is refused beside something that is fine.
    bad = (changed, stale) if if_match else (changed, {"method": "PUT", "url": f"{run.kind}/"})
    wrong = run.transact((good, _put(good)), bad)
    wrote = run.client.read(ResourceKey.of(good)) is not None
    atomic = None if _all_well(*wrong) else not wrote
    run.transact((changed, {**_put(one), "ifNoneMatch": "*"}))
    guard = "language" not in (run.client.read(key) or {})
    if guard:
        fresh = run.new()
        run.transact((fresh, {**_put(fresh), "ifNoneMatch": "*"}))
        guard = run.client.read(ResourceKey.of(fresh)) is not None
    now = run.client.read(key) or {}
    source = now.get("meta", {}).get("source")
    return {
        "transaction": True,
        "transaction_atomic": atomic,
        "transaction_if_match": if_match,
        "transaction_guarded_create": guard,
        "transaction_representation": whole,
        "keeps_request_id": isinstance(source, str) and run.mark in source,
        "transaction_conditional_create": _once_in_transaction(run),
    }


def _transactions_without_ids(run: Attempt) -> dict[str, Any]:
    once = _once_in_transaction(run)
    status, answers = run.transact((run.without_id(), {"method": "POST", "url": run.kind}))
    works = _all_well(status, answers)
    return {"transaction": works, "transaction_conditional_create": once if works else None}


def _once_in_transaction(run: Attempt) -> bool:
    value = f"{run.mark}-t"
    resource = run.without_id(identifier=[{"system": SYSTEM, "value": value}])
    condition = f"identifier={SYSTEM}|{value}"
    request = {"method": "POST", "url": run.kind, "ifNoneExist": condition}
    first = run.transact((resource, request))
    second = run.transact((resource, request))
    if not (_all_well(*first) and _all_well(*second)):
        return False
    keys = [key_of_entry(answers[0], run.client.base) for _, answers in (first, second)]
    return keys[0] is not None and keys[1] in (keys[0], None)


def _history(run: Attempt, found: dict[str, Any]) -> dict[str, Any]:
    """Histories of one resource, its type and everything, and whether deletions are in them."""
    client = run.client
    if found["client_ids"]:
        resource = run.new()
        client.update(resource)
        key: ResourceKey | None = ResourceKey.of(resource)
    else:
        _, written = tried(lambda: client.create(run.without_id()))
        key = run.note(written)
    if key is None:
        return {}
    if_match, _ = _deleted(client, key, if_match=NO_VERSION)
    heeded = client.read(key) is not None
    if heeded:
        _deleted(client, key)
    status = _read_status(client, key)
    places = {
        "instance_history": f"{key.type}/{key.id}/_history",
        "type_history": f"{key.type}/_history?_count=50",
        "system_history": "_history?_count=50",
    }
    shown: dict[str, Any] = {name: _page(client, place) for name, place in places.items()}
    deletions = [
        any(_is_deletion(entry, key) for entry in entries)
        for entries in shown.values()
        if entries is not None
    ]
    del if_match
    return {
        **{name: entries is not None for name, entries in shown.items()},
        "history_shows_deletions": all(deletions) if deletions else None,
        "if_match_delete": heeded,
        "deleted_status": status,
    }


def exports(run: Attempt) -> bool | None:
    """Whether a bulk export of the whole system begins; it is cancelled at once."""
    client = run.client
    query = f"?_type={run.kind}&_since={datetime.now(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}"
    try:
        answer = client.transport.request(
            "GET",
            f"{client.base}/$export{query}",
            what="$export",
            headers={"Prefer": "respond-async"},
        )
    except BadAnswer:
        return False
    except (Refused, Stale) as problem:
        only_verdicts(problem)
        return False
    place = answer.headers.get("content-location")
    if answer.status != 202 or not place:
        return False
    with contextlib.suppress(FhirkitError):
        client.transport.request("DELETE", place, what="cancel of $export")  # or it ends by itself
    return True


def _put(resource: dict[str, Any]) -> dict[str, str]:
    return {"method": "PUT", "url": str(ResourceKey.of(resource))}


def _version(resource: dict[str, Any]) -> Any:
    meta = resource.get("meta")
    return meta.get("versionId") if isinstance(meta, dict) else None


def _all_well(status: int, answers: list[Any]) -> bool:
    """Whether a transaction and each of its entries was accepted."""
    statuses = [str((one.get("response") or {}).get("status", ""))[:1] for one in answers
                if isinstance(one, dict)]  # fmt: skip
    return status == 200 and bool(statuses) and set(statuses) == {"2"}


def _deleted(
    client: Client, key: ResourceKey, *, if_match: str | None = None
) -> tuple[int, Written | None]:
    def call() -> Written:
        client.delete(key, if_match=if_match)
        return Written(200, None)

    return tried(call)


def _read_status(client: Client, key: ResourceKey) -> int:
    try:
        client.transport.request("GET", f"{client.base}/{key}", what="read", safe=True)
    except Refused as problem:
        return problem.status
    except BadAnswer:
        return 0
    return 200


def _page(client: Client, place: str) -> list[Any] | None:
    """The entries of a history's first page; None when there is no such history."""
    try:
        answer = client.transport.request(
            "GET", f"{client.base}/{place}", what="history", safe=True
        )
    except BadAnswer:
        return None
    except Refused as problem:
        only_verdicts(problem)
        return None
    body = answer.body
    if not isinstance(body, dict) or body.get("type") != "history":
        return None
    entries = body.get("entry", [])
    return entries if isinstance(entries, list) else None


def _is_deletion(entry: Any, key: ResourceKey) -> bool:
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict) or request.get("method") != "DELETE":
        return False
    places = (str(request.get("url", "")), str(entry.get("fullUrl", "")))
    return any(str(key) in place for place in places)


#: In this order: the later ones build on what the first found.
TRIALS = (_ids, _guard, _conditions, _transactions, _history)

"""Bulk export (https://hl7.org/fhir/uv/bulkdata/export.html): kick-off, status, NDJSON files."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from fhirkit.chaos.behaviour import Behaviour
from fhirkit.chaos.interactions import targets
from fhirkit.chaos.reply import Refusal, Reply
from fhirkit.chaos.searching import pairs
from fhirkit.chaos.store import Store, Version, instant, seconds
from fhirkit.core.jsonio import dump_bytes


@dataclass
class Job:
    """One export: its files by name, its manifest, how often it says "not yet", and how long it
    then asks to wait (a Retry-After; none when it is empty).
    """

    manifest: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)
    pending: int = 1
    retry_after: str = "0"


@dataclass
class Exports:
    """The exports that a server knows of; a restart forgets them. ``begun`` counts all."""

    store: Store
    base: str
    jobs: dict[str, Job] = field(default_factory=dict)
    begun: int = 0

    def begin(self, level: str, query: str, behaviour: Behaviour) -> Reply:
        """Kick-off: everything as it now is, by type, kept until it is fetched.

        ``level`` is ``$export``, ``Patient/$export`` or ``Group/ID/$export``.
        """
        given = dict(pairs(query))
        types = set(given["_type"].split(",")) if given.get("_type") else None
        since = seconds(given["_since"].replace(" ", "+")) if "_since" in given else None
        if "_since" in given and since is None:
            raise Refusal(400, "_since is no instant")
        name = secrets.token_hex(8)
        manifest: dict[str, Any] = {
            "transactionTime": instant(self.store.now()),
            "request": f"{self.base}/{level}?{query}",
            "requiresAccessToken": behaviour.export_needs_token,
            "output": [],
            "error": [],
        }
        job = Job(manifest, pending=behaviour.export_pending)
        job.retry_after = behaviour.export_retry_after
        rows: dict[str, list[Version]] = {}
        for last in self._rows(level):
            new = since is None or (seconds(last.stamp) or 0) >= since
            if new and (types is None or last.kind in types):
                rows.setdefault(last.kind, []).append(last)
        gone = [one.key for held in rows.values() for one in held if one.resource is None]
        for kind in sorted(rows):
            lines = [one.resource for one in rows[kind] if one.resource is not None]
            if lines:
                manifest["output"].append(self._file(job, name, kind, lines, behaviour))
        if behaviour.export_deleted:
            manifest["deleted"] = []
            if gone and since is not None:
                bundle = [_deletions(gone)]
                manifest["deleted"].append(self._file(job, name, "Bundle", bundle, behaviour))
        self.jobs[name] = job
        self.begun += 1
        return Reply(202, None, {"Content-Location": f"{self.base}/$export-status/{name}"})

    def status(self, name: str) -> Reply:
        """Not yet, or the manifest."""
        job = self._job(name)
        if job.pending > 0:
            job.pending -= 1
            wait = {"Retry-After": job.retry_after} if job.retry_after else {}
            return Reply(202, None, {"X-Progress": "in progress", **wait})
        return Reply(200, job.manifest, {"Content-Type": "application/json"})

    def file(self, name: str, file: str) -> Reply:
        """One NDJSON file."""
        data = self._job(name).files.get(file)
        if data is None:
            raise Refusal(404, "no such file", code="not-found")
        return Reply(200, data, {"Content-Type": "application/fhir+ndjson"})

    def cancel(self, name: str) -> Reply:
        """Forget a job."""
        self._job(name)
        del self.jobs[name]
        return Reply(202)

    def add(self, part: str, kind: str, lines: list[Any]) -> None:
        """Put a file into a part of the manifest of every job; for faults."""
        for name, job in self.jobs.items():
            file = self._file(job, name, kind, lines, Behaviour())
            job.manifest[part] = [*job.manifest.get(part, []), file]

    def _rows(self, level: str) -> list[Version]:
        """The last versions of what the level is about: everything, or patients' records."""
        every = [held[-1] for held in self.store.versions.values()]
        if level == "$export":
            return every
        patients = {one.key for one in every if one.kind == "Patient"}
        if level.startswith("Group/"):
            group = self.store.current(level.removesuffix("/$export"))
            if group is None or group.resource is None:
                raise Refusal(404, "no such group", code="not-found")
            patients &= set(targets(group.resource))
        return [
            one for one in every
            if one.key in patients or patients & set(targets(one.resource or {}))
        ]  # fmt: skip

    def _job(self, name: str) -> Job:
        if name not in self.jobs:
            raise Refusal(404, "no such export", code="not-found")
        return self.jobs[name]

    def _file(
        self, job: Job, name: str, kind: str, lines: list[Any], behaviour: Behaviour
    ) -> dict[str, Any]:
        file = f"{len(job.files)}.ndjson"
        data = b"".join(dump_bytes(line, indent=False) + b"\n" for line in lines)
        job.files[file] = data
        counted = {"count": len(lines)} if behaviour.export_counts else {}
        return {"type": kind, "url": f"{self.base}/$export-file/{name}/{file}", **counted}


def _deletions(keys: list[str]) -> dict[str, Any]:
    entries = [{"request": {"method": "DELETE", "url": key}} for key in keys]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}

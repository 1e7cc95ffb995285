"""Bulk export (https://hl7.org/fhir/uv/bulkdata/export.html): kick-off, status, NDJSON files."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from fhirkit.chaos.reply import Refusal, Reply
from fhirkit.chaos.searching import pairs
from fhirkit.chaos.store import Store, Version, instant, seconds
from fhirkit.core.jsonio import dump_bytes


@dataclass
class Job:
    """One export: its files by name, its manifest's parts, and how often it says "not yet"."""

    time: str
    request: str
    files: dict[str, bytes] = field(default_factory=dict)
    output: list[dict[str, Any]] = field(default_factory=list)
    deleted: list[dict[str, Any]] = field(default_factory=list)
    error: list[dict[str, Any]] = field(default_factory=list)
    pending: int = 1


@dataclass
class Exports:
    """The exports that a server knows of; a restart forgets them."""

    store: Store
    base: str
    jobs: dict[str, Job] = field(default_factory=dict)

    def begin(self, query: str, url: str) -> Reply:
        """Kick-off: everything as it now is, by type, kept until it is fetched."""
        given = dict(pairs(query))
        types = set(given["_type"].split(",")) if given.get("_type") else None
        since = seconds(given["_since"].replace(" ", "+")) if "_since" in given else None
        if "_since" in given and since is None:
            raise Refusal(400, "_since is no instant")
        name = secrets.token_hex(8)
        job = Job(instant(self.store.now()), url)
        rows: dict[str, list[Version]] = {}
        for held in self.store.versions.values():
            last = held[-1]
            new = since is None or (seconds(last.stamp) or 0) >= since
            if new and (types is None or last.kind in types):
                rows.setdefault(last.kind, []).append(last)
        for kind in sorted(rows):
            lines = [one.resource for one in rows[kind] if one.resource is not None]
            if lines:
                job.output.append(self._file(job, name, kind, lines))
            gone = [one.key for one in rows[kind] if one.resource is None]
            if gone and since is not None:
                job.deleted.append(self._file(job, name, "Bundle", [_deletions(gone)]))
        self.jobs[name] = job
        return Reply(202, None, {"Content-Location": f"{self.base}/$export-status/{name}"})

    def status(self, name: str) -> Reply:
        """Not yet, or the manifest."""
        job = self._job(name)
        if job.pending > 0:
            job.pending -= 1
            return Reply(202, None, {"X-Progress": "in progress", "Retry-After": "0"})
        manifest = {
            "transactionTime": job.time, "request": job.request, "requiresAccessToken": False,
            "output": job.output, "deleted": job.deleted, "error": job.error,
        }  # fmt: skip
        return Reply(200, manifest, {"Content-Type": "application/json"})

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

    def _job(self, name: str) -> Job:
        if name not in self.jobs:
            raise Refusal(404, "no such export", code="not-found")
        return self.jobs[name]

    def _file(self, job: Job, name: str, kind: str, lines: list[Any]) -> dict[str, Any]:
        file = f"{len(job.files)}.ndjson"
        data = b"".join(dump_bytes(line, indent=False) + b"\n" for line in lines)
        job.files[file] = data
        url = f"{self.base}/$export-file/{name}/{file}"
        return {"type": kind, "url": url, "count": len(lines)}


def _deletions(keys: list[str]) -> dict[str, Any]:
    entries = [{"request": {"method": "DELETE", "url": key}} for key in keys]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}

"""What can go wrong with a bulk export, as faults beside those of any request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fhirkit.chaos.exchange import Act, Exchange, Settings
from fhirkit.chaos.reply import outcome, retry_after


def _export(change: Callable[[Any], None]) -> Act:
    def act(exchange: Exchange, settings: Settings) -> None:
        del settings
        for job in exchange.fhir.exports.jobs.values():
            change(job)
        exchange.send(exchange.answer())

    return act


def _half_lines(job: Any) -> None:
    job.files = {name: data[: len(data) // 2] for name, data in job.files.items()}


def _fewer_lines(job: Any) -> None:
    """The last line of each file is missing, and everything else is in order."""
    job.files = {
        name: b"".join(data.splitlines(keepends=True)[:-1]) for name, data in job.files.items()
    }


def _double_lines(job: Any) -> None:
    job.files = {name: data + data for name, data in job.files.items()}


def _no_files(job: Any) -> None:
    """They were cleared away; the job is still known."""
    job.files = {}


def _mixed_lines(job: Any) -> None:
    """Each file of a finished export holds what another one should."""
    if job.pending:
        return
    names = sorted(job.files)
    job.files = {name: job.files[names[index - 1]] for index, name in enumerate(names)}


def _with_errors(exchange: Exchange, settings: Settings) -> None:
    """The export says of itself that something is not in it, or has some other news."""
    said = outcome("this was not exported", code="exception", severity=settings["severity"])
    with exchange.fhir.lock:
        exchange.fhir.exports.add("error", "OperationOutcome", [said])
    exchange.send(exchange.answer())


def _false_deletions(exchange: Exchange, settings: Settings) -> None:
    """The export lists as deleted what is there."""
    del settings
    with exchange.fhir.lock:
        keys = [one.key for one in exchange.fhir.store.living()][:3]
        entries = [{"request": {"method": "DELETE", "url": key}} for key in keys]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        exchange.fhir.exports.add("deleted", "Bundle", [bundle])
    exchange.send(exchange.answer())


def _files_elsewhere(exchange: Exchange, settings: Settings) -> None:
    """The files lie on another host."""
    for job in exchange.fhir.exports.jobs.values():
        job.manifest["requiresAccessToken"] = settings["token"]
        for file in job.manifest["output"]:
            file["url"] = settings["to"] + file["url"].partition("$export-file")[2]
    exchange.send(exchange.answer())


def _odd_manifest(exchange: Exchange, settings: Settings) -> None:
    """A member of the manifest is missing, or has no meaning there."""
    reply = exchange.answer()
    if reply.status == 200 and isinstance(reply.body, dict):
        reply.body = {name: one for name, one in reply.body.items() if name != settings["member"]}
        if settings["value"]:
            reply.body[settings["member"]] = settings["value"]
    exchange.send(reply)


def _forgotten(exchange: Exchange, settings: Settings) -> None:
    """The server knows its exports no more."""
    del settings
    with exchange.fhir.lock:
        exchange.fhir.exports.jobs.clear()
    exchange.send(exchange.answer())


def _slow_export(exchange: Exchange, settings: Settings) -> None:
    """Not finished, so many times more."""
    for job in exchange.fhir.exports.jobs.values():
        job.pending = settings["polls"]
        job.retry_after = retry_after(settings["retry_after"]).get("Retry-After", "")
    exchange.send(exchange.answer())


#: Name → what happens, and the settings with their defaults.
EXPORT_FAULTS: dict[str, tuple[Act, Settings]] = {
    "export-half-lines": (_export(_half_lines), {}),
    "export-fewer-lines": (_export(_fewer_lines), {}),
    "export-double-lines": (_export(_double_lines), {}),
    "export-mixed-lines": (_export(_mixed_lines), {}),
    "export-no-files": (_export(_no_files), {}),
    "export-forgotten": (_forgotten, {}),
    "export-slow": (_slow_export, {"polls": 3, "retry_after": ""}),
    "export-errors": (_with_errors, {"severity": "error"}),
    "export-false-deletions": (_false_deletions, {}),
    "export-files-elsewhere": (
        _files_elsewhere,
        {"to": "https://files.elsewhere.example/", "token": False},
    ),
    "export-odd-manifest": (_odd_manifest, {"member": "transactionTime", "value": ""}),
}

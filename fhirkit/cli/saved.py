"""A record pulled without a working tree, as one file or on standard output."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fhirkit.cli import exits
from fhirkit.cli.console import counted, emit, emit_json, say
from fhirkit.core.errors import UsageError

if TYPE_CHECKING:
    from fhirkit.remote import Client
    from fhirkit.sync.selection import Selection
    from fhirkit.sync.source import Pick


def select(client: Client, patient: str | None, types: tuple[str, ...], pick: Pick) -> Selection:
    """One patient's record, or whole types by searches or an export."""
    from fhirkit.sync.selection import select_export, select_patient, select_types

    if patient is not None:
        from fhirkit.remote.capability import Capability

        return select_patient(client, Capability.of(client.capabilities()), patient, {}, ())
    if pick.is_export:
        return select_export(client, pick, types or None)
    if pick.source == "history":
        raise UsageError("--source history needs a working tree, which knows what came before")
    return select_types(client, types or None)


def save_lines(
    client: Client, types: tuple[str, ...], pick: Pick, output: str, *, as_json: bool
) -> int:
    """Write an export into an NDJSON file as it comes, or nothing when it is not complete."""
    from fhirkit.core.files import write_atomic
    from fhirkit.core.jsonio import dump_bytes
    from fhirkit.sync.selection import exported

    count = 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        for rows in exported(client, pick, types or None):
            count += len(rows)
            yield b"".join(dump_bytes(row, indent=False) + b"\n" for row in rows)

    write_atomic(Path(output), lines())
    if as_json:
        emit_json({"output": output, "resources": count, "notes": []})
    say(f"{counted(count, 'resource')} in {output}")
    return exits.CLEAN


def save(client: Client, selection: Selection, output: str, *, as_json: bool) -> int:
    """Write what was selected, or nothing when it is not complete."""
    from fhirkit.core.files import write_atomic
    from fhirkit.core.jsonio import dumps
    from fhirkit.remote.record import collection

    found = [selection.resources[key] for key in sorted(selection.resources)]
    if output.endswith(".ndjson"):
        text = "".join(dumps(resource, indent=False) + "\n" for resource in found)
    else:
        text = dumps(collection(client.base, found))
    for note in selection.notes:
        say(f"note: {note}")
    if selection.incomplete:
        say("incomplete, so nothing was written")
        return exits.INCOMPLETE
    if output == "-":
        emit(text)
    else:
        write_atomic(Path(output), text.encode())
        if as_json:
            emit_json({"output": output, "resources": len(found), "notes": selection.notes})
    say(f"{counted(len(found), 'resource')}{'' if output == '-' else f' in {output}'}")
    return exits.CLEAN

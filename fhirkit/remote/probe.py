"""What a server really does, found out by trying, with resources that are deleted again.

A CapabilityStatement says what is offered, not what is honoured: whether ``If-None-Match`` keeps a
PUT from overwriting, whether a transaction is one, whether a history shows deletions. No server is
known by name here; each answer is tried for. A probe writes a few resources without any content of
a person, at ids of its own, and removes them whatever happens.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fhirkit.core.errors import Blocked, FhirkitError
from fhirkit.remote.attempt import KINDS, Attempt
from fhirkit.remote.capability import Capability
from fhirkit.remote.client import Client
from fhirkit.remote.probed import Probed
from fhirkit.remote.trials import TRIALS, exports


def probe(client: Client, *, export: bool = True) -> Probed:
    """Try everything and clean up. ``export`` begins a bulk export and cancels it.

    Raises ``Blocked`` when the server offers no type that a probe may write, and the usual errors
    when it cannot be reached; what was written is then removed as far as possible.
    """
    capability = Capability.of(client.capabilities())
    kind = next((one for one in KINDS if one in capability.types), None)
    if kind is None:
        raise Blocked(
            f"{client.host} offers none of the types that a probe writes: {', '.join(KINDS)}",
            advice="sync then goes by what the server answers",
        )
    run = Attempt(client, kind)
    found: dict[str, Any] = {}
    try:
        for trial in TRIALS:
            found |= trial(run, found)
        if export:
            found["export"] = exports(run)
    except FhirkitError as problem:
        left = run.clean()
        if left:
            names = ", ".join(map(str, left))
            problem.advice = f"what the probe wrote could not be removed: {names}"
        raise
    except BaseException:
        run.clean()
        raise
    left = run.clean()
    return Probed(
        url=client.base,
        software=capability.software,
        fhir_version=capability.fhir_version,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        kind=kind,
        left=tuple(map(str, left)),
        **found,
    )

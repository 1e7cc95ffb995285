"""Meeting a server: is it FHIR R4, can it do what is wanted, and is it the one it was before."""

from __future__ import annotations

from dataclasses import dataclass

from fhirkit.core.errors import Blocked
from fhirkit.remote.capability import Capability
from fhirkit.remote.client import Client
from fhirkit.remote.statement import Remembered, introduce
from fhirkit.sync.base import BaseStore


@dataclass(frozen=True, slots=True)
class Met:
    """What the server can do; ``from_memory`` when only its card was looked at this time."""

    capability: Capability
    from_memory: bool


def meet(client: Client, store: BaseStore, *, afresh: bool = False) -> Met:
    """Make sure that this is a FHIR R4 server that can do it, and the one it was before.

    What it said it can do is remembered for as long as it shows to be unchanged, unless asked for
    ``afresh``. ``Blocked`` for another server, or another FHIR version.
    """
    kept = None if afresh else store.statement()
    before = Remembered.of_bytes(kept) if kept is not None else None
    met = introduce(client, before)
    capability = met.capability
    require_r4(capability, client)
    identity = f"{capability.software} {capability.fhir_version}".strip()
    known = store.identity()
    if known is None:
        store.identify(identity)
    elif known != identity and store.count():
        raise Blocked(
            f"{store.remote} was {known} and is now {identity}: another server?",
            advice=f"fhirkit remote reset {store.remote} begins anew with it",
        )
    if met is not before:
        store.keep_statement(met.to_bytes())
    return Met(capability, met is before)


def require_r4(capability: Capability, client: Client) -> None:
    """``Blocked`` unless the server speaks FHIR 4.0."""
    version = capability.fhir_version
    if version and not version.startswith("4.0"):
        raise Blocked(f"{client.host} speaks FHIR {version[:20]}, and fhirkit R4 (4.0.1)")

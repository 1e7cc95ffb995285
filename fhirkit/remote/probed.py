"""What was found out about a server by trying, and kept: the answers that decisions rest on."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import msgspec

from fhirkit.core.files import read_bytes, write_atomic
from fhirkit.remote.capability import Capability


class Rung(Enum):
    """How a resource can be created so that trying again makes no second one, best first."""

    GUARDED_PUT = "guarded-put"  # PUT to our id with If-None-Match: * (nothing is overwritten)
    PUT = "put"  # PUT to our id
    CONDITIONAL_BY_TAG = "conditional-by-tag"  # POST with ifNoneExist on a tag of our own
    CONDITIONAL = "conditional"  # POST with ifNoneExist on an identifier
    POST = "post"  # nothing keeps a repetition from making a second one


class Probed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was found. True and False were tried; None could not be.

    ``stale_status`` is the answer to an update of another version, ``deleted_status`` to a read of
    what was deleted; 0 where that was not seen. ``left`` names what could not be removed.
    """

    url: str
    software: str
    fhir_version: str
    at: str
    kind: str
    client_ids: bool | None = None
    guarded_create: bool | None = None
    if_match_update: bool | None = None
    if_match_delete: bool | None = None
    conditional_create: bool | None = None
    conditional_create_by_tag: bool | None = None
    transaction: bool | None = None
    transaction_atomic: bool | None = None
    transaction_guarded_create: bool | None = None
    transaction_if_match: bool | None = None
    transaction_conditional_create: bool | None = None
    transaction_representation: bool | None = None
    identical_update_is_new_version: bool | None = None
    keeps_request_id: bool | None = None
    instance_history: bool | None = None
    type_history: bool | None = None
    system_history: bool | None = None
    history_shows_deletions: bool | None = None
    export: bool | None = None
    stale_status: int = 0
    deleted_status: int = 0
    left: tuple[str, ...] = ()

    @property
    def rung(self) -> Rung:
        """The best way to create that was seen to work, alone and inside a transaction."""
        if self.client_ids:
            # What one transaction honours is what counts: creations travel in them.
            guarded = self.transaction_guarded_create if self.transaction else self.guarded_create
            return Rung.GUARDED_PUT if guarded else Rung.PUT
        if self.conditional_create_by_tag:
            return Rung.CONDITIONAL_BY_TAG
        if self.conditional_create or self.transaction_conditional_create:
            return Rung.CONDITIONAL
        return Rung.POST

    def is_of(self, url: str, capability: Capability) -> bool:
        """Whether this was found on the server that now stands at the URL."""
        seen = (self.url, self.software, self.fhir_version)
        return seen == (url, capability.software, capability.fhir_version)


def save(path: Path, probed: Probed) -> None:
    """Keep what was found."""
    write_atomic(path, msgspec.json.format(msgspec.json.encode(probed)) + b"\n")


def load(path: Path, url: str, capability: Capability) -> Probed | None:
    """What was found on this very server; None when there is nothing, or it was another one."""
    if not path.exists():
        return None
    try:
        probed = msgspec.json.decode(read_bytes(path), type=Probed)
    except msgspec.DecodeError:
        return None  # of another fhirkit, or half a file: it is found out again
    return probed if probed.is_of(url, capability) else None

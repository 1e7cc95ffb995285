"""The CapabilityStatement, asked for as cheaply as a server allows, and whole when it changed.

HAPI's is 1.6 MB long (100 kB on the wire), which is more than most pulls have to move. So what was
read from it is remembered with a card: the few elements that tell a server and its release, as the
server itself shortens its statement to them. An equal card stands for an equal statement, for a
day at most; everything else is read whole.

https://hl7.org/fhir/R4/http.html#capabilities, https://hl7.org/fhir/R4/search.html#elements
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from fhirkit.core.errors import Refused
from fhirkit.core.jsonio import dump_bytes
from fhirkit.remote.capability import Capability
from fhirkit.remote.client import Client
from fhirkit.remote.failures import Unchanged
from fhirkit.remote.paging import shortened

#: What a card is made of. Not ``date``: servers renew it with every statement they make.
_TELLING = ("fhirVersion", "kind", "software", "implementation")
_OF_REST = ("mode", "interaction")
_ELEMENTS = ",".join((*_TELLING, *(f"rest.{name}" for name in _OF_REST)))
#: Capabilities can change without a new release, by configuration: read whole once a day.
LONGEST = timedelta(hours=24)
#: How servers say that they do not know a parameter, or fail over it.
_NO_PARAMETER = (400, 405, 406, 422, 500, 501)


class Remembered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was read from a whole statement of the server at ``url``, and when (UTC).

    ``card`` is the hash of the server's shortened statement; ``etag`` that of the whole one, where
    the server does not shorten it.
    """

    url: str
    at: datetime
    card: str
    etag: str | None
    capability: Capability

    def to_bytes(self) -> bytes:
        """As it is kept."""
        return zlib.compress(msgspec.json.encode(self))

    @classmethod
    def of_bytes(cls, data: bytes) -> Remembered | None:
        """What ``to_bytes`` made; None for what another fhirkit made, or what is damaged."""
        try:
            return msgspec.json.decode(zlib.decompress(data), type=cls)
        except (msgspec.DecodeError, zlib.error):
            return None


def introduce(
    client: Client,
    known: Remembered | None,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Remembered:
    """What the server can do now; ``known`` itself when the server is shown to be as it was.

    Without ``known`` the statement is read whole. Raises as ``Client.statement`` does.
    """
    moment = now()
    if known is not None and (
        known.url != client.base or not timedelta(0) <= moment - known.at < LONGEST
    ):
        known = None
    if known is not None and not known.card:
        # It shortens nothing; where it says by which ETag, it need not say it all again.
        return _whole(client, moment, known)
    try:
        statement, etag = client.statement(elements=_ELEMENTS)
    except Refused as problem:
        if problem.status not in _NO_PARAMETER:
            raise
        return _whole(client, moment, None)
    if _is_whole(statement):
        return Remembered(client.base, moment, "", etag, Capability.of(statement))
    card = _card(statement)
    if known is not None and card and known.card == card:
        return known
    return msgspec.structs.replace(_whole(client, moment, None), card=card)


def _whole(client: Client, moment: datetime, known: Remembered | None) -> Remembered:
    """The whole statement read, unless its ETag says that it is the ``known`` one."""
    etag = known.etag if known is not None else None
    try:
        statement, etag = client.statement(unless=etag)
    except Unchanged:
        if known is not None:
            return known
        raise
    return Remembered(client.base, moment, "", etag, Capability.of(statement))


def _is_whole(statement: dict[str, Any]) -> bool:
    """Whether this was not shortened: the card's elements leave out the resource types."""
    return not shortened(statement) and bool(Capability.of(statement).types)


def _card(statement: dict[str, Any]) -> str:
    """A hash of what tells this server from another; empty when that is too little."""
    shown = {name: statement[name] for name in _TELLING if name in statement}
    if "fhirVersion" not in shown:
        return ""  # a server that shortens too much: then there is nothing to go by
    rest = statement.get("rest")
    shown["rest"] = [
        {name: one[name] for name in _OF_REST if name in one}
        for one in (rest if isinstance(rest, list) else [])
        if isinstance(one, dict)
    ]
    return hashlib.sha256(dump_bytes(shown, indent=False)).hexdigest()

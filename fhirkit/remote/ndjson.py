"""The lines of an export file as they arrive: checked one by one, and never all in memory.

A file that breaks off is an error, however it breaks off: in a line, between two lines when the
server counted them or framed the answer, and by the connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirkit.core.errors import BadAnswer, InvalidInput
from fhirkit.core.jsonio import loads
from fhirkit.remote.paging import shortened
from fhirkit.remote.streaming import Stream

#: Resources handed on at a time, and the bytes after which fewer are.
_BATCH = 500
_BATCH_BYTES = 4 << 20
#: Empty lines mean nothing; a server that sends them for ever is not listened to.
_BLANK = 1000


def resources_in(
    stream: Stream, kind: str, count: int | None, what: str, *, longest: int, identified: bool
) -> Iterator[list[dict[str, Any]]]:
    """The resources of a file, some at a time.

    ``kind`` is the type that all of them have, ``count`` how many they are if that is known,
    ``longest`` the most bytes of one, and ``identified`` says that each must have an id. Raises
    ``BadAnswer`` for a line that is no such resource, or for more or fewer lines than announced.
    """
    batch: list[dict[str, Any]] = []
    size = lines = blank = 0
    for line in _lines(stream, what, longest):
        if not line.strip():
            blank += 1
            if blank > _BLANK + lines:
                raise BadAnswer(f"{what}: there are more empty lines than resources")
            continue
        lines += 1
        batch.append(_resource(line, kind, what, lines, identified=identified))
        size += len(line)
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if count is not None and lines != count:
        raise BadAnswer(f"{what}: {lines} lines came, and the manifest announced {count}")
    if count is None and not stream.framed:
        raise BadAnswer(f"{what}: nothing says how long the file is, so its end is not proven")
    if batch:
        yield batch


def _lines(stream: Stream, what: str, longest: int) -> Iterator[bytes]:
    rest: list[bytes] = []
    held = 0
    for part in stream.parts:
        *whole, tail = part.split(b"\n")
        for line in whole:
            yield b"".join((*rest, line))
            rest, held = [], 0
        rest.append(tail)
        held += len(tail)
        if held > longest:
            raise BadAnswer(f"{what}: a line is larger than {longest // (1024 * 1024)} MiB")
    yield b"".join(rest)


def _resource(
    line: bytes, kind: str, what: str, number: int, *, identified: bool
) -> dict[str, Any]:
    try:
        resource = loads(line)
    except InvalidInput:
        raise BadAnswer(f"{what}: line {number} is no whole JSON") from None
    if not isinstance(resource, dict) or resource.get("resourceType") != kind:
        raise BadAnswer(f"{what}: line {number} is no {kind}")
    if identified and not isinstance(resource.get("id"), str):
        raise BadAnswer(f"{what}: line {number} has no id")
    if shortened(resource):
        raise BadAnswer(f"{what}: the server sent shortened resources, which are not whole")
    return resource

"""An answer's body while it arrives: bounded in time for each part and in what it unpacks to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fhirkit.core.errors import BadAnswer

if TYPE_CHECKING:
    import requests  # noqa: TID251  # this package is the one that may

    from fhirkit.remote.deadline import Exchange

PART = 1 << 16
#: A compressed body may unpack to so many times its size; records come to 10 or 50.
_RATIO = 300
#: Below this size nothing is said about the ratio.
_SMALL = 64 << 20


@dataclass(slots=True)
class Stream:
    """A file that is being read, or where the server says it is (``redirect``, as written).

    ``parts`` raises what ``Transport.request`` does. ``framed`` tells whether the head or the
    chunks say where the body ends, so that an end that comes too early is noticed.
    """

    parts: Iterator[bytes]
    framed: bool = True
    redirect: str | None = None


def is_framed(response: requests.Response) -> bool:
    """Whether the answer's end can be told from a connection that was closed."""
    coding = response.headers.get("Transfer-Encoding", "").lower()
    return "Content-Length" in response.headers or "chunked" in coding


def parts_of(
    response: requests.Response, one: Exchange, what: str, seconds: float
) -> Iterator[bytes]:
    """The decoded body, part by part, each of which has ``seconds`` to arrive."""
    size = 0
    with response:
        parts = response.iter_content(PART)
        while True:
            one.renew(seconds)
            with one.under_way():
                part = next(parts, None)
            if part is None:
                return
            size += len(part)
            if size > _SMALL and size > _RATIO * response.raw.tell():
                raise BadAnswer(f"{what}: the answer unpacks to far more than any record does")
            yield part

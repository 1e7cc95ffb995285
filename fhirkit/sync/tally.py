"""Whether an export is whole: the server's own counts beside what came of each type.

HAPI announces no counts in its manifest, and a file that lacks rows looks like any other; one that
is empty, or not there, looks as if the server had none of its type.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import NamedTuple

from fhirkit.remote.capability import Capability
from fhirkit.remote.client import Client
from fhirkit.remote.listing import ask_each, count_of
from fhirkit.remote.manifest import Manifest


class Lack(NamedTuple):
    """So many resources of a type did not come; ``certain`` when none of them can be newer than
    the export.
    """

    kind: str
    number: int
    certain: bool


def lacks(
    client: Client,
    capability: Capability,
    manifest: Manifest,
    came: Counter[str],
    *,
    kinds: Collection[str] | None = None,
    known: Collection[str] = (),
    since: str | None = None,
) -> list[Lack]:
    """What the server counts beyond what came of a system's export, of these kinds (all).

    What was last changed before the export's moment has to be in it. A whole one, without
    ``since``, is counted for all types that can be searched; another for those that came or are
    ``known``. Nothing is said of types that the server does not count.
    """
    asked = {*came, *known, *(file.kind for file in manifest.output)}
    if since is None:
        asked |= capability.searchable
    asked = asked & capability.searchable if kinds is None else {*kinds}
    window = [f"lt{manifest.moment}", *([] if since is None else [f"ge{since}"])]

    def lack(kind: str) -> Lack:
        if capability.searches(kind, "_lastUpdated"):
            theirs = count_of(client, kind, *window)
            if theirs is not None:
                return Lack(kind, theirs - came[kind], certain=True)
        theirs = count_of(client, kind) if since is None else None
        return Lack(kind, 0 if theirs is None else theirs - came[kind], certain=False)

    return [one for _, one in ask_each(lack, sorted(asked)) if one.number > 0]

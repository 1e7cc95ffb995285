"""What a token may do: whether the scopes granted hold those that were asked for.

SMART App Launch writes ``system/Patient.read`` (version 1) or ``system/Patient.rs`` (version 2);
a wildcard stands for every type or every interaction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_CLINICAL = re.compile(
    r"(?P<context>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]*)\."
    r"(?P<rights>\*|read|write|(?=[cruds])c?r?u?d?s?)(?P<part>\?.*)?"
)
_V1 = {"read": "rs", "write": "cud", "*": "cruds"}


def missing(asked: str, granted: str) -> list[str]:
    """The scopes of ``asked`` that ``granted`` does not hold, in their order."""
    held = granted.split()
    return [scope for scope in asked.split() if not _covered(scope, held)]


def _covered(scope: str, granted: Iterable[str]) -> bool:
    held = list(granted)
    if scope in held:
        return True
    wanted = _CLINICAL.fullmatch(scope)
    if wanted is None:
        return False
    needed = set(_V1.get(wanted["rights"], wanted["rights"]))
    for one in held:
        match = _CLINICAL.fullmatch(one)
        if match is None or match["context"] != wanted["context"]:
            continue
        # A part (``?category=…``) is less than the whole; it only holds exactly itself.
        if match["type"] in ("*", wanted["type"]) and match["part"] in (None, wanted["part"]):
            needed -= set(_V1.get(match["rights"], match["rights"]))
    return not needed

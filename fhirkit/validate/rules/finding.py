"""What a rule says: which rule, in words, and where below the value it was given."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """``below`` leads from the checked value to the guilty part: property names, list places.

    ``also`` are further findings about the same value.
    """

    rule: str
    message: str
    below: tuple[str | int, ...] = ()
    also: tuple[Finding, ...] = ()

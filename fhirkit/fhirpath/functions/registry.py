"""Every function by name: its arguments and how they are handed over.

A function gets ``(frame, source, *arguments)``. Ordinary arguments arrive evaluated, as
collections, relative to $this. A ``lazy`` one gets compiled arguments and evaluates them itself,
once an item (``where``, ``select``) or as needed (``iif``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

Implementation = Callable[..., list[Any]]
_F = TypeVar("_F", bound=Implementation)


class Function(msgspec.Struct, frozen=True):
    """``least`` and ``most`` count arguments. ``takes`` and ``returns`` serve the static check:
    the System type of the input, and of the output (``same`` and ``first`` for the input's own).
    """

    name: str
    call: Implementation
    least: int
    most: int
    lazy: bool = False
    takes: str | None = None
    returns: str | None = None


FUNCTIONS: dict[str, Function] = {}


def function(
    name: str,
    least: int = 0,
    most: int | None = None,
    *,
    lazy: bool = False,
    takes: str | None = None,
    returns: str | None = None,
) -> Callable[[_F], _F]:
    """Register an implementation under its FHIRPath name."""

    def register(implementation: _F) -> _F:
        FUNCTIONS[name] = Function(
            name, implementation, least, least if most is None else most, lazy, takes, returns
        )
        return implementation

    return register

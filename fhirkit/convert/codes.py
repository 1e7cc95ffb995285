"""Codes as an author writes them, turned into Codings, with what can be said about them offline.

A code that cannot be one of its system is an error. A code on no list at hand is kept where its
own form guards against slips (check digits, a fixed pattern) and left out where it is a bare
number, because any slip there is another drug: the text stays, and writing the display after a
bar confirms it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from fhirkit.terminology.codes import CodeError, CodeStatus, check, parse_code
from fhirkit.terminology.systems import CVX, NDC, RXNORM

if TYPE_CHECKING:
    from fhirkit.convert.read.nodes import Node
    from fhirkit.convert.reading import Reading

#: Systems of bare numbers, where nothing in a code guards against a slip.
_UNGUARDED = frozenset({RXNORM, CVX, NDC, "http://www.ama-assn.org/go/cpt"})


_BRACKETED = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_WORD = re.compile(r"\w{3,}")
#: Letters of a word that count, so that `anaemia` is close to `anaemic`.
_STEM = 5


class Examined(NamedTuple):
    """A code's Coding (system, code, display) if it is to be used, and the issue to report."""

    coding: tuple[str, str, str | None] | None
    rule: str | None = None
    message: str = ""
    advice: str | None = None


@lru_cache(maxsize=4096)
def examine(text: str) -> Examined:
    """What to do with a code written as `system:code`, with or without ` | display`."""
    try:
        code = parse_code(text)
    except CodeError as problem:
        return Examined(None, "case-code", problem.message, problem.advice)
    found = check(code.system, code.code)
    if found.status is CodeStatus.KNOWN:
        known = (code.system, code.code, found.display or code.display)
        if found.display and code.display and not _alike(found.display, code.display):
            message = f"{code.written} is called '{found.display}', not '{code.display}'"
            return Examined(known, "case-code-display", message, "Is it the code you meant?")
        return Examined(known)
    if found.status is CodeStatus.UNKNOWN:
        close = " or ".join(found.suggestions)
        return Examined(
            None, "case-code", found.reason or "", f"did you mean {close}?" if close else None
        )
    if code.display is not None:
        return Examined((code.system, code.code, code.display))
    advice = "; ".join(found.suggestions) or None
    if code.system in _UNGUARDED:
        message = f"{code.written} is left out: {found.reason}"
        return Examined(None, "case-code-unconfirmed", message, advice)
    message = f"{code.written} goes out unchecked, without a display: {found.reason}"
    return Examined((code.system, code.code, None), "case-code-unchecked", message, advice)


def _alike(known: str, written: str) -> bool:
    """Whether two displays could name the same thing: they share a word that says something."""
    return bool(_words(known) & _words(written))


def _words(display: str) -> set[str]:
    # What stands in brackets is the kind of thing, which a wrong code often has in common.
    bare = _BRACKETED.sub(" ", display).casefold()
    return {word[:_STEM] for word in _WORD.findall(bare)} or {bare.strip()}


def read_coding(text: str, node: Node, reading: Reading) -> dict[str, Any] | None:
    """The Coding of a code, after reporting what is to be said about it."""
    found = examine(text)
    if found.rule is not None:
        reading.issue(found.rule, node, found.message, found.advice)
    return None if found.coding is None else coding(*found.coding)


def coding(system: str, code: str, display: str | None = None) -> dict[str, Any]:
    """A Coding (https://hl7.org/fhir/R4/datatypes.html#Coding)."""
    made = {"system": system, "code": code}
    if display is not None:
        made["display"] = display
    return made


def concept(
    codings: list[dict[str, Any]] | None = None, text: str | None = None
) -> dict[str, Any] | None:
    """A CodeableConcept of codings, text or both; ``None`` when there is neither."""
    made: dict[str, Any] = {}
    if codings:
        made["coding"] = [dict(one) for one in codings]
    if text is not None:
        made["text"] = text
    return made or None


def concepts(one: dict[str, Any] | None) -> list[dict[str, Any]] | None:
    """A list of one CodeableConcept, or ``None``, for an element that repeats."""
    return [one] if one is not None else None

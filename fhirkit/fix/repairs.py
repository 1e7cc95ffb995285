"""One repair a rule: an issue and the text in, the edit that mends it out, or nothing.

A repair is here only when it cannot change what the record says: a value in the wrong JSON type,
a list that is none or none that is one, an element that holds nothing at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from fhirkit.core.issues import Issue
from fhirkit.fix.tokens import Member, member_at, offset_of, value_end, with_comma

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_EMPTY = frozenset({'""', "{}", "[]", "null"})


class Edit(NamedTuple):
    """Replace the text from ``start`` up to ``end``."""

    start: int
    end: int
    text: str


def repair(issue: Issue, source: str) -> Edit | None:
    """The edit for an issue; None when there is no safe one."""
    make = _REPAIRS.get(issue.rule)
    if make is None or issue.line is None or issue.column is None:
        return None
    offset = offset_of(source, issue.line, issue.column)
    member = None if offset is None else member_at(source, offset)
    return None if member is None else make(issue, source, member)


def _remove(issue: Issue, source: str, member: Member) -> Edit | None:
    """Take out a property, or an object of a list, that holds nothing.

    A primitive of a list stays: its place may matter to the list of siblings beside it.
    """
    del issue
    text = re.sub(r"\s", "", member.text(source))
    if text not in _EMPTY or (member.name is None and text != "{}"):
        return None
    if member.name is not None and (f'"_{member.name}"' in source or member.name.startswith("_")):
        # The value and its extensions are one element; which of the two is meant is not known.
        return None
    return Edit(*with_comma(source, member), "")


def _wrap(issue: Issue, source: str, member: Member) -> Edit | None:
    """Make a list of a single value; one that holds nothing goes."""
    text = member.text(source)
    if re.sub(r"\s", "", text) in _EMPTY:
        return _remove(issue, source, member)
    if member.name is None or text.startswith("["):
        return None
    return Edit(member.value, member.end, f"[{text}]")


def _unwrap(issue: Issue, source: str, member: Member) -> Edit | None:
    """Take the only value out of its list."""
    del issue
    text = member.text(source)
    if member.name is None or not text.startswith("["):
        return None
    inner = text[1:-1].strip()
    if not inner or inner.startswith("[") or value_end(inner, 0) != len(inner):
        return None
    return Edit(member.value, member.end, inner)


def _retype(issue: Issue, source: str, member: Member) -> Edit | None:
    """Write a value in the JSON type that is asked for, where it can be read in only one way."""
    text = member.text(source)
    if text.startswith('"'):
        value: str = json.loads(text)
        if "true or false" in issue.message and value in ("true", "false"):
            return Edit(member.value, member.end, value)
        if "number" in issue.message and _NUMBER.fullmatch(value):
            return Edit(member.value, member.end, value)
        return None
    if "string" in issue.message.partition(", found")[0] and _NUMBER.fullmatch(text):
        return Edit(member.value, member.end, f'"{text}"')
    return None


_Repair = Callable[[Issue, str, Member], Edit | None]
_REPAIRS: Mapping[str, _Repair] = MappingProxyType(
    {
        "array-empty": _remove,
        "element-empty": _remove,
        "null-value": _remove,
        "primitive-empty": _remove,
        "array-expected": _wrap,
        "array-unexpected": _unwrap,
        "primitive-type": _retype,
    }
)
#: The rules whose issues can be repaired.
FIXABLE = frozenset(_REPAIRS)
#: Those among them behind which other issues hide: the value is not looked into.
RESHAPED = frozenset({"array-expected", "array-unexpected"})

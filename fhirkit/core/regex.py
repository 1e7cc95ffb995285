"""Regular expressions that come from elsewhere: specification, profiles, users.

The one place that runs them. RE2 works in linear time, whatever the pattern and the text; some
published FHIR patterns make a backtracking engine hang. RE2 cannot do look-around and
back-references: such a pattern is said to be unsupported, never guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2

from fhirkit.core.errors import FhirkitError

_ESCAPED = re.compile(r"\\.", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?([^\]]*)")
_GROUP = re.compile(r"\$(?P<number>[0-9])|\$\{(?P<name>\w+)\}|\\(?P<plain>.)", re.DOTALL)
_MAX_MEMORY = 32 * 1024 * 1024


class UnsupportedPattern(FhirkitError):
    """The pattern is no regular expression, or needs what RE2 does not have."""


@lru_cache(maxsize=1024)
def full_matcher(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether a text matches as a whole, a trailing newline included.

    Character classes are ASCII ones, as in the specification (``\\d`` is 0-9).
    """
    # The anchors take care of `a|b`, and `\z` is the end of the text, never before a newline.
    compiled = _compile(rf"\A(?:{pattern})\z")

    def matches(text: str) -> bool:
        return compiled.search(text) is not None

    return matches


@lru_cache(maxsize=1024)
def searcher(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether a text holds a match; ``.`` matches a newline, too."""
    _refuse_nested_classes(pattern)
    compiled = _compile(f"(?s){pattern}")

    def found(text: str) -> bool:
        return compiled.search(text) is not None

    return found


@lru_cache(maxsize=256)
def replacer(pattern: str) -> Callable[[str, str], str]:
    """A function that replaces every match in a text.

    ``$1`` and ``${name}`` in the replacement stand for groups; one that is not there for nothing.
    A backslash takes the next character as it is.
    """
    _refuse_nested_classes(pattern)
    compiled = _compile(pattern)

    def replace(text: str, replacement: str) -> str:
        def filled(match: Any) -> str:
            return _GROUP.sub(lambda mark: _group(match, mark), replacement)

        return str(compiled.sub(filled, text))

    return replace


def _refuse_nested_classes(pattern: str) -> None:
    """``[a-z&&[^b]]`` means something to Java, whose dialect FHIRPath uses, and else to RE2."""
    plain = _ESCAPED.sub("", pattern)
    for inside in _CLASS.findall(plain):
        if "&&" in inside or "[" in inside.replace("[:", ""):
            raise UnsupportedPattern("this regular expression is not supported")


def _group(match: Any, mark: re.Match[str]) -> str:
    if mark["plain"] is not None:
        return mark["plain"]
    name = int(mark["number"]) if mark["number"] else mark["name"]
    try:
        return match[name] or ""
    except (IndexError, KeyError):
        return ""


def _compile(pattern: str) -> Any:
    """RE2's own object. It ships no types."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError):
        raise UnsupportedPattern("this regular expression is not supported") from None

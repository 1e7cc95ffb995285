"""Regular expressions that come from elsewhere: specification, profiles, users.

The one place that runs them. RE2 works in linear time, whatever the pattern and the text; some
published FHIR patterns make a backtracking engine hang. RE2 cannot do look-around and
back-references: such a pattern is said to be unsupported, never guessed at.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import re2

from fhirkit.core.errors import FhirkitError

_MAX_MEMORY = 32 * 1024 * 1024


class UnsupportedPattern(FhirkitError):
    """The pattern is no regular expression, or needs what RE2 does not have."""


@lru_cache(maxsize=1024)
def full_matcher(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether a text matches as a whole, a trailing newline included.

    Character classes are ASCII ones, as in the specification (``\\d`` is 0-9).
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_MEMORY
    try:
        # The anchors take care of `a|b`, and `\z` is the end of the text, never before a newline.
        compiled = re2.compile(rf"\A(?:{pattern})\z", options)
    except (re2.error, UnicodeEncodeError):
        raise UnsupportedPattern("this regular expression is not supported") from None

    def matches(text: str) -> bool:
        return compiled.search(text) is not None

    return matches

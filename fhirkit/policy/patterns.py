"""Patterns of rules, files and places in a record."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path, PurePath

from fhirkit.core.errors import UsageError

_INDEX = re.compile(r"\[\d+\]")


def check_rules(patterns: Iterable[str], known: Iterable[str], where: str) -> None:
    """``UsageError`` for a pattern that fits no rule: a typing error would silence nothing."""
    rules = list(known)
    for pattern in patterns:
        if any(fnmatchcase(rule, pattern) for rule in rules):
            continue
        from difflib import get_close_matches

        close = get_close_matches(pattern, rules, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "`fhirkit explain` lists the rules"
        raise UsageError(f"{where}: no rule is named {pattern!r}", advice=hint)


def fits_rule(rule: str, patterns: Iterable[str]) -> bool:
    """Whether a rule's id fits one of the patterns (``binding-*``)."""
    return any(fnmatchcase(rule, pattern) for pattern in patterns)


def fits_path(file: str, pattern: str, folder: Path) -> bool:
    """Whether a file fits a glob that starts at a folder; ``**`` stands for any folders."""
    path = PurePath(file)
    if not path.is_absolute():
        path = Path.cwd() / path
    try:
        relative = path.relative_to(folder)
    except ValueError:
        return False
    return _glob(pattern).fullmatch(relative.as_posix()) is not None


def fits_expression(expression: str, pattern: str) -> bool:
    """Whether a FHIRPath place is the wanted one; a pattern without indices fits any of them."""
    plain = expression if _INDEX.search(pattern) else _INDEX.sub("", expression)
    return fnmatchcase(plain.replace("[", "("), pattern.replace("[", "("))


def without_indices(expression: str) -> str:
    """The place as a kind of place: ``Patient.name[0].given[1]`` is ``Patient.name.given``."""
    return _INDEX.sub("", expression)


@lru_cache(maxsize=256)
def _glob(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression: one alternative a position, so that matching is linear."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.removeprefix("./"))
    words = {"**/": r"(?:[^/]+/)*", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    text = "".join(words.get(part, re.escape(part)) for part in parts)
    # A folder's name stands for everything below it.
    return re.compile(text.rstrip("/") + r"(?:/.*)?")

"""What is said of each command besides its text and its options: ``data/manual.toml``, read."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

import msgspec

_FILE = Path(__file__).with_name("data") / "manual.toml"
#: Codes that every command has.
_ALWAYS = {
    2: "The call or a setting is wrong, or nothing matched.",
    70: "A bug in fhirkit.",
    130: "Interrupted (141: the reader of the output went away; 143: terminated).",
}


class Example(msgspec.Struct, frozen=True, array_like=True):
    """A command line, and what it is for."""

    line: str
    meaning: str


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of a command. ``see`` are commands and pages to read on."""

    arguments: dict[str, str] = {}  # msgspec copies it for each instance
    exits: dict[str, str] = {}
    examples: tuple[Example, ...] = ()
    see: tuple[str, ...] = ()

    @property
    def codes(self) -> dict[int, str]:
        """Every exit code with its meaning, in order; none for a group of commands."""
        own = {int(code): meaning for code, meaning in self.exits.items()}
        return dict(sorted((own | _ALWAYS).items())) if own else {}


@lru_cache(maxsize=1)
def pages() -> dict[str, Page]:
    """The command without ``fhirkit`` → what is said of it."""
    return msgspec.convert(tomllib.loads(_FILE.read_text("utf-8")), dict[str, Page])

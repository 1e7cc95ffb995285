"""What a rule means to its reader: what to do, where the specification says so, and two examples.

One small TOML file a rule, in ``data/rules``; docs/rules.md and ``fhirkit explain`` are made of
them. They are read only for rules that are shown, so that they cost nothing at start-up.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from fhirkit.validate.catalogue import RULES

#: The folder of the files.
FOLDER = Path(__file__).with_name("data") / "rules"


class Repeated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text to be written many times, for an example that is too long to write out."""

    text: str
    times: int


class Explanation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to do about a rule, and an example that breaks it beside one that does not.

    ``definitions`` (JSON) and ``options`` are what a ``Validator`` is made with to try them;
    ``failing_note`` says in words what no text can show, and ``@name@`` in an example stands for
    the text of that name in ``repeated``. ``beside`` are rules that the failing example cannot
    help breaking, too.
    """

    advice: str
    link: str
    passing: str
    failing: str = ""
    failing_note: str = ""
    failing_encoding: str = "utf-8"
    beside: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    options: dict[str, Any] = {}  # msgspec copies it for each instance
    repeated: dict[str, Repeated] = {}

    def failing_bytes(self) -> bytes:
        """The failing example as it would stand in a file."""
        return self._written(self.failing).encode(self.failing_encoding)

    def passing_bytes(self) -> bytes:
        """The passing example as it would stand in a file."""
        return self._written(self.passing).encode()

    def _written(self, text: str) -> str:
        for name, repeated in self.repeated.items():
            text = text.replace(f"@{name}@", repeated.text * repeated.times)
        return text


@lru_cache(maxsize=256)
def explanation(rule: str) -> Explanation | None:
    """The explanation of a rule of the catalogue; None for other names."""
    if rule not in RULES:
        return None
    file = FOLDER / f"{rule}.toml"
    if not file.is_file():
        return None
    import tomllib

    return msgspec.convert(tomllib.loads(file.read_bytes().decode()), Explanation)


def advice(rule: str) -> str | None:
    """What to do about an issue of this rule, in a sentence; None when nothing is known."""
    found = explanation(rule)
    return None if found is None else found.advice

"""The reference part of docs/case-format.md: every key and every rule, from the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhirkit.convert.catalogue import CATALOGUE
from fhirkit.convert.facts import Items
from fhirkit.convert.header import DEFAULTS, HEADER, SOURCE, TIMELINE_POINT
from fhirkit.convert.kinds import KINDS, PATIENT
from fhirkit.convert.kinds.fields import COMMON

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fhirkit.convert.shape import Key, Kind

#: What separates the written part of the page from the one made here.
MARKER = "<!-- From here on made by `scripts/docs` from the tables the checks use. -->"

_COMMON = frozenset(key.name for key in COMMON)


def reference_page() -> str:
    """Markdown: the keys at the top, of each kind, and the rules."""
    lines = [MARKER, "", "## Every key", "", "### At the top", "", *_table(HEADER)]
    lines += ["", "Keys that every fact and every nested item may have:", "", *_table(COMMON)]
    for kind in (SOURCE, TIMELINE_POINT, DEFAULTS, PATIENT, *KINDS.values()):
        lines += _kind(kind)
    lines += ["", "## Every rule", "", "| rule | severity | meaning | cure |", "|---|---|---|---|"]
    lines += [
        f"| `{rule.id}` | {rule.severity} | {rule.meaning} | {rule.cure} |"
        for rule in CATALOGUE.values()
    ]
    return "\n".join(lines) + "\n"


def _kind(kind: Kind) -> Iterator[str]:
    becomes = f" → {kind.resource_name}" if kind.resource_name else ""
    yield ""
    yield f"### `{kind.name}`{becomes}"
    yield ""
    yield kind.help
    for group in kind.one_of:
        yield f"At least one of {', '.join(f'`{name}`' for name in group)} is needed."
    yield ""
    yield from _table(key for key in kind.keys.values() if key.name not in _COMMON)
    for key in kind.keys.values():
        if isinstance(key.type, Items):
            yield ""
            short = (
                f" Plain text is taken as its `{key.type.kind.short}`."
                if key.type.kind.short
                else ""
            )
            yield f"In `{key.name}`: {key.type.kind.help}{short}"
            yield ""
            inner = key.type.kind.keys.values()
            yield from _table(each for each in inner if each.name not in _COMMON)


def _table(keys: Iterable[Key]) -> Iterator[str]:
    yield "| key | form | meaning |"
    yield "|---|---|---|"
    for key in keys:
        name = f"**`{key.name}`**" if key.required else f"`{key.name}`"
        form = key.type.expects.replace("|", "\\|")
        yield f"| {name} | {form} | {key.help} |"

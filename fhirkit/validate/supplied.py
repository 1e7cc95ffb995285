"""Resources that references may lead to out of a document: supplied, never fetched."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from fhirkit.core.errors import FhirkitError

_RELATIVE = re.compile(r"([A-Z][A-Za-z]*)/([A-Za-z0-9.-]{1,64})(?:/_history/.*)?")
#: Resources of files that are kept at hand.
MANY = 1024
_SUFFIXES = (".json", ".xml")


class Supplied:
    """Resources by Type/id: those given, or the files of a folder, named ``Type-id.json``,
    ``id.json`` or the same with ``.xml`` (the case of letters does not matter), each read when it
    is first asked for.
    """

    def __init__(self, source: Iterable[Any] | Path | str, read: Callable[[Any], Any]) -> None:
        self._read = read
        self._given: dict[str, dict[str, Any]] = {}
        #: What was read of files; references come from inputs, so there is an end to it.
        self._known: dict[str, dict[str, Any] | None] = {}
        self._files: dict[str, Path] = {}
        if isinstance(source, str | Path):
            for path in sorted(Path(source).iterdir()):
                if path.suffix.lower() in _SUFFIXES:
                    self._files.setdefault(path.stem.lower(), path)
            return
        for one in source:
            resource = read(one)
            name = _own_name(resource)
            if name is not None:
                self._given[name] = resource

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to find."""
        return not self._given and not self._files

    def find(self, reference: str) -> dict[str, Any] | None:
        """The resource that a relative reference names, or None."""
        match = _RELATIVE.fullmatch(reference)
        if match is None:
            return None
        name = f"{match[1]}/{match[2]}"
        if name in self._given:
            return self._given[name]
        stems = (f"{match[1]}-{match[2]}".lower(), match[2].lower())
        paths = [self._files[stem] for stem in stems if stem in self._files]
        if not paths:
            return None
        if name not in self._known:
            if len(self._known) >= MANY:
                self._known.pop(next(iter(self._known)))
            found = map(self._read_file, paths)
            self._known[name] = next((one for one in found if _own_name(one) == name), None)
        return self._known[name]

    def _read_file(self, path: Path) -> Any:
        try:
            return self._read(path)
        except FhirkitError:
            return None  # what cannot be read is not at hand


def _own_name(resource: Any) -> str | None:
    if not isinstance(resource, dict):
        return None
    return f"{resource.get('resourceType')}/{resource.get('id')}"

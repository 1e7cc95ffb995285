"""The definitions of a set of packages from one file: read when asked for, compiled beforehand.

``package_writer`` makes the file. Tables:

* ``definition(kind, url, version, supplements, body)``: those of the packages that were named, as
  published (deflated JSON), in the order in which they are preferred;
* ``structure(slot, body, trouble)`` and ``value_set(slot, body)``: what was compiled of them and of
  what they need; ``trouble`` tells why a structure cannot be made;
* ``needed(url, kind, version, package, file)``: where the packages that those depend on (by their
  number) have their definitions, the highest version first;
* ``about(key, value)``: the layout.

Nothing of it is code: a file that somebody altered could give a wrong verdict, no more.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fhirkit.core.errors import FhirkitError, InvalidInput
from fhirkit.core.jsonio import loads

if TYPE_CHECKING:
    from fhirkit.definitions.package import Package

Resource = dict[str, Any]

#: Raised whenever the tables or the form of a body change, so that an old file is not misread.
LAYOUT = 1


class PackageStore:
    """A ``Shelf``. ``needed`` are the packages that the named ones depend on, in order.

    ``FhirkitError`` when the file is no such file.
    """

    def __init__(self, path: Path, needed: Sequence[Package] = ()) -> None:
        self._needed = needed
        self._read: dict[int, Resource] = {}
        self._found: dict[tuple[str, str], Resource] = {}
        uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
        try:
            # Reads only, so threads may share it: SQLite serialises the calls.
            self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
            row = self._row("SELECT value FROM about WHERE key = 'layout'")
            if row != (str(LAYOUT),):
                raise FhirkitError(f"{path}: is of another layout")
            rows = self._connection.execute(
                "SELECT rowid, kind, url, supplements FROM definition ORDER BY rowid"
            ).fetchall()
        except sqlite3.Error as problem:
            raise FhirkitError(f"{path}: cannot be read ({problem})") from None
        self._numbers: dict[tuple[str, str], list[int]] = {}
        self._supplements: dict[str, list[int]] = {}
        for number, kind, url, supplements in rows:
            self._numbers.setdefault((kind, url), []).append(number)
            if supplements is not None:
                self._supplements.setdefault(supplements, []).append(number)
        self._kinds = {url: kind for kind, url in reversed(self._numbers)}

    def versions(self, kind: str, url: str) -> Sequence[Resource]:
        """Every version of a definition in the packages that were named."""
        return [self._definition(one) for one in self._numbers.get((kind, url), ())]

    def count(self, kind: str, url: str) -> int:
        """How many versions of a definition there are in the packages that were named."""
        return len(self._numbers.get((kind, url), ()))

    def kind(self, url: str) -> str | None:
        """The resource type of what has this URL in the packages that were named, or None."""
        return self._kinds.get(url)

    def of_kind(self, kind: str) -> Iterator[Resource]:
        """Every definition of a kind in the packages that were named."""
        for (one, _), numbers in self._numbers.items():
            if one == kind:
                yield from map(self._definition, numbers)

    def supplements(self, url: str) -> Iterator[Resource]:
        """The code systems in the packages that were named that supplement this one."""
        return map(self._definition, self._supplements.get(url, ()))

    def find(self, canonical: str, kind: str) -> Resource | None:
        """A definition of the packages that those depend on, or None."""
        slot = (canonical, kind)
        if slot not in self._found:
            found = self._find(canonical, kind)
            if found is None:
                return None
            self._found[slot] = found
        return self._found[slot]

    def structure(self, slot: str) -> bytes | str | None:
        """A compiled structure as it is stored, or why there is none; None when it is not kept."""
        row = self._row("SELECT body, trouble FROM structure WHERE slot = ?", slot)
        return None if row is None else row[1] if row[0] is None else row[0]

    def value_set(self, slot: str) -> bytes | None:
        """A compiled value set as it is stored, or None."""
        row = self._row("SELECT body FROM value_set WHERE slot = ?", slot)
        return None if row is None else row[0]

    def _find(self, canonical: str, kind: str) -> Resource | None:
        url, _, version = canonical.partition("#")[0].partition("|")
        query = (
            "SELECT package, file FROM needed WHERE url = ? AND kind = ?"
            " AND (? = '' OR version = ?) ORDER BY rowid LIMIT 1"
        )
        row = self._row(query, url, kind, version, version)
        if row is None:
            return None
        number: int = row[0]
        package = self._needed[number]
        found: Any
        try:
            found = loads(package.files[row[1]], file=row[1])
        except (InvalidInput, KeyError):
            found = None
        if isinstance(found, dict) and found.get("url") == url:
            resource: Resource = found
            return resource
        return package.find(canonical, kind)  # its own index did not tell the truth

    def _definition(self, number: int) -> Resource:
        if number not in self._read:
            row = self._row("SELECT body FROM definition WHERE rowid = ?", number)
            self._read[number] = loads(zlib.decompress(row[0])) if row is not None else {}
        return self._read[number]

    def _row(self, query: str, *values: Any) -> Any:
        try:
            return self._connection.execute(query, values).fetchone()
        except UnicodeEncodeError:
            return None  # half a surrogate pair is no URL, and not to be asked for

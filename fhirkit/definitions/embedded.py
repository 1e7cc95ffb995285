"""The definitions that come with fhirkit: R4 core, compiled into one read-only SQLite file.

``scripts/build_definitions.py`` makes the file when fhirkit is built or installed. Tables:

* ``code_system(url, name, version, complete, case_sensitive, body)`` and
  ``code(system, code, display, source, renamed)``: every concept of the complete code systems, and
  the codes of others that a value set spells out;
* ``schema(url, type, kind, derivation, abstract, body)``: one compiled StructureDefinition each;
* ``value_set(url, version, body)``: the codes of each value set that can be enumerated;
* ``canonical(url, type, version)``: what every canonical URL of the package stands for;
* ``search_parameter(base, code, type, url)``: the search parameters of each resource type;
* ``element(path, short, definition)``: what each element of the types says of itself, in words;
* ``about(key, value)``: package, FHIR version and the hash of what the file was made from.
"""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from fhirkit.core.errors import FhirkitError

#: The file the build hook writes; part of the wheel, never of the repository.
R4_DATABASE = Path(__file__).with_name("data") / "r4.sqlite"

#: Raised whenever the tables or the form of a body change, so that an old file is not misread.
LAYOUT = 6


@lru_cache(maxsize=4)
def connect(path: Path = R4_DATABASE) -> sqlite3.Connection:
    """The definitions, opened read-only and immutable once a process.

    ``FhirkitError`` when the file is missing or was made by another version of fhirkit.
    """
    if not path.is_file():
        raise _unusable(f"the embedded FHIR definitions are missing ({path.name})")
    uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
    try:
        # Reads only, so threads may share it: SQLite serialises the calls.
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        row = connection.execute("SELECT value FROM about WHERE key = 'layout'").fetchone()
    except sqlite3.Error:
        raise _unusable(f"the embedded FHIR definitions cannot be read ({path.name})") from None
    if row is None or row[0] != str(LAYOUT):
        connection.close()
        raise _unusable(f"the embedded FHIR definitions are of another version ({path.name})")
    return connection


def _unusable(what: str) -> FhirkitError:
    return FhirkitError(
        what,
        advice="run `python scripts/build_definitions.py` in a source tree, "
        "or reinstall fhirkit (`pip install --force-reinstall fhirkit`)",
    )

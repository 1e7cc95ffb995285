"""``package.json``: what a package says about itself, checked before it is believed.

https://hl7.org/fhir/R4/packages.html (the manifest borrows npm's members; nothing of npm is run).
"""

from __future__ import annotations

from dataclasses import dataclass

from fhirkit.core.errors import InvalidInput
from fhirkit.core.jsonio import dump_bytes, loads

# Members that make npm run something. fhirkit has no such mechanism, and says so.
_RUNS = ("scripts", "bin", "gypfile", "install")


@dataclass(frozen=True, slots=True)
class Manifest:
    """Name, version, FHIR versions, and the dependencies as package name → version asked for.

    ``runs`` lists the members by which npm would run something of the package.
    """

    name: str
    version: str
    fhir_versions: tuple[str, ...]
    dependencies: dict[str, str]
    runs: tuple[str, ...] = ()

    def canonical_bytes(self) -> bytes:
        """What of the manifest has meaning here, in one spelling: tools rewrite the file itself."""
        meaning = {
            "name": self.name,
            "version": self.version,
            "fhirVersions": sorted(self.fhir_versions),
            "dependencies": self.dependencies,
        }
        return dump_bytes(meaning, indent=False, sort_keys=True)


def read_manifest(data: bytes, *, name: str) -> Manifest:
    """The manifest; ``InvalidInput`` when it is not what a FHIR package has.

    ``name`` says in messages where it comes from.
    """
    table = loads(data, file=f"{name}!package/package.json")
    if not isinstance(table, dict):
        raise refused(name, "its package.json is not a JSON object")
    package, version = table.get("name"), table.get("version")
    if not isinstance(package, str) or not isinstance(version, str):
        raise refused(name, "its package.json lacks a name or a version")
    versions = table.get("fhirVersions") or table.get("fhir-version-list") or []
    if not isinstance(versions, list):
        raise refused(name, "the fhirVersions of its package.json are no list")
    asked = table.get("dependencies") or {}
    if not isinstance(asked, dict) or not all(isinstance(one, str) for one in asked.values()):
        raise refused(name, "the dependencies of its package.json are no table of versions")
    # `alias@npm:name` lets an author name one package twice; what is meant is the name.
    dependencies = {key.rpartition("@npm:")[2]: wanted.strip() for key, wanted in asked.items()}
    return Manifest(
        package,
        version,
        tuple(one for one in versions if isinstance(one, str)),
        dict(sorted(dependencies.items())),
        tuple(member for member in _RUNS if table.get(member)),
    )


def refused(name: str, why: str) -> InvalidInput:
    """The error for a package that is not taken; ``name`` is the file, folder or address."""
    return InvalidInput(
        f"{name}: refused, {why}",
        advice="fetch the package again from a source you trust",
    )

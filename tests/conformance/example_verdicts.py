"""HL7's published examples, and whether HL7's own validator finds an error in them.

Called by ``scripts/agreement``. The verdicts are kept as the names of the files that it refused;
it accepted all others of the package, but for the few that made it fail. Two of its ways to be
asked are kept apart: with every URL taken to lead somewhere, as in its test suite, and with the
URLs under hl7.org held to the packages at hand, as on its command line.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile  # noqa: TID251  # read in memory, pinned by its hash, nothing is extracted
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from suite_runner import cache_folder

from fhirkit import Validator

PACKAGE = "hl7.fhir.r4.examples@4.0.1"
ARCHIVE = "hl7.fhir.r4.examples-4.0.1.tgz"
SHA256 = "dce87f1b5b9341867033f7d1f544fa1b5232503f6d62813887ac6b8a8b6cb682"
VERDICTS = Path(__file__).parent / "example_verdicts.json"
#: Types that define something; the others are clinical and administrative.
DEFINITIONS = frozenset(
    {
        *("CapabilityStatement", "CodeSystem", "CompartmentDefinition", "ConceptMap"),
        *("ExampleScenario", "GraphDefinition", "ImplementationGuide", "MessageDefinition"),
        *("NamingSystem", "OperationDefinition", "SearchParameter", "StructureDefinition"),
        *("StructureMap", "TerminologyCapabilities", "TestReport", "TestScript", "ValueSet"),
    }
)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Names of files. ``refused_by_url`` are refused besides only where URLs must lead somewhere;
    that is known of the clinical ones."""

    refused: frozenset[str]
    refused_by_url: frozenset[str]
    undecided: frozenset[str]


@dataclass(slots=True)
class Agreement:
    """How often the two verdicts were the same, by resource type, and where they were not."""

    asked: Counter[str] = field(default_factory=Counter)
    equal: Counter[str] = field(default_factory=Counter)
    by_url: int = 0
    differing: list[str] = field(default_factory=list)

    def share(self, *, clinical: bool) -> float:
        """The share of equal verdicts: of the clinical files, or of all."""
        types = [name for name in self.asked if not clinical or name not in DEFINITIONS]
        return sum(self.equal[name] for name in types) / sum(self.asked[name] for name in types)

    @property
    def share_by_url(self) -> float:
        """The same of the clinical files, where URLs must lead somewhere."""
        return self.by_url / sum(n for name, n in self.asked.items() if name not in DEFINITIONS)


def verdicts() -> Verdicts:
    """What HL7's validator said, as it is written down."""
    known = json.loads(VERDICTS.read_text("utf-8"))
    return Verdicts(
        frozenset(known["refused"]),
        frozenset(known["refused_by_url"]),
        frozenset(known["undecided"]),
    )


def fetch() -> Path:
    """The package's archive; fetched by npm when it is not here."""
    cache = cache_folder()
    archive = cache / ARCHIVE
    if not archive.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as fresh:
            subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=fresh, check=True)
            (Path(fresh) / ARCHIVE).replace(archive)
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        archive.unlink()
        raise SystemExit(f"{PACKAGE} has another content than expected: sha256 {found}")
    return archive


def compare(archive: Path, known: Verdicts, *, largest: int | None = None) -> Agreement:
    """Ask fhirkit about every example, or those up to a number of bytes, and compare."""
    validator = Validator()
    found = Agreement()
    with tarfile.open(archive) as package:
        for member in package:
            name = member.name.rpartition("/")[2]
            stream = package.extractfile(member) if member.isfile() else None
            if stream is None or name.startswith((".", "package.")) or name in known.undecided:
                continue
            if largest is not None and member.size > largest:
                continue
            resource_type = name.partition("-")[0]
            valid = validator.validate(stream.read()).valid
            found.asked[resource_type] += 1
            found.equal[resource_type] += valid == (name not in known.refused)
            if valid != (name not in known.refused):
                found.differing.append(f"{name}: {'accepted' if valid else 'refused'}")
            if resource_type not in DEFINITIONS:
                strict = known.refused | known.refused_by_url
                found.by_url += valid == (name not in strict)
    return found

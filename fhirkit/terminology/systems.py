"""Short names of code systems and the URIs FHIR knows them by.

`loinc` stands for `http://loinc.org` (https://hl7.org/fhir/R4/terminologies-systems.html); every
CodeSystem that R4 publishes goes by the last part of its URI: `v3-ActCode`, `condition-clinical`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache

from fhirkit.definitions import embedded

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
ATC = "http://www.whocc.no/atc"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"
NDC = "http://hl7.org/fhir/sid/ndc"

#: The first name of a URI is the one that messages use.
_URIS = {
    "loinc": LOINC,
    "sct": SNOMED,
    "snomed": SNOMED,
    "snomedct": SNOMED,
    "ucum": UCUM,
    "icd10": ICD10,
    "icd-10": ICD10,
    "icd10cm": ICD10CM,
    "icd-10-cm": ICD10CM,
    "icd9cm": "http://hl7.org/fhir/sid/icd-9-cm",
    "icd11": "http://id.who.int/icd/release/11/mms",
    "icpc2": "http://hl7.org/fhir/sid/icpc-2",
    "atc": ATC,
    "rxnorm": RXNORM,
    "rxn": RXNORM,
    "cvx": CVX,
    "ndc": NDC,
    "cpt": "http://www.ama-assn.org/go/cpt",
    "dcm": "http://dicom.nema.org/resources/ontology/DCM",
    "dicom": "http://dicom.nema.org/resources/ontology/DCM",
    "hpo": "http://human-phenotype-ontology.org",
    "orpha": "http://www.orpha.net",
    "mdc": "urn:iso:std:iso:11073:10101",
    "bcp47": "urn:ietf:bcp:47",
    "bcp13": "urn:ietf:bcp:13",
    "iso3166": "urn:iso:std:iso:3166",
}
_NAMES = {uri: name for name, uri in reversed(_URIS.items())}

#: Where a short id is looked for, in this order.
_HL7_BASES = (
    "http://terminology.hl7.org/CodeSystem/",
    "http://hl7.org/fhir/",
    "http://hl7.org/fhir/CodeSystem/",
)


def named_systems() -> tuple[str, ...]:
    """The URIs of the systems that have a short name of their own."""
    return tuple(_NAMES)


@lru_cache(maxsize=512)
def system_uri(name: str) -> str | None:
    """The URI that a short name stands for, or ``None``."""
    known = _URIS.get(name.lower())
    if known is not None:
        return known
    connection = embedded.connect()
    for base in _HL7_BASES:
        if _is_system(connection, base + name):
            return base + name
    return None


def short_name(uri: str) -> str:
    """The shortest way to write a system in a case file; the URI itself if it has no name."""
    known = _NAMES.get(uri)
    if known is not None:
        return known
    name = uri.rpartition("/")[2]
    return name if name and system_uri(name) == uri else uri


@lru_cache(maxsize=512)
def is_complete(uri: str) -> bool | None:
    """Whether all codes of the system are known offline; ``None`` if the system is not known."""
    row = (
        embedded.connect()
        .execute("SELECT complete FROM code_system WHERE url = ?", (uri,))
        .fetchone()
    )
    if row is None:
        return False if uri in _NAMES else None
    return bool(row[0])


def similar_names(name: str) -> list[str]:
    """Short names spelled nearly like this one, best first."""
    rows: Iterable[tuple[str]] = embedded.connect().execute("SELECT url FROM code_system")
    names = {*_URIS, *(url.rpartition("/")[2] for (url,) in rows if url.startswith(_HL7_BASES))}
    folded = {known.lower(): known for known in sorted(names)}
    return [folded[close] for close in get_close_matches(name.lower(), folded, n=3, cutoff=0.6)]


def _is_system(connection: sqlite3.Connection, url: str) -> bool:
    found = connection.execute("SELECT 1 FROM code_system WHERE url = ?", (url,)).fetchone()
    return found is not None

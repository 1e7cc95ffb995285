"""The system of a lone Coding or Quantity: an absolute URI that code systems can have.

https://hl7.org/fhir/R4/datatypes.html#Coding. The codings of a CodeableConcept are left alone, as
HL7's validator does: one that is known suffices there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from fhirkit.schema.model import ElementSchema
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.rules.finding import Finding

#: Checks a coded value.
Check = Callable[[Any], Finding | None]

#: A system that nothing is asked of, and one that is compared with those of value sets.
_KNOWN_SCHEME = re.compile(r"https?:|urn:")
_ANY_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:[^ ]+$")
_OF_HL7 = re.compile(r"https?://(www\.)?hl7\.org/fhir")
_TESTS = "http://hl7.org/fhir/test"
#: Code systems below HL7's URL that R4 has not: published later, or named for others.
_LATER = Path(__file__).parent.parent / "data" / "code_systems.txt"
_BUILD = re.compile(r"https?://build\.fhir\.org")
#: What begins like one of these is a slip of the pen.
_WHOLE = (
    "http://snomed.info/sct",
    "http://loinc.org",
    "http://unitsofmeasure.org",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
)
_MANY = 8192


@lru_cache(maxsize=1)
def _later() -> frozenset[str]:
    lines = _LATER.read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def _is_later(system: str) -> bool:
    """Whether HL7 knows a code system by this URL that R4 has not."""
    name = system.removeprefix("http://hl7.org/fhir/")
    return system.startswith(_TESTS) or name in _later()


class Systems:
    """What is wrong with the systems of codes; the answers are remembered."""

    def __init__(self, store: SchemaStore) -> None:
        self._store = store
        #: Systems that nothing is wrong with, where codes are bound (True) and where not.
        self._fine: dict[bool, set[str]] = {False: set(), True: set()}

    def of(self, check: Check | None, element: ElementSchema, type_name: str) -> Check | None:
        """The check of an element, and of the system in it."""
        binding = element.binding
        # Then the code is compared with those of a value set, if that is at hand.
        bound = binding is not None and binding.strength != "example"
        if bound and binding is not None and binding.value_set is not None:
            url = binding.value_set.partition("|")[0]
            bound = self._store.canonical_type(url) == "ValueSet"
        if type_name == "Coding":
            if element.path == "CodeableConcept.coding":
                return check
        elif type_name != "Quantity" or bound:
            return check

        fine = self._fine[bound]

        def checked(value: Any) -> Finding | None:
            found = None if check is None else check(value)
            system = value.get("system") if value.__class__ is dict else None
            if system.__class__ is not str or system in fine:
                return found
            if value.get("code").__class__ is not str:
                return found
            wrong = self.wrong(system, bound=bound)
            if wrong is None or found is None:
                return found or wrong
            return found._replace(also=(*found.also, wrong))

        return checked

    def wrong(self, system: str, *, bound: bool) -> Finding | None:
        """What is wrong with a system; of one of a ``bound`` element less is asked."""
        rule, message = self._judge(system, bound=bound)
        if rule:
            return Finding(rule, message, ("system",) if bound else ())
        fine = self._fine[bound]
        if len(fine) >= _MANY:
            fine.clear()
        fine.add(system)
        return None

    def _judge(self, system: str, *, bound: bool) -> tuple[str, str]:
        fits = _ANY_SCHEME if bound else _KNOWN_SCHEME
        if fits.match(system) is None:
            return "code-system-relative", "the system is no absolute URI"
        if self._store.canonical_type(system.partition("|")[0]) == "ValueSet":
            return "code-system-unknown", f"{system} is a value set; name the system of the code"
        if bound or self._is_known(system):
            return "", ""
        if _BUILD.match(system):
            return "code-system-unknown", "a draft of FHIR is no name of a code system"
        if _OF_HL7.match(system) and not _is_later(system):
            message = f"HL7 has no code system {system}, as far as is known here"
            return "code-system-unknown", message
        if any(system.startswith(whole) and system != whole for whole in _WHOLE):
            return "code-system-unknown", f"{system} only begins like the URL of a code system"
        if system.startswith("https:"):
            meant = f"http{system[5:]}"
            if meant in _WHOLE or self._is_known(meant):
                return "code-system-unknown", f"the code system is called {meant}"
        return "", ""

    def _is_known(self, system: str) -> bool:
        store = self._store
        if store.canonical_type(system) == "CodeSystem":
            return True
        return store.code_system_resource(system) is not None

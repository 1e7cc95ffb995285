"""What a server says it can do (https://hl7.org/fhir/R4/capabilitystatement.html)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

#: https://hl7.org/fhir/uv/bulkdata/OperationDefinition-export.html
_EXPORT = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"


@dataclass(frozen=True, slots=True)
class Capability:
    """The parts of a CapabilityStatement that decisions rest on.

    ``types`` maps each resource type to its search parameters; ``interactions`` are those of the
    whole system, None when the server does not say. ``offered`` maps each type to its own
    interactions. ``update_create`` and ``conditional_create`` are what each type says of them; a
    type that says nothing is not in the map. ``makes_exports``: the whole system, in bulk.
    """

    fhir_version: str
    software: str
    types: dict[str, frozenset[str]]
    searchable: frozenset[str]
    interactions: frozenset[str] | None
    offered: dict[str, frozenset[str]]
    update_create: dict[str, bool]
    conditional_create: dict[str, bool]
    makes_exports: bool

    @classmethod
    def of(cls, statement: dict[str, Any]) -> Capability:
        """Read a CapabilityStatement, leaving out what is not as FHIR says."""
        rest = _first(statement.get("rest"))
        types: dict[str, frozenset[str]] = {}
        searchable: set[str] = set()
        interactions: dict[str, frozenset[str]] = {}
        flags: dict[str, dict[str, bool]] = {"updateCreate": {}, "conditionalCreate": {}}
        for one in _dicts(rest.get("resource")):
            kind = one.get("type")
            if not isinstance(kind, str):
                continue
            types[kind] = _words(one.get("searchParam"), "name")
            offered = _words(one.get("interaction"), "code")
            interactions[kind] = offered
            if "search-type" in offered or not offered:
                searchable.add(kind)  # one that lists no interactions may offer any
            for flag, said in flags.items():
                if isinstance(one.get(flag), bool):
                    said[kind] = one[flag]
        system = rest.get("interaction")
        operations = _dicts(rest.get("operation"))
        software = statement.get("software")
        name = software.get("name") if isinstance(software, dict) else None
        return cls(
            fhir_version=str(statement.get("fhirVersion", "")),
            software=name if isinstance(name, str) else "",
            types=types,
            searchable=frozenset(searchable),
            interactions=_words(system, "code") if system else None,
            offered=interactions,
            update_create=flags["updateCreate"],
            conditional_create=flags["conditionalCreate"],
            makes_exports=any(map(_is_export, operations)),
        )

    def without_history(self) -> Capability:
        """The same server as one that lists no changes."""
        return replace(
            self, interactions=(self.interactions or frozenset()) - {"history-system"},
            offered={kind: codes - {"history-type"} for kind, codes in self.offered.items()},
        )  # fmt: skip

    def searches(self, kind: str, parameter: str) -> bool:
        """Whether the server says that it searches this type by this parameter."""
        return kind in self.searchable and parameter in self.types.get(kind, frozenset())

    @property
    def has_system_history(self) -> bool:
        """Whether the server says that it lists the changes of all types at once."""
        return self.interactions is not None and "history-system" in self.interactions

    def has_history(self, kind: str) -> bool:
        """Whether the server says that it lists the changes of this type."""
        return "history-type" in self.offered.get(kind, frozenset())

    @property
    def has_transaction(self) -> bool:
        """False only when the server lists its interactions and transaction is not one."""
        return self.interactions is None or "transaction" in self.interactions


def _is_export(operation: dict[str, Any]) -> bool:
    """Whether this is the bulk export of the whole system, by its name or its definition."""
    definition = str(operation.get("definition", "")).partition("|")[0]
    # A proxy's own definition may have any address; patient-export and group-export are others.
    return operation.get("name") in ("export", "$export") or definition == _EXPORT


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _first(value: Any) -> dict[str, Any]:
    found = _dicts(value)
    servers = [one for one in found if one.get("mode") == "server"]
    return (servers or found or [{}])[0]


def _words(value: Any, name: str) -> frozenset[str]:
    return frozenset(str(one[name]) for one in _dicts(value) if isinstance(one.get(name), str))

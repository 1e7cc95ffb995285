"""Find schemas: of the embedded definitions one at a time, when first asked for, and of extras.

Extra definitions (StructureDefinition, ValueSet, CodeSystem as dicts) go before the embedded ones
and are compiled when first asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from sqlite3 import Connection
from typing import Any, NamedTuple

from msgspec.structs import replace

from fhirkit.core.errors import InvalidInput
from fhirkit.definitions.codes import unpack
from fhirkit.schema import code_systems
from fhirkit.schema.code_systems import CodeSystemSchema
from fhirkit.schema.extras import Extras, Shelf, is_version
from fhirkit.schema.memory import Memory
from fhirkit.schema.model import (
    StructureSchema,
    ValueSetSchema,
    decode_structure,
    decode_value_set,
)
from fhirkit.schema.parts import part_of
from fhirkit.schema.texts import Texts
from fhirkit.schema.value_sets import compile_value_set

Resource = dict[str, Any]

_CORE = "http://hl7.org/fhir/StructureDefinition/"
_STRUCTURE = "StructureDefinition"


class SearchParameterInfo(NamedTuple):
    """The type of a search parameter, and the resource types it is for."""

    type: str
    bases: frozenset[str]


class SchemaStore:
    """Schemas and value sets by canonical; each is loaded or compiled once."""

    def __init__(
        self,
        connection: Connection,
        extra: Iterable[Resource] = (),
        packages: Shelf | None = None,
    ) -> None:
        self._connection = connection
        self._extras = Extras(extra, packages)
        self._structures = Memory[StructureSchema]()
        self._compiling: set[str] = set()
        #: Url → why there is no schema, of definitions that are at hand.
        self._troubles: dict[str, str] = {}
        self._value_sets = Memory[ValueSetSchema]()
        self._codes = Memory[frozenset[str]]()
        self._code_systems = Memory[CodeSystemSchema]()
        self._resource_types: frozenset[str] | None = None
        self._kinds: dict[str, str] | None = None
        self._search_parameters = Memory[SearchParameterInfo]()

    @property
    def texts(self) -> Texts:
        """What the core definitions say in words."""
        return Texts(self._connection)

    @property
    def fhir_version(self) -> str:
        """The FHIR version of the embedded definitions, for example ``4.0.1``."""
        row = self._connection.execute(
            "SELECT value FROM about WHERE key = 'fhir_version'"
        ).fetchone()
        return str(row[0])

    def type(self, name: str) -> StructureSchema | None:
        """The schema of a type of the specification: ``Patient``, ``HumanName`` or ``date``."""
        return self.structure(name if "/" in name else _CORE + name)

    def structure(self, canonical: str) -> StructureSchema | None:
        """A schema by its canonical, or None. An asked-for version must be the one at hand.

        ``canonical#id`` is the element of this id in it, as a structure of its own.
        """
        if "#" in canonical:
            return self._part(canonical)
        url, _, version = canonical.partition("|")
        # Each structure is compiled once, however it is asked for, unless there are several.
        slot = canonical if self._extras.has_versions(_STRUCTURE, url) else url
        # Within a circle there is no schema for the moment, which is nothing to remember.
        of_circle = slot in self._compiling
        schema = None if of_circle else self._structures.get(slot, self._load_structure)
        if schema is None or (version and not is_version(version, schema.version)):
            return None
        return schema

    def _part(self, canonical: str) -> StructureSchema | None:
        return self._structures.get(canonical, self._load_part)

    def _load_part(self, canonical: str) -> StructureSchema | None:
        whole, _, element_id = canonical.rpartition("#")
        structure = self.structure(whole)
        return None if structure is None else part_of(structure, element_id)

    def trouble(self, canonical: str) -> str | None:
        """Why a structure that is at hand has no schema; None when it is just not known."""
        return self._troubles.get(canonical) or self._troubles.get(canonical.partition("|")[0])

    def value_set(self, canonical: str) -> ValueSetSchema | None:
        """A value set by its canonical, or None."""
        url, _, version = canonical.partition("|")
        slot = canonical if self._extras.has_versions("ValueSet", url) else url
        schema = self._value_sets.get(slot, self._load_value_set)
        if schema is None or (version and not is_version(version, schema.version)):
            return None
        return schema

    def codes(self, system: str) -> frozenset[str] | None:
        """Every code of a code system; None when they are not all known."""
        return self._codes.get(system, self._load_codes)

    def code_system(self, url: str) -> CodeSystemSchema | None:
        """A code system with its displays, whole or a fragment; None when no codes are known."""
        return self._code_systems.get(url, self._load_code_system)

    def members(self, value_set: ValueSetSchema) -> Iterator[tuple[str, str]]:
        """Every code of a value set that is known, with its system."""
        for system, codes in value_set.codes.items():
            yield from ((system, code) for code in codes)
        for system in value_set.whole:
            yield from ((system, code) for code in sorted(self.codes(system) or ()))

    def has_member(self, value_set: ValueSetSchema, system: str, code: str) -> bool | None:
        """Whether a code belongs to a value set; None when that cannot be known."""
        if code in value_set.codes.get(system, ()):
            return True
        if system in value_set.whole:
            codes = self.codes(system)
            if codes is None or code in codes:
                return None if codes is None else True
        if system in value_set.any_case and self._has_folded(value_set, system, code):
            return True
        if system in value_set.whole:
            return False
        only = value_set.missing_systems
        unknown = bool(value_set.missing) and (only is None or system in only)
        return None if unknown else False

    def _has_folded(self, value_set: ValueSetSchema, system: str, code: str) -> bool:
        """Whether a value set holds a code of a system that does not tell upper from lower case."""
        schema = self.code_system(system)
        own = None if schema is None else schema.find(code)
        return own is not None and (system in value_set.whole or own in value_set.codes[system])

    def may_hold(self, canonical: str, system: str, code: str) -> bool:
        """Whether a value set holds a code, or at least may do so."""
        value_set = self.value_set(canonical)
        return value_set is None or self.has_member(value_set, system, code) is not False

    def supplemented(self, url: str) -> str | None:
        """The code system that a supplement adds to; None for a code system in its own right."""
        given = self._extras.get("CodeSystem", url)
        if given is None or not (given.get("content") == "supplement" or "supplements" in given):
            return None
        return str(given.get("supplements", "another code system"))

    def code_system_resource(self, url: str) -> Resource | None:
        """A code system with its concepts and properties as published, but for texts; or None."""
        return self._code_system_resource(url)

    def canonical_type(self, url: str) -> str | None:
        """The type of the resource that a canonical URL stands for, or None when it is unknown."""
        kind = self._extras.kind(url)
        if kind is not None:
            return kind
        try:
            row = self._connection.execute(
                "SELECT type FROM canonical WHERE url = ?", (url,)
            ).fetchone()
        except UnicodeEncodeError:
            return None  # half a surrogate pair is no URL, and not to be asked for
        return None if row is None else str(row[0])

    def search_parameter(self, canonical: str) -> SearchParameterInfo | None:
        """What a search parameter is about, or None when its definition is not at hand."""
        url = canonical.partition("|")[0]
        given = self._extras.get("SearchParameter", canonical)
        if given is not None:
            return SearchParameterInfo(str(given.get("type")), frozenset(given.get("base", ())))
        return self._search_parameters.get(url, self._load_search_parameter)

    def _load_search_parameter(self, url: str) -> SearchParameterInfo | None:
        query = "SELECT type, base FROM search_parameter WHERE url = ?"
        try:
            rows = self._connection.execute(query, (url,)).fetchall()
        except UnicodeEncodeError:
            return None  # half a surrogate pair is no URL, and not to be asked for
        if not rows:
            return None
        return SearchParameterInfo(rows[0][0], frozenset(base for _, base in rows))

    def resource(self, kind: str, canonical: str) -> Resource | None:
        """An extra definition as it was given, or None; for kinds that are not compiled."""
        found = self._extras.get(kind, canonical)
        version = canonical.partition("|")[2]
        if found is None or (version and not is_version(version, found.get("version"))):
            return None
        return found

    def given(self, kind: str) -> Iterator[Resource]:
        """Every extra definition of a kind, as it was given."""
        return self._extras.of_kind(kind)

    def compile_value_set(self, resource: Resource) -> ValueSetSchema:
        """The codes of a value set that has no canonical of its own: a contained one."""
        return compile_value_set(resource, self._value_set_resource, self._code_system_resource)

    @property
    def resource_types(self) -> frozenset[str]:
        """The names of all concrete resource types."""
        if self._resource_types is None:
            rows = self._connection.execute(
                "SELECT type FROM schema WHERE kind = 'resource' AND abstract = 0 "
                "AND derivation = 'specialization'"
            )
            self._resource_types = frozenset(row[0] for row in rows)
        return self._resource_types

    def kind(self, type_name: str) -> str | None:
        """The kind of a type (primitive-type, complex-type, resource), without loading it."""
        if self._kinds is None:
            rows = self._connection.execute(
                "SELECT type, kind FROM schema WHERE derivation IS NOT 'constraint'"
            )
            self._kinds = dict(rows)
        return self._kinds.get(type_name)

    def _load_structure(self, canonical: str) -> StructureSchema | None:
        kept = self._extras.compiled.structure(canonical)
        if isinstance(kept, bytes):
            return decode_structure(kept)
        if kept is not None:
            self._troubles[canonical] = kept
            return None
        extra = self._extras.get(_STRUCTURE, canonical)
        if extra is not None:
            return self._compile(canonical, extra)
        url = canonical.partition("|")[0]
        row = self._connection.execute("SELECT body FROM schema WHERE url = ?", (url,)).fetchone()
        return None if row is None else decode_structure(row[0])

    def _compile(self, canonical: str, definition: Resource) -> StructureSchema | None:
        """A definition's schema; None, with the reason kept, when it cannot be made."""
        if canonical in self._compiling:
            return None  # a circle: whoever needs it in order to be compiled does without
        from fhirkit.schema.definition import compile_definition

        self._compiling.add(canonical)
        try:
            schema = compile_definition(definition, self.structure)
            known = self.kind(schema.type) is not None
            if known and schema.url != _CORE + schema.type:
                # What is of a type and is not its definition is a profile, whatever it says.
                schema = replace(schema, derivation="constraint")
            return schema
        except InvalidInput as problem:
            self._troubles[canonical] = str(problem)
        finally:
            self._compiling.discard(canonical)
        return None

    def _load_value_set(self, canonical: str) -> ValueSetSchema | None:
        kept = self._extras.compiled.value_set(canonical)
        if kept is not None:
            return decode_value_set(kept)
        extra = self._extras.get("ValueSet", canonical)
        if extra is not None:
            return compile_value_set(extra, self._value_set_resource, self._code_system_resource)
        url = canonical.partition("|")[0]
        row = self._connection.execute(
            "SELECT body FROM value_set WHERE url = ?", (url,)
        ).fetchone()
        return None if row is None else decode_value_set(row[0])

    def _load_codes(self, system: str) -> frozenset[str] | None:
        extra = self._extras.get("CodeSystem", system)
        if extra is not None and extra.get("content") == "complete":
            everything = {"url": system, "compose": {"include": [{"system": system}]}}
            found = compile_value_set(everything, self._value_set_resource, lambda _: extra)
            return frozenset(found.codes.get(system, ()))
        row = self._connection.execute(
            "SELECT complete FROM code_system WHERE url = ?", (system,)
        ).fetchone()
        if row is None or not row[0]:
            return None
        rows = self._connection.execute("SELECT code FROM code WHERE system = ?", (system,))
        return frozenset(row[0] for row in rows)

    def _load_code_system(self, url: str) -> CodeSystemSchema | None:
        supplements = list(self._extras.supplements(url))
        extra = self._extras.get("CodeSystem", url)
        if extra is not None and extra.get("content") in ("complete", "fragment"):
            return code_systems.from_resource(extra, supplements)
        return code_systems.from_rows(self._connection, url, supplements)

    def _value_set_resource(self, canonical: str) -> Resource | None:
        """A ValueSet in the form that extras are compiled from."""
        url = canonical.partition("|")[0]
        extra = self._extras.get("ValueSet", url)
        if extra is not None:
            return extra
        schema = self.value_set(canonical)
        if schema is None or schema.missing:
            return None
        include: list[Resource] = [{"system": system} for system in schema.whole]
        for system, codes in schema.codes.items():
            include.append({"system": system, "concept": [{"code": code} for code in codes]})
        return {"url": url, "compose": {"include": include}}

    def _code_system_resource(self, url: str) -> Resource | None:
        extra = self._extras.get("CodeSystem", url)
        if extra is not None:
            return extra
        row = self._connection.execute(
            "SELECT case_sensitive, body FROM code_system WHERE url = ?", (url,)
        ).fetchone()
        if row is None or row[1] is None:
            return None
        body = unpack(row[1])
        return {"url": url, "content": "complete", "caseSensitive": bool(row[0]), **body}

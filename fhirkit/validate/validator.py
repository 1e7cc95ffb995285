"""The validator: a source in, an outcome out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from fhirkit.core.errors import InvalidInput, UsageError
from fhirkit.core.garbage import collector_paused
from fhirkit.core.issues import Issue, Outcome
from fhirkit.core.jsonio import loads
from fhirkit.schema.store import SchemaStore
from fhirkit.validate import definitional, notation, questionnaire
from fhirkit.validate.catalogue import RULES
from fhirkit.validate.core import core_connection
from fhirkit.validate.definitional.known import Known
from fhirkit.validate.explanation import advice
from fhirkit.validate.gate.native import NOTHING, Certain, Gate
from fhirkit.validate.location import Node, Unentered, below, expression, keys, root, step
from fhirkit.validate.notes import ProfileClaim
from fhirkit.validate.options import Expressions, Options, References
from fhirkit.validate.packages import Packages, kept_definitions
from fhirkit.validate.profiles.claims import Claims, Guides
from fhirkit.validate.profiles.conformance import Conformance
from fhirkit.validate.profiles.definitions import Definitions
from fhirkit.validate.profiles.extensions import Extensions, Use
from fhirkit.validate.profiles.implied import implied_profile
from fhirkit.validate.profiles.items import Items
from fhirkit.validate.reports import Found
from fhirkit.validate.resources import inside
from fhirkit.validate.rules import bundle, reference
from fhirkit.validate.rules.entries import Entries
from fhirkit.validate.rules.link import Links
from fhirkit.validate.services import Services
from fhirkit.validate.shape_rules import SHAPE_RULES
from fhirkit.validate.shapes import Shapes
from fhirkit.validate.source import Document, Source, read
from fhirkit.validate.supplied import Supplied
from fhirkit.validate.walk import Walk


class Validator:
    """Checks resources against the embedded FHIR R4 definitions, or others, and any extra ones.

    Make one and use it for many resources: what it learns about the definitions it keeps.
    ``definitions`` are StructureDefinitions, ValueSets, CodeSystems and Questionnaires (paths,
    dicts or models);
    ``packages`` are FHIR packages: ``.tgz`` files, folders, or NAME@VERSION in ``package_cache``
    (by default ``~/.fhir/packages``). A core package among them (hl7.fhir.r5.core) replaces the
    embedded definitions; ``fhir_version`` (``R5``, ``5.0.0``) asks for one by its version, to be
    found in the package cache. ``options`` say how strictly and how far it looks.
    ``resources`` are what references may lead to beside what is in the document, where the options
    ask for that: sources, or a folder of files named ``Type-id.json`` or ``.xml``.
    """

    def __init__(
        self,
        definitions: Iterable[Source] = (),
        packages: Iterable[Path | str] = (),
        options: Options | None = None,
        *,
        resources: Iterable[Source] | Path | str = (),
        package_cache: Path | None = None,
        fhir_version: str | None = None,
    ) -> None:
        definitions, packages = tuple(definitions), tuple(packages)
        #: Makes a validator like this one; other processes can be given it.
        self.recipe: Callable[[], Validator] = partial(
            type(self),
            definitions,
            packages,
            options,
            package_cache=package_cache,
            fhir_version=fhir_version,
        )
        extra = [_definition(source) for source in definitions]
        kept = kept_definitions()
        found = Packages(packages, package_cache, fhir_version, kept=kept)
        self._store = SchemaStore(core_connection(found.core, kept), extra, found.shelf())
        self._options = options or Options()
        self._shapes = Shapes(self._store, self._options)
        self._services = Services(self._shapes)
        self._definitions = Definitions(self._shapes)
        self._guides = Guides(self._store)
        self._known = Known(self._shapes)
        followed = self._options.references > References.NONE
        self._supplied = Supplied(resources if followed else (), self.read)
        # The gate always looks into resources in resources.
        self._gate = Gate(self._shapes) if self._options.inner_resources else None

    def validate(
        self, source: Source, profiles: Iterable[str] = (), *, file: str | None = None
    ) -> Outcome:
        """Everything that is wrong with a resource, and what could not be checked.

        ``source`` is a path, bytes or text of JSON or XML, a dict, or a fhir.resources model; a
        str is text when it starts with ``{``, ``[`` or ``<``, otherwise a path. ``profiles`` are
        canonicals the resource must follow beside those it claims. ``file`` names the input in
        issues when ``source`` is not a path.
        """
        certain = NOTHING
        if self._gate is not None and isinstance(source, bytes):
            certain = self._gate.look(source)
        if certain.shape and self._options.shape_only:
            return Outcome((_left_out(file),))
        with collector_paused() if _is_large(source) else nullcontext():
            return self._validate(source, tuple(profiles), file, certain)

    def _validate(
        self, source: Source, profiles: tuple[str, ...], file: str | None, certain: Certain
    ) -> Outcome:
        try:
            document = read(source, self._shapes, file=file, respell=True, certain=certain)
        except InvalidInput as problem:
            hl7 = self._options.expressions is Expressions.HL7
            return Outcome.of(
                replace(_advised(issue), expression=notation.unreadable(issue.rule) if hl7 else "")
                for issue in problem.issues
            )
        if self._options.shape_only:
            return self._shape_alone(document)
        found = self._check(document, profiles, certain)
        if not found:
            return _NOTHING
        return Outcome.of(sorted(self._issues(found, document), key=_place))

    def _shape_alone(self, document: Document) -> Outcome:
        """The outcome of ``Options.shape_only``; it ends with what was left out."""
        name = document.value.get("resourceType") if isinstance(document.value, dict) else None
        known = isinstance(name, str) and self._shapes.resource(name) is not None
        walk = Walk(self._shapes, self._services)
        walk.resource(document.value, root(name if isinstance(name, str) and known else "Resource"))
        found = [*(Found(*finding) for finding in document.found), *walk.found]
        # What the walk meets beside the shape (ids that are taken, say) is not asked for.
        found = [finding for finding in found if finding.rule in _OF_SHAPE]
        left_out = _left_out(document.file)
        if not found:
            return Outcome((left_out,))
        return Outcome((*sorted(self._issues(found, document), key=_place), left_out))

    @property
    def shapes(self) -> Shapes:
        """The definitions indexed by property, for tools that explain or complete records."""
        return self._shapes

    def read(self, source: Source) -> Any:
        """The resource of a source in its JSON shape; ``InvalidInput`` when it is not readable."""
        return read(source, self._shapes).value

    def _check(
        self, document: Document, profiles: tuple[str, ...], certain: Certain
    ) -> list[Found]:
        value = document.value
        found = [Found(*finding) for finding in document.found]
        if not isinstance(value, dict):
            message = "the document is no resource: expected a JSON object with a resourceType"
            return [Found("resource-missing", message, root("Resource"))]
        name = value.get("resourceType")
        start = root(name if isinstance(name, str) and self._shapes.resource(name) else "Resource")
        outside = None if self._supplied.is_empty else self._supplied.find
        entries = Entries(self._store.resource_types, outside)
        entries.add(value)
        walk = Walk(self._shapes, self._services, entries.find, certain=certain)
        walk.resource(value, start)
        found.extend(walk.found)
        types = self._store.resource_types
        for node, finding in reference.check(walk.references, entries, types, self._options):
            for key in finding.below:
                node = step(node, str(key))
            found.append(Found(finding.rule, finding.message, node))
        links = Links(value)
        asked = [ProfileClaim(canonical, value, start, start) for canonical in profiles]
        claims = [*asked, *walk.claims]
        implying: list[tuple[dict[str, Any], Node]] = []
        everywhere = list(inside(value, start))
        around = everywhere if self._options.inner_resources else [(value, start)]
        for resource, node in around:
            claims.extend(self._guides.claims(resource, node))
            if self._options.implied_profiles and implied_profile(resource) is not None:
                implying.append((resource, node))
            found.extend(
                Found(finding.rule, finding.message, below(node, finding.below))
                for finding in links.check(resource)
            )
            if resource.get("resourceType") == "Bundle":
                for index, canonical in bundle.asked(resource, self._options.bundle_entries):
                    place = step(below(node, ("entry", index)), Unentered("resource"))
                    held = resource["entry"][index]["resource"]
                    claims.append(ProfileClaim(canonical, held, place, place))
                for finding in bundle.check(resource, types):
                    place = below(node, finding.below)
                    found.append(Found(finding.rule, finding.message, place))
        for node, finding in questionnaire.check(everywhere, self._shapes):
            found.append(Found(finding.rule, finding.message, node))
        for node, finding in definitional.check(everywhere, self._known):
            found.append(Found(finding.rule, finding.message, below(node, finding.below)))
        if claims or walk.extensions or implying:
            found.extend(self._profiles(claims, walk.extensions, implying, entries, value))
        return found

    def _issues(self, found: list[Found], document: Document) -> Iterable[Issue]:
        """Findings as issues: rendered, placed in the file, each said once, in the file's order."""
        if not found:
            return
        said: list[tuple[Found, str, tuple[str | int, ...]]] = []
        seen: set[tuple[str, str, str, tuple[int, int] | None]] = set()
        for finding in found:
            # Once a value set is enough: every further use says the same.
            once = finding.rule == "binding-not-checked"
            where = "" if once else expression(finding.node)
            identity = (finding.rule, where, finding.message, None if once else finding.spot)
            if identity not in seen:
                seen.add(identity)
                where = where or expression(finding.node)
                said.append((finding, where, keys(finding.place or finding.node)))
        # Looking for a place in the text costs most, so only for what is said.
        positions = document.locate([way for _, _, way in said])
        for finding, where, way in said:
            if self._options.expressions is Expressions.HL7:
                where = notation.hl7(
                    finding.rule, finding.node, document.value, xml=document.is_xml
                )
            rule = RULES[finding.rule]
            line, column = finding.spot or positions.get(way, (None, None))
            yield Issue(
                rule.severity,
                rule.id,
                finding.message,
                expression=where,
                issue_type=rule.issue_type,
                advice=advice(rule.id),
                file=document.file,
                line=line,
                column=column,
            )

    def _profiles(
        self,
        claims: list[ProfileClaim],
        extensions: list[Use],
        implying: list[tuple[dict[str, Any], Node]],
        entries: Entries,
        document: Any,
    ) -> Iterable[Found]:
        """Check profiles, asked for, claimed and implied, and extensions, which have some too."""
        follows = self._options.references >= References.VALID
        items = Items(self._shapes, entries, document, follows_outside=follows)
        conformance = Conformance(self._definitions, items, self._services, entries.find)
        profiles = Claims(self._store, conformance, items)
        yield from profiles.check(claims)
        for resource, node in implying:
            yield from profiles.implied(resource, node)
        yield from Extensions(self._shapes, conformance, document).check(extensions)
        yield from profiles.needed()


@lru_cache(maxsize=8)
def _left_out(file: str | None) -> Issue:
    """That only the shape was looked at."""
    rule = RULES["checks-left-out"]
    message = "only the shape was looked at: no constraints, codes, references or profiles"
    return Issue(
        rule.severity,
        rule.id,
        message,
        issue_type=rule.issue_type,
        advice=advice(rule.id),
        file=file,
    )


def _is_large(source: Source) -> bool:
    """Whether a source makes so many objects that looking for garbage among them shows."""
    return isinstance(source, bytes | bytearray | str) and len(source) >= _LARGE


_NOTHING = Outcome()
_OF_SHAPE = frozenset(rule.id for rule in SHAPE_RULES)

#: In bytes or characters: from here on the collector would run at least once on the way.
_LARGE = 1 << 11


def _definition(source: Source) -> dict[str, Any]:
    """An extra definition as a dict; ``UsageError`` when it is none."""
    value: Any = source
    file = None
    if isinstance(source, str | Path):
        from fhirkit.core.files import read_bytes

        file = str(source)
        value = loads(read_bytes(Path(source)), file=file)
    elif isinstance(source, bytes):
        value = loads(source)
    elif not isinstance(source, Mapping) and callable(getattr(source, "model_dump", None)):
        value = source.model_dump(by_alias=True, exclude_none=True)
    if not isinstance(value, dict) or not isinstance(value.get("url"), str):
        raise UsageError(f"{file or 'a definition'}: is no definition, it has no url")
    return value


def _advised(issue: Issue) -> Issue:
    """An issue of reading, with what to do about it."""
    return issue if issue.advice else replace(issue, advice=advice(issue.rule))


def _place(issue: Issue) -> tuple[int, int]:
    """Sorts by line and column; issues without a place stay in the order they were found."""
    return issue.line or 0, issue.column or 0

"""Bindings: codes and their value sets (https://hl7.org/fhir/R4/terminologies.html#strength).

A required value set, or the maximum value set of a weaker binding, must hold the code. Outside an
extensible one a code is warned about, since nobody can tell whether a fitting one exists. A bare
code that no system of its required value set has is unknown, too: nothing says what it means.
Value sets that cannot be listed offline are checked as far as their code system's own grammar
goes (media types, currencies, languages); beyond that they are said not to be checked.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from fhirkit.core.regex import full_matcher
from fhirkit.schema.extras import is_version
from fhirkit.schema.model import Binding
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.rules.finding import Finding

#: Systems without a list, but with a grammar: what a code of theirs looks like.
_GRAMMARS = {
    # https://www.rfc-editor.org/rfc/rfc6838#section-4.2; parameters are not looked into. FHIR's
    # own formats may go by a bare word (https://hl7.org/fhir/R4/capabilitystatement.html).
    "urn:ietf:bcp:13": r"json|xml|ttl|html|none|"
    r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9*][A-Za-z0-9!#$&^_.+-]*( *;[^;]*)*",
    "urn:ietf:bcp:47": r"([A-Za-z]{2,8}|[xi])(-[A-Za-z0-9]{1,8})*",
    "urn:iso:std:iso:4217": r"[A-Z]{3}",
    # https://ucum.org/ucum: a unit is one word of printable ASCII.
    "http://unitsofmeasure.org": r"[!-~]+",
}
#: Of these every well-formed code is as good as known.
_OPEN = frozenset({"urn:ietf:bcp:13", "urn:ietf:bcp:47"})

_SHOWN = 10
_MANY = 8192


#: The rules that a code outside of its value set breaks.
REQUIRED, EXTENSIBLE = "binding-required", "binding-extensible"
#: A maximum value set bounds the codes that are given; it does not ask for any.
MAXIMUM = "binding-maximum"
#: A code outside of its value set that nobody can know to be wrong.
UNCONFIRMED = "binding-unconfirmed"
#: A coding of another version than the value set is made of.
VERSION = "binding-version"
_OPEN_RULES = ("binding-not-checked", UNCONFIRMED)
#: A code that its system's grammar rules out.
FORMAT = "code-format"
#: A bare code whose system cannot be told.
UNKNOWN = "code-not-found"


class CodedCheck:
    """Membership in one value set, for one type of element. ``rule`` is what a stranger breaks."""

    __slots__ = (
        "_answers",
        "_any_case",
        "_check",
        "_circular",
        "_codes",
        "_gap_systems",
        "_gaps",
        "_listed",
        "_pairs",
        "_rule",
        "_store",
        "_url",
        "_versions",
    )

    def __init__(
        self, store: SchemaStore, value_set: str, check: Check, rule: str = REQUIRED
    ) -> None:
        self._rule = rule
        self._store = store
        self._url = value_set
        self._check = check
        self._listed = False
        self._pairs: dict[str, frozenset[str]] = {}
        self._codes: frozenset[str] = frozenset()
        self._gaps: tuple[str, ...] = ()
        self._gap_systems: frozenset[str] | None = None
        self._circular: str | None = None
        self._any_case: tuple[str, ...] = ()
        self._versions: dict[str, tuple[str, ...]] = {}
        #: What was said of codes that are not simply in the value set.
        self._answers: dict[tuple[str | None, str], Finding | None] = {}

    def __call__(self, value: Any, /) -> Finding | None:
        """What is wrong with the coded value, or None. Values of a wrong shape pass: not ours."""
        if not self._listed:
            self._list()
        return self._check(self, value)

    def code(self, value: Any) -> Finding | None:
        """A bare code: the system is implied by the value set."""
        if not isinstance(value, str) or value in self._codes:
            return None
        if any(self._has_folded(system, value) for system in self._any_case):
            return None
        finding = self._remembered(None, value)
        if finding is None or finding.rule != REQUIRED:
            return finding
        message = f"no code system of {self._url} has this code, so it means nothing"
        unknown = Finding(UNKNOWN, message)
        return finding._replace(also=(unknown, *finding.also))

    def coding(self, value: Any) -> Finding | None:
        """A Coding or Quantity: system and code together. Half of them is no code to be judged."""
        if not isinstance(value, dict) or "system" not in value or "code" not in value:
            return None
        return self._member(value)

    def _member(self, value: Any) -> Finding | None:
        """One coding of a CodeableConcept."""
        if not isinstance(value, dict):
            return None
        system, code = value.get("system"), value.get("code")
        if not isinstance(code, str) or (system is not None and not isinstance(system, str)):
            return None if code is not None else self._refuse(None)
        if system is None:
            return self._refuse(code)
        version = value.get("version")
        if isinstance(version, str) and (other := self._other_version(system, version)):
            return other
        if code in self._pairs.get(system, ()):
            return None
        if self._circular:
            return self._refuse(code)
        finding = self._remembered(system, code)
        if finding is not None and finding.rule == REQUIRED and isinstance(version, str):
            return self._of_version(finding, system, version)
        return finding

    def _other_version(self, system: str, version: str) -> Finding | None:
        """A coding of another version of its system than the value set is made of."""
        meant = self._versions.get(system)
        if meant is None or any(is_version(one, version) for one in meant):
            return None
        message = f"the value set {self._url} is of version {' or '.join(meant)} of {system}"
        return Finding(VERSION, message, ("version",))

    def _of_version(self, finding: Finding, system: str, version: str) -> Finding:
        """Only doubt a code of a version of its system that is not at hand."""
        schema = self._store.code_system(system)
        if schema is None or schema.version is None or is_version(version, schema.version):
            return finding
        message = f"{finding.message}; version {version} of {system} is not at hand"
        return Finding(UNCONFIRMED, message)

    def _remembered(self, system: str | None, code: str) -> Finding | None:
        """The judgement of a code that is not listed; the same one comes often."""
        slot = (system, code)
        if slot not in self._answers:
            if len(self._answers) >= _MANY:
                self._answers.clear()
            if system is not None and self._has_folded(system, code):
                self._answers[slot] = None
                return None
            unknown = not self._circular and self._may_hold(system)
            self._answers[slot] = self._gap(code, system) if unknown else self._doubt(code, system)
        return self._answers[slot]

    def concept(self, value: Any) -> Finding | None:
        """A CodeableConcept: one coding of it suffices."""
        if not isinstance(value, dict):
            return None
        codings = value.get("coding")
        if codings is None:
            return self._no_code()
        if not isinstance(codings, list):
            return None
        worst: Finding | None = None
        for index, coding in enumerate(codings):
            finding = self._member(coding)
            if finding is None:
                return None
            if finding.rule == VERSION:
                finding = finding._replace(below=("coding", index, *finding.below))
            if worst is None or finding.rule in _OPEN_RULES:
                worst = finding
        return worst

    def _list(self) -> None:
        self._listed = True
        schema = self._store.value_set(self._url)
        if schema is None:
            self._gaps = (self._url,)
            return
        for system, listed in schema.codes.items():
            self._pairs[system] = frozenset(listed)
        for system in schema.whole:
            self._pairs[system] = self._store.codes(system) or frozenset()
        self._any_case, self._versions = schema.any_case, schema.versions
        self._codes = frozenset().union(*self._pairs.values())
        self._gaps = schema.missing
        if schema.missing_systems is not None:
            self._gap_systems = frozenset(schema.missing_systems)
        self._circular = schema.circular

    def _has_folded(self, system: str, code: str) -> bool:
        """Whether a system that does not tell upper from lower case has the code in here."""
        if system not in self._any_case:
            return False
        schema = self._store.code_system(system)
        return schema is not None and schema.find(code) in self._pairs[system]

    def _may_hold(self, system: str | None) -> bool:
        """Whether the part of the value set that is not known could hold codes of this system."""
        if not self._gaps:
            return False
        return system is None or self._gap_systems is None or system in self._gap_systems

    def _gap(self, code: str, system: str | None) -> Finding | None:
        """Judge a code that only the unknown part of the value set could hold."""
        systems = [gap for gap in self._gaps if system in (None, gap)]
        if systems and all(gap in _GRAMMARS for gap in systems):
            fitting = [gap for gap in systems if full_matcher(_GRAMMARS[gap])(code)]
            if not fitting:
                message = f"not written as a code of {' or '.join(systems)} ({self._url})"
                return Finding(FORMAT, message)
            if any(gap in _OPEN for gap in fitting):
                return None
        return Finding(
            "binding-not-checked",
            f"the value set {self._url} cannot be listed offline, so its codes were not checked",
        )

    def _doubt(self, code: str, system: str | None) -> Finding:
        """Refuse a code; but of a system that is listed here and not at hand, only doubt it.

        Nobody can tell whether the system has the code, nor whether it is the one that was meant:
        as in HL7's validator that is no error.
        """
        finding = self._refuse(code)
        if system is None or self._rule != REQUIRED or system not in self._pairs:
            return finding
        if self._store.codes(system) is not None:
            return finding
        message = f"{finding.message}; the code system {system} is not at hand"
        return Finding(UNCONFIRMED, message)

    def _refuse(self, code: str | None) -> Finding:
        if self._circular is not None:
            message = f"the value set {self._url} includes itself, by way of {self._circular}"
            circular = Finding("value-set-circular", message)
            return Finding(self._rule, f"no code can be in {self._url}", (), (circular,))
        hint = ""
        if len(self._codes) <= _SHOWN:
            hint = f": expected one of {', '.join(sorted(self._codes))}"
        elif (
            self._rule == REQUIRED
            and code is not None
            and (close := get_close_matches(code[:100], sorted(self._codes), n=1))
        ):
            hint = f": did you mean {close[0]!r}?"
        return Finding(self._rule, f"the code is not in the value set {self._url}{hint}")

    def _no_code(self) -> Finding | None:
        if self._rule == MAXIMUM:
            return None
        verb = "is required" if self._rule == REQUIRED else "should be given"
        return Finding(self._rule, f"a code of the value set {self._url} {verb}")


Check = Callable[[CodedCheck, Any], "Finding | None"]

_BY_TYPE: dict[str, Check] = {
    "code": CodedCheck.code,
    "string": CodedCheck.code,
    "uri": CodedCheck.code,
    "Coding": CodedCheck.coding,
    "Quantity": CodedCheck.coding,
    "CodeableConcept": CodedCheck.concept,
}


def coded_check(
    store: SchemaStore, value_set: str, type_name: str, rule: str = REQUIRED
) -> CodedCheck | None:
    """The check of a value set for a type; None when the type carries no codes."""
    check = _BY_TYPE.get(type_name)
    return None if check is None else CodedCheck(store, value_set, check, rule)


class Bindings:
    """The checks of bindings, one for each value set and type, shared by all elements."""

    def __init__(self, store: SchemaStore) -> None:
        self._store = store
        self._made: dict[tuple[str, str, str], CodedCheck | None] = {}

    def of(self, binding: Binding | None, type_name: str) -> CodedCheck | Both | Loose | None:
        """The check of a binding; None where no code can break it."""
        if binding is None:
            return None
        outer = inner = None
        if binding.strength == "required":
            inner = self._one(binding.value_set, type_name, REQUIRED)
        elif binding.strength == "extensible":
            outer = self._one(binding.max_value_set, type_name, MAXIMUM)
            inner = self._one(binding.value_set, type_name, EXTENSIBLE)
        elif binding.max_value_set is not None:
            # Where any other code is as welcome HL7's validator does not look at the maximum. What
            # is no code of its systems at all is worth a warning.
            loose = self._one(binding.max_value_set, type_name, MAXIMUM)
            return None if loose is None else Loose(loose)
        return Both(outer, inner) if outer and inner else outer or inner

    def _one(self, value_set: str | None, type_name: str, rule: str) -> CodedCheck | None:
        if not value_set:
            return None
        slot = (value_set, type_name, rule)
        if slot not in self._made:
            self._made[slot] = coded_check(self._store, value_set, type_name, rule)
        return self._made[slot]


class Both:
    """A maximum value set, and within it the one that is asked for."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, outer: CodedCheck, inner: CodedCheck) -> None:
        self._outer = outer
        self._inner = inner

    def __call__(self, value: Any, /) -> Finding | None:
        """The graver finding: of the maximum, else of the value set."""
        return self._outer(value) or self._inner(value)


class Loose:
    """A value set of which only the grammar of its codes counts."""

    __slots__ = ("_check",)

    def __init__(self, check: CodedCheck) -> None:
        self._check = check

    def __call__(self, value: Any, /) -> Finding | None:
        """A code that is not written as its system demands."""
        finding = self._check(value)
        return finding if finding is not None and finding.rule == FORMAT else None

"""Codes of known systems, whatever they are bound to: Coding and the units of Quantity.

https://hl7.org/fhir/R4/terminologies.html: a code must be one of its system, and the display one
of the code's in the language of the resource. Of a system that is not at hand nothing is said; of
a fragment only a warning can be given; UCUM goes by its grammar.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from fhirkit.schema.code_systems import CodeSystemSchema
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.rules.finding import Finding

_UCUM = "http://unitsofmeasure.org"
_URIS = "urn:ietf:rfc:3986"
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S")
_MANY = 8192
_SHOWN = 10


class CodeCheck:
    """The check of one coded value; the answers are remembered."""

    __slots__ = ("_answers", "_store")

    def __init__(self, store: SchemaStore) -> None:
        self._store = store
        self._answers: dict[tuple[str, str, Any, Any, Any], Finding | None] = {}

    def __call__(self, value: dict[str, Any], language: Any) -> Finding | None:
        """What is wrong with the code or its display. ``language`` is that of the resource."""
        system, code = value.get("system"), value.get("code")
        if not isinstance(system, str) or not isinstance(code, str):
            return None
        display, version = value.get("display"), value.get("version")
        spoken = language if isinstance(language, str) else "en"
        asked = (system, code, display, version, spoken)
        try:
            return self._answers[asked]
        except KeyError:
            pass
        except TypeError:
            return None  # a list or an object in place of a text, which the walk has reported
        if len(self._answers) >= _MANY:
            self._answers.clear()
        answer = self._answers[asked] = self._judge(system, code, display, version, spoken)
        return answer

    def _judge(
        self, system: str, code: str, display: Any, version: Any, language: str
    ) -> Finding | None:
        if system == _UCUM:
            return _unit(code)
        if system == _URIS:
            wrong = _ABSOLUTE.match(code) is None
            return Finding("code-unknown", "expected an absolute URI", ("code",)) if wrong else None
        supplemented = self._store.supplemented(system)
        if supplemented is not None:
            message = f"{system} is a supplement; its codes are those of {supplemented}"
            return Finding("code-system-supplement", message, ("system",))
        schema = self._store.code_system(system)
        if schema is None or (version is not None and version != schema.version):
            return None
        own = schema.find(code)
        if own is None:
            rule = "code-unknown" if schema.complete else "code-fragment"
            return Finding(rule, _advice(schema, code), ("code",))
        wrong_display = _display(schema, own, display, language)
        status = schema.statuses.get(own)
        if status is None:
            return wrong_display
        also = (wrong_display,) if wrong_display is not None else ()
        return Finding("code-inactive", f"the code is {status} in {system}", (), also)


def _display(schema: CodeSystemSchema, own: str, display: Any, language: str) -> Finding | None:
    displays = schema.displays[own]
    if not isinstance(display, str) or not display or displays is None:
        return None
    if displays.has(display, language):
        return None
    message = f"no display of this code in {schema.url}"
    if displays.has(" ".join(display.split()), language):
        message = f"the display differs from that of {schema.url} by white space"
    if language.partition("-")[0].casefold() == "en":
        return Finding("code-display", message, ("display",))
    return Finding("code-display-language", f"{message} that is known here", ("display",))


def _unit(code: str) -> Finding | None:
    from fhirkit.terminology.ucum import UnitError, analyse

    try:
        analyse(code)
    except UnitError as problem:
        message = f"not a unit of UCUM: {problem.message}"
        return Finding("code-unit", message, ("code",))
    return None


def _advice(schema: CodeSystemSchema, code: str) -> str:
    known = sorted(schema.displays)
    hint = ""
    if len(known) <= _SHOWN:
        hint = f": expected one of {', '.join(known)}"
    elif close := get_close_matches(code[:100], known, n=1):
        hint = f": did you mean {close[0]!r}?"
    if not schema.complete:
        return f"the part of the system {schema.url} that is at hand has no such code{hint}"
    return f"the system {schema.url} has no such code{hint}"

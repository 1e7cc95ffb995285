"""Codes of known systems, whatever they are bound to: Coding and the units of Quantity.

https://hl7.org/fhir/R4/terminologies.html: a code must be one of its system, and the display one
of the code's. Only systems that are at hand and complete are looked into; UCUM by its grammar.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from fhirkit.schema.code_systems import CodeSystemSchema, fold
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
        if not isinstance(language, str):
            language = None
        asked = (system, code, display, version, language)
        try:
            return self._answers[asked]
        except KeyError:
            pass
        except TypeError:
            return None  # a list or an object in place of a text, which the walk has reported
        if len(self._answers) >= _MANY:
            self._answers.clear()
        answer = self._answers[asked] = self._judge(system, code, display, version, language)
        return answer

    def _judge(
        self, system: str, code: str, display: Any, version: Any, language: Any
    ) -> Finding | None:
        if system == _UCUM:
            return _unit(code)
        if system == _URIS:
            wrong = _ABSOLUTE.match(code) is None
            return Finding("code-unknown", "expected an absolute URI", ("code",)) if wrong else None
        schema = self._store.code_system(system)
        if schema is None or (version is not None and version != schema.version):
            return None
        own = schema.find(code)
        if own is None:
            return Finding("code-unknown", _advice(schema, code), ("code",))
        displays = schema.displays[own]
        if not isinstance(display, str) or not displays or fold(display) in displays:
            return None
        message = f"no display of this code in {system}"
        if _is_english(language):
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
    return f"the system {schema.url} has no such code{hint}"


def _is_english(language: Any) -> bool:
    return not isinstance(language, str) or language.partition("-")[0].casefold() == "en"

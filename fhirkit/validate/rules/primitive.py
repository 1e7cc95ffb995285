"""Primitive values: their JSON type, their lexical form and their limits.

https://hl7.org/fhir/R4/datatypes.html#primitive and https://hl7.org/fhir/R4/json.html#primitive.
The form is the published regular expression; what an expression cannot say (calendar, padding,
control characters) is said here, by type name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import Any

from fhirkit.core.jsonio import FhirDecimal
from fhirkit.core.regex import UnsupportedPattern, full_matcher
from fhirkit.schema.model import PrimitiveSchema
from fhirkit.validate.rules.certain import certain
from fhirkit.validate.rules.finding import Finding

_NAMES = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a decimal number",
    Decimal: "a decimal number",
    FhirDecimal: "a decimal number",
    dict: "an object",
    list: "an array",
}
_EXPECTED = {
    "string": "a JSON string",
    "boolean": "true or false",
    "integer": "a whole JSON number",
    "decimal": "a JSON number",
}
#: How a type is written, in words, for messages.
_FORMS = {
    "date": "YYYY, YYYY-MM or YYYY-MM-DD",
    "dateTime": "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a time zone",
    "instant": "YYYY-MM-DDThh:mm:ss with a time zone",
    "time": "hh:mm:ss",
    "id": "1 to 64 letters, digits, '-' and '.'",
    "code": "no white space but single spaces inside",
    "uri": "no white space",
    "oid": "urn:oid: and numbers with dots",
    "uuid": "urn:uuid: and a UUID in lower case",
    "integer64": "a whole number as a JSON string",
    "base64Binary": "groups of four base64 characters, padded with '='",
}
# https://hl7.org/fhir/R4/datatypes.html#string: below U+0020 only tab, line feed, return.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MAX_DIGITS = 18


#: A further check of a text.
TextCheck = Callable[[str], Finding | None]


class Lexeme(str):
    """A value from XML that is not written as its type demands, so it has no JSON form."""

    __slots__ = ()


class PrimitiveCheck:
    """The check of one primitive type, made once."""

    __slots__ = ("_also", "_extra", "_form", "_matchers", "_schema", "certain", "is_text", "name")

    def __init__(
        self, name: str, schema: PrimitiveSchema | None, also: tuple[TextCheck, ...] = ()
    ) -> None:
        self.name = name
        self._schema = schema or PrimitiveSchema()
        #: Whether JSON writes the values as strings.
        self.is_text = self._schema.json == "string"
        self._also = also
        #: A quick test that is true only of values this check lets pass.
        self.certain = None if also else certain(name, self._schema)
        self._extra = _EXTRA.get(name)
        self._form = _FORMS.get(name, f"the form of {name}")
        self._matchers: list[Callable[[str], bool]] = []
        for pattern in self._schema.regexes:
            try:
                self._matchers.append(full_matcher(pattern))
            except UnsupportedPattern:
                # Look-around in a future version's pattern: the checks in _EXTRA remain.
                continue

    @staticmethod
    def for_nothing(value: Any, /) -> Finding | None:
        """The check of what is not a primitive: finds nothing."""
        del value
        return None

    def __call__(self, value: Any, /) -> Finding | None:
        """What is wrong with the value, or None."""
        test = self.certain
        if test is not None and (value.__class__ is str) is self.is_text and test(value):
            return None
        if value is None:
            return Finding("null-value", "null is no value; leave the element out")
        kind = self._schema.json
        if kind == "string":
            return self._string(value)
        if isinstance(value, Lexeme):
            return self._bad_form()
        if kind == "boolean":
            return None if isinstance(value, bool) else self._wrong_type(value)
        if isinstance(value, bool):
            return self._wrong_type(value)
        return self._integer(value) if kind == "integer" else self._decimal(value)

    def _string(self, value: Any) -> Finding | None:
        if not isinstance(value, str):
            return self._wrong_type(value)
        if not value:
            return Finding("primitive-empty", "an empty string is no value; leave it out")
        if value.isspace():
            return Finding("primitive-whitespace", "a value of nothing but white space")
        if (control := _CONTROL.search(value)) is not None:
            code = ord(control.group())
            return Finding("primitive-characters", f"the character U+{code:04X} is not allowed")
        limit = self._schema.max_length
        if limit is not None and len(value) > limit:
            return Finding("primitive-length", f"longer than the {limit} characters of {self.name}")
        for matches in self._matchers:
            if not matches(value):
                return self._bad_form()
        finding = self._extra(value) if self._extra is not None else None
        for check in self._also:
            finding = finding or check(value)
        return finding

    def _integer(self, value: Any) -> Finding | None:
        if isinstance(value, float | Decimal):
            return Finding("primitive-format", f"{self.name} is a whole number, without a point")
        if not isinstance(value, int):
            return self._wrong_type(value)
        low, high = self._schema.min, self._schema.max
        if (low is not None and value < low) or (high is not None and value > high):
            return Finding("primitive-range", f"outside the range of {self.name}, {low} to {high}")
        # Only a number in range is written out: a huge one would take long.
        if value.bit_length() <= 64 and not all(matches(str(value)) for matches in self._matchers):
            least = {"positiveInt": "1 or more", "unsignedInt": "0 or more"}.get(self.name)
            return Finding("primitive-range", f"expected {least or self._form}")
        return None

    def _decimal(self, value: Any) -> Finding | None:
        if isinstance(value, Decimal):
            # NaN cannot come from JSON text, but from a dict.
            digits = value.as_tuple().digits
            if not value.is_finite():
                return self._bad_form()
            if len(digits) > _MAX_DIGITS:
                return Finding(
                    "decimal-precision", f"more than {_MAX_DIGITS} digits may not be kept"
                )
            return None
        if isinstance(value, int):
            return None
        if isinstance(value, float):
            # json.loads made it; its digits are lost already, its validity is not.
            return None if isfinite(value) else self._bad_form()
        return self._wrong_type(value)

    def _wrong_type(self, value: Any) -> Finding:
        found = _NAMES.get(type(value), "something else")
        expected = _EXPECTED[self._schema.json]
        return Finding("primitive-type", f"expected {expected} for {self.name}, found {found}")

    def _bad_form(self) -> Finding:
        return Finding("primitive-format", f"not a valid {self.name}: expected {self._form}")


def _calendar(value: str) -> Finding | None:
    """A day must exist: the published expression lets 30 February pass."""
    if len(value) >= 10:
        try:
            date(int(value[:4]), int(value[5:7]), int(value[8:10]))
        except ValueError:
            return Finding("primitive-date", "this month has no such day")
    return None


def _time(value: str) -> Finding | None:
    """Whole seconds: the published expression allows parts of one, HL7's validator does not."""
    if len(value) > len("hh:mm:ss"):
        return Finding("primitive-format", f"not a valid time: expected {_FORMS['time']}")
    return None


def _token(value: str) -> Finding | None:
    """A code or URI is ASCII-like in spirit: no white space of any script, nothing invisible."""
    if value.isascii():
        return None
    for char in value:
        if char.isspace() or unicodedata.category(char) == "Cf":
            return Finding(
                "primitive-characters", f"the invisible character U+{ord(char):04X} is not allowed"
            )
    return None


def _code(value: str) -> Finding | None:
    if any(char in value for char in "\t\r\n"):
        return Finding("primitive-format", f"not a valid code: expected {_FORMS['code']}")
    return _token(value)


# Lower case: https://hl7.org/fhir/R4/datatypes.html#uuid.
_UUID = r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_OID = r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+"


#: Where the last dot of an OID stands at the least, unless it is under 1.3.
_OID_DOTS = len("urn:oid:") + 4


def _uri(value: str) -> Finding | None:
    """A URI that claims to be a UUID or OID must be one."""
    if value.startswith(("oid:", "uuid:")):
        return Finding("primitive-format", "an OID or UUID as a URI begins with urn:")
    for scheme, pattern in (("urn:uuid:", _UUID), ("urn:oid:", _OID)):
        # A canonical may go on with |version, and either with a #fragment.
        own = value.partition("#")[0].partition("|")[0]
        if value.startswith(scheme) and not full_matcher(pattern)(own):
            return Finding("primitive-format", f"not a valid {scheme} URI")
    short = value.startswith("urn:oid:") and value.rfind(".") < _OID_DOTS
    if short and not value.startswith("urn:oid:1.3"):
        message = "so short an OID names a root, not a system: expected at least four numbers"
        return Finding("primitive-format", message)
    return _token(value)


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def _canonical(value: str) -> Finding | None:
    """https://hl7.org/fhir/R4/references.html#canonical: absolute, or a #fragment."""
    if not value.startswith("#") and _SCHEME.match(value) is None:
        return Finding("primitive-format", "a canonical is an absolute URL, or #id of a contained")
    return _uri(value)


_BASE64 = re.compile(r"[0-9a-zA-Z+/]*={0,2}")


def _base64(value: str) -> Finding | None:
    """Whole groups of four, padding only at the end; white space between is let through."""
    packed = "".join(value.split()) if any(char in value for char in " \t\r\n") else value
    if len(packed) % 4 or _BASE64.fullmatch(packed) is None:
        return Finding(
            "primitive-format", f"not valid base64Binary: expected {_FORMS['base64Binary']}"
        )
    return None


def _integer64(value: str) -> Finding | None:
    """In range: the digits alone could be more than 64 bits hold."""
    try:
        number = int(value) if len(value) <= len(str(-1 << 63)) else None
    except ValueError:
        return Finding("primitive-format", f"not a valid integer64: expected {_FORMS['integer64']}")
    if number is None or not -(1 << 63) <= number < 1 << 63:
        return Finding("primitive-range", "outside the range of integer64, 64 bits with a sign")
    return None


_EXTRA: dict[str, Callable[[str], Finding | None]] = {
    "date": _calendar,
    "dateTime": _calendar,
    "instant": _calendar,
    "time": _time,
    "code": _code,
    "id": _token,
    "uri": _uri,
    "url": _uri,
    "oid": _uri,
    "canonical": _canonical,
    "base64Binary": _base64,
    "integer64": _integer64,
}

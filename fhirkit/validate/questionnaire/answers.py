"""One answer against its question: its type, its limits, what it may refer to.

The limits are extensions of Questionnaire.item, of the core and of Structured Data Capture.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator
from typing import Any

from fhirkit.core.regex import UnsupportedPattern, full_matcher
from fhirkit.validate.questionnaire.form import (
    Answer,
    Json,
    extension,
    extensions,
    integer,
)
from fhirkit.validate.questionnaire.options import Options
from fhirkit.validate.questionnaire.ordering import compare, number
from fhirkit.validate.rules.finding import Finding

_CHOICE = ("Coding", "date", "time", "integer", "string")
#: Type of question → types of its answers.
_ALLOWED: dict[str, tuple[str, ...]] = {
    "boolean": ("boolean",),
    "decimal": ("decimal",),
    "integer": ("integer",),
    "date": ("date",),
    "dateTime": ("dateTime",),
    "time": ("time",),
    "string": ("string",),
    "text": ("string",),
    "url": ("uri",),
    "choice": _CHOICE,
    "open-choice": _CHOICE,
    "attachment": ("Attachment",),
    "reference": ("Reference",),
    "quantity": ("Quantity",),
}
_TARGET = re.compile(r"(?:.*/)?([A-Za-z]+)/[A-Za-z0-9.-]{1,64}(?:/_history/[A-Za-z0-9.-]{1,64})?")
_LIMIT = "response-limit"


def check_answer(item: Json, answer: Answer, options: Options) -> Iterator[Finding]:
    """Findings for one answer, placed below the answer element."""
    allowed = _ALLOWED.get(str(item.get("type")))
    if allowed is None:
        return
    if answer.type not in allowed:
        message = f"the question wants {' or '.join(allowed)}, not {answer.type}"
        yield Finding("response-answer-type", message, (answer.key,))
        return
    yield from options.check(item, answer)
    for check in (_text, _number, _range, _quantity, _reference):
        for message in check(item, answer, options):
            yield Finding(_LIMIT, message, (answer.key,))
    if answer.type == "Attachment" and isinstance(answer.value, dict):
        for message in _attachment(item, answer.value):
            yield Finding("response-attachment", message)


def _text(item: Json, answer: Answer, _options: Options) -> Iterator[str]:
    if answer.type not in ("string", "uri") or not isinstance(answer.value, str):
        return
    length = len(answer.value)
    least, most = integer(item, "minLength"), item.get("maxLength")
    if least is not None and length < least:
        yield f"the answer has {length} characters; at least {least} are asked for"
    if isinstance(most, int) and length > most:
        yield f"the answer has {length} characters; at most {most} are allowed"
    pattern = extension(item, "regex")
    if isinstance(pattern, str):
        try:
            matches = full_matcher(pattern)(answer.value)
        except UnsupportedPattern:
            return  # written for another engine: it cannot be said that the answer is wrong
        if not matches:
            wanted = extension(item, "entryFormat")
            hint = f" ({wanted})" if isinstance(wanted, str) else ""
            yield f"the answer is not written in the form that the question asks for{hint}"


def _number(item: Json, answer: Answer, _options: Options) -> Iterator[str]:
    most = integer(item, "maxDecimalPlaces")
    value = number(answer.value)
    if answer.type != "decimal" or most is None or value is None:
        return
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > most:
        yield f"the answer has {-exponent} decimal places; at most {most} are allowed"


def _range(item: Json, answer: Answer, _options: Options) -> Iterator[str]:
    if answer.type not in ("integer", "decimal", "date", "dateTime", "time"):
        return
    for name, sign, word in (("minValue", -1, "smaller"), ("maxValue", 1, "larger")):
        bound = extension(item, name)
        if bound is not None and compare(answer.type, answer.value, bound) == sign:
            yield f"the answer is {word} than the question allows ({name})"


def _quantity(item: Json, answer: Answer, options: Options) -> Iterator[str]:
    if answer.type != "Quantity" or not isinstance(answer.value, dict):
        return
    for name, sign, word in (("minQuantity", -1, "smaller"), ("maxQuantity", 1, "larger")):
        for bound in extensions(item, f"questionnaire-{name}"):
            found = compare("Quantity", answer.value, bound)
            if found is None:
                yield f"the answer cannot be compared with {name}: the units do not fit"
            elif found == sign:
                yield f"the answer is {word} than the question allows ({name})"
    units = list(extensions(item, "questionnaire-unitOption"))
    unit = {name: answer.value.get(name) for name in ("system", "code")}
    if units and not any(isinstance(one, dict) and _same_unit(one, unit) for one in units):
        yield "the unit is not among those that the question offers"
    for canonical in extensions(item, "questionnaire-unitValueSet"):
        if isinstance(canonical, str) and options.holds(canonical, unit) is False:
            yield f"the unit is not in the value set of the question, {canonical}"


def _same_unit(offered: Json, unit: Json) -> bool:
    return all(offered.get(name) == value for name, value in unit.items())


def _reference(item: Json, answer: Answer, options: Options) -> Iterator[str]:
    """Only where references are trusted to tell the type of their target, it is held to it."""
    if answer.type != "Reference" or not isinstance(answer.value, dict):
        return
    reference = answer.value.get("reference")
    if not options.trusts_references or not isinstance(reference, str):
        return
    match = _TARGET.fullmatch(reference)
    allowed = sorted(str(name) for name in extensions(item, "questionnaire-referenceResource"))
    wanted = " or ".join(allowed) or "a resource"
    if match is None:
        if allowed:
            yield f"the answer refers to something of an unknown type; the question wants {wanted}"
    elif match[1] not in (allowed or options.resource_types):
        yield f"the answer refers to a {match[1]}; the question wants {wanted}"


def _attachment(item: Json, attachment: Json) -> Iterator[str]:
    kinds = [kind for kind in extensions(item, "mimeType") if isinstance(kind, str)]
    kind = attachment.get("contentType")
    if kinds and kind not in kinds:
        yield f"the attachment's type is not allowed; the question wants {' or '.join(kinds)}"
    most = number(extension(item, "maxSize"))
    size = _size(attachment)
    if most is not None and size is not None and size > most:
        yield f"the attachment has {size} bytes; at most {most} are allowed"


def _size(attachment: Json) -> int | None:
    stated: Any = attachment.get("size")
    if isinstance(stated, int) and not isinstance(stated, bool):
        return stated
    data = attachment.get("data")
    if not isinstance(data, str):
        return None
    try:
        return len(b64decode(data))
    except (Error, ValueError):
        return None

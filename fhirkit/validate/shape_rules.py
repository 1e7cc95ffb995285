"""The rules of every document, whatever it says: its text, its shape and its primitive values."""

from __future__ import annotations

from fhirkit.core.issues import Severity
from fhirkit.validate.rule import Rule

_FATAL, _ERROR = Severity.FATAL, Severity.ERROR
_WARNING = Severity.WARNING

SHAPE_RULES = (
    # The document
    Rule("file-unreadable", _FATAL, "exception", "A file is missing or cannot be read."),
    Rule(
        "internal-error",
        _FATAL,
        "exception",
        "A bug of fhirkit: it failed on this input, which was not checked.",
        incomplete=True,
    ),
    Rule(
        "checks-left-out",
        Severity.INFORMATION,
        "informational",
        "Only the shape was looked at, as was asked for.",
        incomplete=True,
    ),
    Rule("json-syntax", _FATAL, "structure", "The text is not strict JSON."),
    Rule("json-encoding", _FATAL, "structure", "The text is not UTF-8."),
    Rule(
        "json-byte-order-mark",
        Severity.INFORMATION,
        "informational",
        "A JSON text begins with a byte order mark; it is read without it.",
    ),
    Rule("json-duplicate-key", _ERROR, "invalid", "A property occurs twice in one object."),
    Rule("json-comment", _ERROR, "invalid", "JSON has no comments."),
    Rule("json-comma", _ERROR, "invalid", "A comma is missing, or one is too many."),
    Rule("json-quotes", _ERROR, "invalid", "JSON names and texts stand in double quotes."),
    Rule("json-number", _ERROR, "invalid", "JSON does not write numbers this way."),
    Rule("json-string", _ERROR, "invalid", "JSON does not allow this character in a text."),
    Rule("xml-syntax", _FATAL, "structure", "The text is not well-formed XML."),
    Rule("xml-doctype", _FATAL, "security", "FHIR XML has no DOCTYPE, and so no entities."),
    Rule("xml-root", _ERROR, "structure", "The root element is not in the namespace of FHIR."),
    Rule("xml-encoding", _ERROR, "invalid", "FHIR XML is UTF-8."),
    Rule("xml-namespace", _ERROR, "structure", "An element is not in the namespace it must have."),
    Rule("xml-attribute", _ERROR, "structure", "An XML attribute that FHIR does not define here."),
    Rule("xml-text", _ERROR, "structure", "Text stands where FHIR has only elements."),
    Rule("xml-order", _ERROR, "structure", "An element stands before one it must follow."),
    Rule("too-deep", _FATAL, "too-long", "The nesting is deeper than any real resource."),
    Rule(
        "too-many-issues",
        _WARNING,
        "too-costly",
        "There are more issues than are listed.",
        incomplete=True,
    ),
    Rule("resource-missing", _FATAL, "structure", "The document holds no resource."),
    Rule("resource-type-missing", _ERROR, "required", "A resource does not say its resourceType."),
    Rule("resource-type-unknown", _ERROR, "structure", "No resource type has this name."),
    Rule("resource-type-unexpected", _ERROR, "structure", "This resource type is not allowed."),
    # Shape
    Rule("element-unknown", _ERROR, "structure", "The type defines no element of this name."),
    Rule("element-empty", _ERROR, "structure", "An element has neither value nor children."),
    Rule("element-only-id", _ERROR, "invariant", "An element has an id and nothing else (ele-1)."),
    Rule("element-value", _ERROR, "invalid", "A primitive's value is a part of its extensions."),
    Rule("array-expected", _ERROR, "structure", "A repeating element must be a JSON array."),
    Rule("array-unexpected", _ERROR, "structure", "This element cannot repeat: no JSON array."),
    Rule("array-empty", _ERROR, "structure", "A JSON array in FHIR is never empty."),
    Rule(
        "array-alignment", _ERROR, "structure", "A list and its _list must match, place by place."
    ),
    Rule("object-expected", _ERROR, "structure", "A complex element must be a JSON object."),
    Rule("null-value", _ERROR, "structure", "null only fills a place of a list of primitives."),
    Rule("choice-multiple", _ERROR, "structure", "A choice element occurs with one type only."),
    Rule("cardinality-min", _ERROR, "required", "A required element is missing."),
    Rule("cardinality-max", _ERROR, "structure", "An element occurs more often than allowed."),
    # Primitives
    Rule("primitive-type", _ERROR, "structure", "The JSON type is not that of the FHIR type."),
    Rule("primitive-empty", _ERROR, "value", "A primitive value is never an empty string."),
    Rule("primitive-whitespace", _ERROR, "value", "A value of nothing but white space."),
    Rule("primitive-format", _ERROR, "value", "The value is not written as its type demands."),
    Rule("primitive-date", _ERROR, "value", "The calendar has no such day."),
    Rule("primitive-range", _ERROR, "value", "A number lies outside the range of its type."),
    Rule("primitive-length", _ERROR, "too-long", "A value is longer than its type allows."),
    Rule("primitive-characters", _ERROR, "value", "A character that FHIR text must not contain."),
    Rule("text-markup", _ERROR, "invalid", "A text looks like markup; asked for by an option."),
    Rule("url-example", _ERROR, "invalid", "An example URL; asked for by an option."),
    Rule("decimal-precision", _WARNING, "value", "More digits than systems have to keep."),
)

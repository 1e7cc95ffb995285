"""Every rule there is: its severity, its issue type and what it means in one line.

Ids are stable: users name them in configuration and reports. Issue types are codes of
https://hl7.org/fhir/R4/valueset-issue-type.html.
"""

from __future__ import annotations

from fhirkit.core.issues import Severity
from fhirkit.validate.rule import Rule
from fhirkit.validate.shape_rules import SHAPE_RULES

_ERROR = Severity.ERROR
_WARNING, _INFORMATION = Severity.WARNING, Severity.INFORMATION

_TABLE = (
    *SHAPE_RULES,
    # Codes
    Rule("binding-required", _ERROR, "code-invalid", "A code is not in its required value set."),
    Rule("binding-maximum", _ERROR, "code-invalid", "A code is not in the maximum value set."),
    Rule(
        "binding-extensible",
        _WARNING,
        "code-invalid",
        "A code is not in its extensible value set, where a fitting one may be.",
    ),
    Rule("code-unknown", _ERROR, "code-invalid", "A code system has no such code."),
    Rule("code-not-found", _ERROR, "not-found", "No system of the value set has the bare code."),
    Rule("code-fragment", _WARNING, "code-invalid", "A code is not in the known part of a system."),
    Rule("code-inactive", _WARNING, "business-rule", "A code is not to be used any more."),
    Rule("code-format", _WARNING, "code-invalid", "A code is not written as its system demands."),
    Rule(
        "code-system-relative", _ERROR, "code-invalid", "The system of a code is an absolute URI."
    ),
    Rule(
        "code-system-unknown", _ERROR, "code-invalid", "The system of a code is none that exists."
    ),
    Rule("code-system-supplement", _ERROR, "not-found", "A supplement has no codes of its own."),
    Rule("value-set-circular", _ERROR, "processing", "A value set includes itself."),
    Rule("code-display", _ERROR, "invalid", "The display is none of the code's."),
    Rule(
        "code-display-language",
        _ERROR,
        "invalid",
        "The display is none that is known in the language of the resource.",
    ),
    Rule("code-unit", _WARNING, "code-invalid", "A unit is no UCUM code that can be read."),
    Rule(
        "binding-not-checked",
        _INFORMATION,
        "not-supported",
        "The codes of a value set cannot be listed offline.",
    ),
    # Constraints
    Rule("constraint-broken", _ERROR, "invariant", "A constraint of the definitions is broken."),
    Rule("constraint-warning", _WARNING, "invariant", "A recommended constraint is broken."),
    Rule("constraint-best-practice", _WARNING, "invariant", "Good practice is not followed."),
    Rule(
        "constraint-not-checked",
        _WARNING,
        "not-supported",
        "A constraint could not be evaluated.",
        incomplete=True,
    ),
    # Extensions, narrative, contained resources
    Rule("extension-content", _ERROR, "structure", "An extension has a value or extensions."),
    Rule("narrative-xhtml", _ERROR, "invalid", "The narrative is not well-formed XHTML."),
    Rule("narrative-content", _ERROR, "invariant", "The narrative uses what FHIR forbids (txt-1)."),
    Rule("narrative-forbidden", _ERROR, "invalid", "An element or attribute FHIR does not allow."),
    Rule("narrative-structure", _ERROR, "structure", "An XHTML element where it has no place."),
    Rule("narrative-root", _ERROR, "invalid", "A narrative is a div, all of it XHTML."),
    Rule("narrative-entity", _ERROR, "invalid", "A named entity that XML does not have."),
    Rule("narrative-link", _ERROR, "invalid", "A link or image that leads nowhere."),
    Rule("narrative-source", _ERROR, "business-rule", "A part does not say where it is from."),
    Rule("narrative-language", _ERROR, "business-rule", "A narrative is in other languages."),
    Rule(
        "narrative-language-advised",
        _WARNING,
        "business-rule",
        "A narrative should have parts by language.",
    ),
    Rule("narrative-empty", _ERROR, "invariant", "The narrative says nothing (txt-2)."),
    Rule("contained-nested", _ERROR, "structure", "A contained resource contains none itself."),
    Rule("contained-id-missing", _ERROR, "required", "A contained resource needs an id."),
    Rule("contained-id-duplicate", _ERROR, "duplicate", "Two contained resources have one id."),
    Rule("contained-orphan", _ERROR, "invariant", "Nothing refers to a contained resource."),
    # References
    Rule("canonical-fragment", _ERROR, "invalid", "A canonical names an id that nothing has."),
    Rule("reference-contained", _ERROR, "structure", "No contained resource has this id."),
    Rule(
        "reference-unresolved",
        _WARNING,
        "not-found",
        "A urn: reference has no entry in the Bundle.",
    ),
    Rule(
        "reference-ambiguous",
        _ERROR,
        "forbidden",
        "A reference without a version means several entries.",
    ),
    Rule("reference-url", _ERROR, "invalid", "What stands for a URL is none that can be followed."),
    Rule("reference-base", _ERROR, "required", "A relative reference, relative to nothing."),
    Rule("reference-entry-type", _ERROR, "required", "An entry is of another type than is said."),
    Rule("reference-not-found", _ERROR, "structure", "The target is not at hand; by an option."),
    Rule(
        "reference-type-likely",
        _WARNING,
        "structure",
        "The target, which is not at hand, is said to be of a type not allowed here.",
    ),
    Rule("reference-type", _ERROR, "structure", "The target is of a type not allowed here."),
    Rule("reference-format", _WARNING, "value", "A reference that no server could resolve."),
    # Bundles
    Rule(
        "bundle-full-url", _ERROR, "invalid", "A fullUrl is absolute and agrees with its resource."
    ),
    Rule("bundle-full-url-missing", _ERROR, "invalid", "An entry needs a fullUrl."),
    Rule("bundle-reference-base", _ERROR, "required", "An entry with references needs a fullUrl."),
    Rule("bundle-link", _ERROR, "invalid", "A relation of paging has two links."),
    Rule("bundle-first-entry", _ERROR, "invalid", "A document or message lacks its first entry."),
    Rule("bundle-head", _ERROR, "invalid", "The first entry is of another type than it must be."),
    Rule("bundle-search-entry", _ERROR, "invalid", "An entry of a search is not what it says."),
    Rule("signature-data", _ERROR, "invalid", "The data of a signature is not encoded as it must."),
    Rule(
        "signature-not-checked",
        _INFORMATION,
        "not-supported",
        "A digital signature was not verified.",
    ),
    Rule("message-reference", _ERROR, "not-found", "A MessageHeader points out of its message."),
    Rule(
        "message-reference-base",
        _ERROR,
        "invalid",
        "The focus of a message is not plainly one entry.",
    ),
    Rule(
        "document-reference-base",
        _ERROR,
        "invalid",
        "A reference of a Composition is not plainly to one entry.",
    ),
    Rule("document-crossing", _ERROR, "invalid", "References in a document may mean several."),
    Rule("document-link", _ERROR, "not-found", "A link into a narrative leads nowhere."),
    Rule("document-stylesheet", _ERROR, "not-found", "The stylesheet is not in the document."),
    Rule("document-reference", _ERROR, "not-found", "A Composition points out of its document."),
    Rule(
        "document-unreachable",
        _ERROR,
        "informational",
        "An entry of a document is not connected with its Composition.",
    ),
    # Attachments
    Rule("attachment-size", _ERROR, "structure", "The size is not that of the data."),
    Rule("attachment-data", _ERROR, "structure", "White space stands in an attachment's data."),
    Rule("attachment-hash", _ERROR, "structure", "The hash is not that of the data."),
    # Identifiers and ids
    Rule("identifier-system", _ERROR, "code-invalid", "The system of an identifier is absolute."),
    Rule("identifier-value", _ERROR, "code-invalid", "The value is not what its system says."),
    Rule("element-id-duplicate", _ERROR, "business-rule", "Two elements have one id."),
    Rule("language-unknown", _ERROR, "processing", "A resource is in no registered language."),
    # Questionnaires and their responses
    Rule(
        "questionnaire-unknown",
        _WARNING,
        "not-found",
        "The Questionnaire of a response is not at hand, so the answers were not checked.",
        incomplete=True,
    ),
    Rule(
        "enable-when",
        _ERROR,
        "business-rule",
        "An enableWhen names a question that it cannot mean.",
    ),
    Rule("response-link-id", _ERROR, "not-found", "An item that the Questionnaire lacks."),
    Rule("response-misplaced", _ERROR, "structure", "An item stands where it does not belong."),
    Rule("response-order", _ERROR, "structure", "Items follow the order of the Questionnaire."),
    Rule("response-text", _ERROR, "invalid", "The text of an item is not the Questionnaire's."),
    Rule("response-required", _ERROR, "required", "A required question has no answer."),
    Rule("response-group", _ERROR, "invariant", "A required group has no items."),
    Rule("response-repeats", _ERROR, "invalid", "More or fewer answers than the question wants."),
    Rule("response-not-enabled", _ERROR, "invalid", "An answer to a question that is not asked."),
    Rule(
        "questionnaire-missing", _ERROR, "invalid", "A Questionnaire that must be at hand is not."
    ),
    Rule(
        "response-enabling-not-checked",
        _WARNING,
        "not-supported",
        "Whether an item is to be answered is told by an expression that cannot be evaluated.",
        incomplete=True,
    ),
    Rule("response-structure", _ERROR, "structure", "Answers or items at an item without any."),
    Rule("response-answer-type", _ERROR, "invariant", "The answer is of another type."),
    Rule("response-option", _ERROR, "invariant", "The answer is not one that is offered."),
    Rule("response-value-set", _ERROR, "code-invalid", "The answer is not in the value set."),
    Rule(
        "response-option-not-checked",
        _INFORMATION,
        "not-supported",
        "The codes of a question's value set cannot be listed offline.",
    ),
    Rule("response-limit", _ERROR, "invariant", "The answer is outside the question's limits."),
    Rule("response-attachment", _ERROR, "required", "An attachment the question does not allow."),
    # Definitions
    Rule("search-expression", _ERROR, "invalid", "A search expression means nothing on its base."),
    Rule("search-derived-base", _ERROR, "business-rule", "The parent is for other resource types."),
    Rule("search-derived-type", _ERROR, "business-rule", "The parent is of another type."),
    Rule("search-composite", _ERROR, "business-rule", "A composite parameter needs components."),
    Rule("capability-search-type", _ERROR, "invalid", "A search parameter is of another type."),
    Rule("codesystem-supplement", _ERROR, "business-rule", "A supplement that is only half one."),
    Rule(
        "codesystem-supplement-code",
        _ERROR,
        "business-rule",
        "A supplement adds to a code that its code system does not have.",
    ),
    Rule("codesystem-content", _ERROR, "invalid", "Concepts where there are said to be none."),
    Rule("codesystem-count", _ERROR, "invalid", "The count is not that of the concepts."),
    Rule("codesystem-duplicate", _ERROR, "business-rule", "A code is defined twice."),
    Rule(
        "codesystem-value-set",
        _ERROR,
        "business-rule",
        "The value set of all codes is something else.",
    ),
    Rule(
        "codesystem-property",
        _ERROR,
        "business-rule",
        "A property is defined twice, or not as FHIR defines it.",
    ),
    Rule(
        "codesystem-property-value",
        _ERROR,
        "business-rule",
        "A property of a concept has no value, or one of another type.",
    ),
    Rule(
        "codesystem-property-code", _ERROR, "invalid", "A property means a code that is not there."
    ),
    Rule("valueset-system", _ERROR, "invalid", "What is included is no code system."),
    Rule(
        "valueset-system-version", _ERROR, "business-rule", "A version stands in the system's URL."
    ),
    Rule("valueset-filter", _ERROR, "invalid", "A filter that the code system does not have."),
    Rule("valueset-expression", _ERROR, "exception", "A filter's expression cannot be evaluated."),
    Rule("slicing-redefined", _ERROR, "business-rule", "A slice tells its siblings apart anew."),
    Rule("definition-url", _ERROR, "invalid", "The url of a definition is absolute."),
    Rule("conceptmap-value-set", _ERROR, "invalid", "Source or target is no value set."),
    Rule("conceptmap-code", _ERROR, "required", "A map names a code that is not there."),
    Rule("map-name", _ERROR, "invalid", "A name that the mapping language cannot write."),
    Rule("map-variable", _ERROR, "unknown", "A variable that is not there, or there twice."),
    Rule(
        "map-type", _ERROR, "invalid", "The type of an input is unknown, or one of the other side."
    ),
    Rule("map-element", _ERROR, "invalid", "A mapping rule names an element that is not there."),
    Rule("map-group", _ERROR, "not-found", "A group that is not there, or takes other variables."),
    Rule("operation-circular", _ERROR, "unknown", "An operation is based on itself."),
    Rule("operation-parameter", _ERROR, "invalid", "A parameter and its profile differ."),
    Rule("operation-profile", _ERROR, "unknown", "A profile of the parameters is none."),
    Rule("measure-criteria", _ERROR, "invalid", "No library defines the criteria."),
    Rule(
        "measure-unknown",
        _WARNING,
        "required",
        "The Measure of a report is not at hand, so the report was not checked against it.",
        incomplete=True,
    ),
    Rule("measure-group", _ERROR, "business-rule", "The groups are not those of the measure."),
    Rule("measure-population", _ERROR, "business-rule", "The populations are not the measure's."),
    Rule("measure-stratifier", _ERROR, "business-rule", "The stratifiers are not the measure's."),
    Rule("measure-score", _ERROR, "business-rule", "The score does not fit the scoring."),
    Rule("measure-score-missing", _ERROR, "required", "The score is missing, or not possible."),
    Rule("structure-type", _ERROR, "invalid", "A structure defines a type that it cannot define."),
    Rule("structure-circular", _ERROR, "unknown", "A structure is based on itself."),
    Rule(
        "structure-base-unknown",
        _WARNING,
        "not-found",
        "The base of a structure is not at hand, so its differential was not checked.",
        incomplete=True,
    ),
    Rule("structure-derivation", _ERROR, "not-found", "How a structure is derived is not told."),
    Rule("structure-kind", _ERROR, "not-found", "The kind is not that of the base."),
    Rule("structure-base-type", _ERROR, "not-found", "The type does not go with that of the base."),
    Rule("structure-snapshot", _ERROR, "exception", "A differential that cannot be applied."),
    Rule(
        "differential-element", _ERROR, "value", "An element that the base lacks, or out of order."
    ),
    Rule("differential-wider", _ERROR, "business-rule", "A profile allows more than its base."),
    Rule("element-path", _ERROR, "not-found", "The path of an element starts with another type."),
    Rule("element-slicing", _ERROR, "invalid", "An element that cannot be sliced is sliced."),
    Rule("element-discriminator", _ERROR, "invalid", "A discriminator leads nowhere."),
    Rule(
        "element-characteristic", _ERROR, "business-rule", "Values of the type cannot carry this."
    ),
    Rule("element-type-profile", _ERROR, "exception", "A profile or target is of another type."),
    Rule("element-types", _ERROR, "exception", "An element of a snapshot has no type."),
    Rule("element-value-type", _ERROR, "conflict", "A fixed value or pattern is of another type."),
    Rule("element-prohibited", _ERROR, "exception", "What cannot be said of this element."),
    Rule("extension-definition-context", _ERROR, "invalid", "A context that does not exist."),
    Rule("extension-definition-url", _ERROR, "invalid", "The fixed url is not the extension's."),
    Rule("constraint-definition", _ERROR, "invalid", "A constraint that cannot be evaluated."),
    # Profiles
    Rule(
        "binding-version",
        _ERROR,
        "invalid",
        "A coding is of another version than its value set is made of.",
    ),
    Rule(
        "binding-unconfirmed",
        _WARNING,
        "code-invalid",
        "A code is not in the required value set, as far as can be told without its system.",
        incomplete=True,
    ),
    Rule(
        "profile-unknown",
        _WARNING,
        "not-found",
        "The profile is not at hand, so conformance to it was not checked.",
        incomplete=True,
    ),
    Rule("profile-missing", _ERROR, "structure", "A profile asks for one that is not at hand."),
    Rule("profile-broken", _ERROR, "structure", "A profile's own definition cannot be followed."),
    Rule(
        "profile-gap",
        _WARNING,
        "not-supported",
        "A part of a profile's definition could not be followed, so it was not checked.",
        incomplete=True,
    ),
    Rule("profile-type", _ERROR, "structure", "The profile is for another type of resource."),
    Rule("extension-url", _ERROR, "invalid", "The url of an extension is absolute and its own."),
    Rule("extension-unknown", _ERROR, "structure", "An extension's definition is not at hand."),
    Rule(
        "extension-not-checked",
        _WARNING,
        "not-found",
        "An extension that a package of HL7 may define; its content was not checked.",
        incomplete=True,
    ),
    Rule("extension-context", _ERROR, "structure", "An extension may not stand on this element."),
    Rule("extension-modifier", _ERROR, "structure", "An extension is a modifier, or it is none."),
    Rule("extension-version", _ERROR, "invalid", "The url of an extension names a version."),
    Rule("extension-value", _ERROR, "structure", "An extension's value is not of its definition."),
    Rule("extension-part", _ERROR, "invalid", "The extension's definition has no such part."),
    Rule("profile-none", _ERROR, "structure", "An element follows none of the allowed profiles."),
    Rule("reference-profile", _ERROR, "structure", "The target does not follow the profile asked."),
    Rule("reference-aggregation", _ERROR, "structure", "The target stands where it may not."),
    Rule("type-not-allowed", _ERROR, "structure", "A profile does not allow this type here."),
    Rule("value-fixed", _ERROR, "value", "The value is not the one that a profile fixes."),
    Rule("value-pattern", _ERROR, "value", "The value lacks what a profile's pattern names."),
    Rule("value-limit", _ERROR, "value", "The value is beyond the limit of a profile."),
    Rule("value-missing", _ERROR, "invalid", "A primitive has only extensions, not enough."),
    Rule("value-length", _ERROR, "too-long", "A text is longer than a profile allows."),
    Rule("slice-min", _ERROR, "required", "A slice occurs less often than a profile asks."),
    Rule("slice-max", _ERROR, "structure", "A slice occurs more often than a profile allows."),
    Rule("slice-unmatched", _ERROR, "structure", "An item fits no slice of a closed slicing."),
    Rule("slice-ambiguous", _ERROR, "structure", "An item fits more than one slice."),
    Rule("slice-order", _ERROR, "structure", "Slices do not stand in the order asked for."),
    Rule("slice-not-last", _WARNING, "structure", "What fits no slice stands before what does."),
    Rule(
        "slicing-not-checked", _ERROR, "processing", "A profile does not tell what its slices are."
    ),
)

#: Rule id → rule.
RULES: dict[str, Rule] = {rule.id: rule for rule in _TABLE}

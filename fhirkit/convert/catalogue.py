"""Every rule a case file is held to: id, severity, issue type, meaning and usual cure.

A table, so that messages, documentation and tests speak of the same rules. Rules of the YAML
layer are named here too, whoever finds them.
"""

from __future__ import annotations

from typing import NamedTuple

from fhirkit.core.issues import Severity

_E, _W = Severity.ERROR, Severity.WARNING


class Rule(NamedTuple):
    """One rule: ``issue_type`` is a code of the FHIR value set issue-type."""

    id: str
    severity: Severity
    issue_type: str
    meaning: str
    cure: str


_RULES = (
    # How the file is written
    Rule("case-syntax", _E, "structure", "The file is not YAML.", "Mend the line shown."),
    Rule("case-encoding", _E, "structure", "The file is not UTF-8 text.", "Save it as UTF-8."),
    Rule("case-character", _E, "value", "A control character stands in a text.", "Remove it."),
    Rule("case-size", _E, "too-long", "The file is too large for one case.", "Split it."),
    Rule("case-nesting", _E, "structure", "The file is nested too deeply.", "Flatten it."),
    Rule("case-alias", _E, "structure", "A YAML alias is wrong or too costly.", "Write it out."),
    Rule("case-tag", _E, "structure", "A YAML tag asks for something else.", "Remove the tag."),
    Rule("case-tab", _E, "structure", "A tab indents a line.", "Indent with spaces."),
    Rule("case-documents", _E, "structure", "The file holds several documents.", "One a file."),
    Rule("case-empty", _E, "structure", "The file holds nothing.", "Start with `fhirkit: case/1`."),
    Rule("case-merge-key", _E, "structure", "A YAML merge key is used.", "Use `defaults:`."),
    Rule("case-key", _E, "structure", "A key is not a word.", "Write plain text as the key."),
    Rule("case-duplicate-key", _E, "structure", "A key is given twice.", "Keep one of them."),
    # What the file says of itself
    Rule("case-version", _E, "not-supported", "The format is not case/1.",
         "Write `fhirkit: case/1`."),
    Rule("case-id", _E, "value", "The id or a name gives no FHIR id.",
         "Use 1 to 64 letters, digits, '-' and '.' in all."),
    Rule("case-timestamp", _E, "value", "A time stamp is not an instant.",
         "Write 2026-01-31T12:00:00Z."),
    # Shape
    Rule("case-unknown-key", _E, "structure", "The key means nothing here.", "Mend or drop it."),
    Rule("case-missing-key", _E, "required", "A key that must be there is missing.", "Add it."),
    Rule("case-shape", _E, "structure", "Text, list or mapping: another was expected.",
         "Write it in the shape the message names."),
    Rule("case-value", _E, "code-invalid", "The word is not one of those allowed here.",
         "Use one of the words listed."),
    Rule("case-conflict", _E, "business-rule", "Two keys of a fact contradict each other.",
         "Keep one of them."),
    # Names
    Rule("case-name", _E, "value", "A name of the timeline cannot be used.", "Rename it."),
    Rule("case-name-twice", _E, "duplicate", "Two facts have one name, so one id.",
         "Rename one of them."),
    Rule("case-unknown-name", _E, "not-found", "A name is used that nothing has.",
         "Mend the name or add the fact."),
    Rule("case-wrong-kind", _E, "business-rule", "The fact named is of another kind.",
         "Name a fact of the kind expected."),
    Rule("case-self-reference", _E, "business-rule", "A fact refers to itself.",
         "Name another fact."),
    # Time
    Rule("case-date", _E, "value", "A date cannot be read or does not exist.",
         "Write 2022, 2022-02 or 2022-02-14."),
    Rule("case-timeline-cycle", _E, "business-rule", "Times depend on each other in a ring.",
         "Give one of them a date."),
    Rule("case-order", _E, "business-rule", "A time lies before one it must follow.",
         "Check the two dates."),
    Rule("case-late", _W, "business-rule", "A fact is dated after the last point of the timeline.",
         "Check the date, or add a point to the timeline."),
    # Quantities and codes
    Rule("case-unit", _E, "code-invalid", "The unit is missing or not known.",
         "Write the number, a space and a UCUM unit."),
    Rule("case-dimension", _E, "business-rule", "The unit measures something else.",
         "Use a unit of the kind expected."),
    Rule("case-quantity", _E, "value", "The amount cannot be read.",
         "Write a number and a unit, or `not reported`."),
    Rule("case-measurement", _E, "code-invalid", "The word names no vital sign or test.",
         "Use a known word, or give `code:` and `text:`."),
    Rule("case-no-code", _W, "informational", "A test goes out in words: no code is known for it.",
         "Give `code:` and `text:` if there is a code."),
    Rule("case-code", _E, "code-invalid", "The code is wrong.", "Write system:code."),
    Rule("case-code-unconfirmed", _W, "code-invalid",
         "No source confirms the code, so it is left out; the text stays.",
         "Remove the code, or use one that is confirmed."),
    Rule("case-code-unchecked", Severity.INFORMATION, "informational",
         "The code could not be looked up offline; it goes out without a display.",
         "Check it with a terminology server."),
    Rule("case-code-display", _W, "code-invalid",
         "The display written beside a code is not what its system calls it.",
         "Check the code; the system's display goes out."),
    # Source
    Rule("case-source", _E, "not-found", "The source cannot be used.",
         "Put the text beside the case file."),
    Rule("case-source-missing", _W, "not-found", "The source is not there; nothing quotes it.",
         "Put the file beside the case file."),
    Rule("case-source-changed", _E, "conflict", "The source is not the one the case was made from.",
         "Check the quotes, then write the new sha256."),
    Rule("case-quote-not-found", _E, "not-found", "The quote is not in the source.",
         "Quote the source's own words."),
    Rule("case-quote-twice", _E, "multiple-matches", "The quote is in the source several times.",
         "Quote some more words."),
    Rule("case-quote-without-source", _E, "required", "There is a quote and no source.",
         "Add `source:`."),
    Rule("case-no-quote", _W, "incomplete", "The fact quotes nothing of the source.",
         "Add `quote:`."),
    Rule("case-why", _E, "required", "An assumption gives no reason.", "Add `why:`."),
    Rule("case-assumed", _E, "business-rule", "Strict: the fact is assumed, not stated.",
         "Find it in the source, or run without --strict."),
    # What FHIR cannot say
    Rule("case-no-profile", _W, "informational",
         "A vital sign cannot claim the profile R4 has for it.",
         "Give what the profile wants if it is known; never make it up."),
    Rule("case-amounts-differ", _W, "business-rule",
         "Two spellings of one amount do not agree.", "Check both against the source."),
)  # fmt: skip

#: Rule id → rule.
CATALOGUE: dict[str, Rule] = {rule.id: rule for rule in _RULES}

"""Known errors of the published definitions, corrected in one place, each with its reason."""

from __future__ import annotations

from typing import Any

from fhirkit.schema.model import Strength

Definition = dict[str, Any]


def corrected(definition: Definition) -> Definition:
    """The ElementDefinition as it should have been published."""
    base = definition.get("base", {}).get("path", definition.get("path"))
    types = _TYPES.get(base)
    return definition if types is None else {**definition, "type": types}


#: Base path → the types it should have.
_TYPES: dict[str, list[dict[str, str]]] = {
    # The R4 package says string; a resource's logical id is of type id
    # (https://hl7.org/fhir/R4/resource.html#id). Corrected by HL7 in later versions.
    "Resource.id": [{"code": "id"}],
    # R4B and R5 say id; any string without spaces will do, and the ids in their own snapshots
    # (Extension.value[x]) are no ids (https://hl7.org/fhir/R5/element.html).
    "Element.id": [{"code": "string"}],
}


def corrected_strength(path: str | None, value_set: str | None, published: Strength) -> Strength:
    """The strength of an element's binding as it should have been published."""
    return _STRENGTHS.get((path, str(value_set).partition("|")[0]), published)


#: Path and value set → the strength. The vital signs profiles ask for one of a few common units in
#: every component, a coded one too; HL7's own validator takes that for advice.
_STRENGTHS: dict[tuple[str | None, str], Strength] = {
    (
        "Observation.component.value[x]",
        "http://hl7.org/fhir/ValueSet/ucum-vitals-common",
    ): "extensible"
}


def corrected_expression(published: str) -> str:
    """The expression of a constraint as it should have been published."""
    if published.startswith(_WHOLE_PATHS) and published.endswith(f"*{_END}"):
        # eld-19 and eld-20 mean the whole path; a part of it fits nearly always.
        pattern = published[len(_MATCHES) : -len(_END)]
        return f"{_MATCHES}^{pattern}${_END}"
    return _EXPRESSIONS.get(published, published)


_MATCHES, _END = "path.matches('", "')"
_WHOLE_PATHS = (f"{_MATCHES}[^", f"{_MATCHES}[A-Za-z]")


#: Published expression → the one that says what the constraint's text says. Each was found by
#: HL7's own validator judging otherwise; a later version of the definitions has the right one.
_EXPRESSIONS: dict[str, str] = {
    # bdl-8 gives nothing for an entry without a fullUrl, which is allowed.
    # https://hl7.org/fhir/R5/bundle-definitions.html#Bundle.entry.fullUrl
    "fullUrl.contains('/_history/').not()": (
        "fullUrl.exists() implies fullUrl.contains('/_history/').not()"
    ),
    # The constraints on names (vsd-0, csd-0 …) give nothing where there is no name, and accept
    # every name that has a fitting part. https://hl7.org/fhir/R5/valueset-definitions.html
    "name.matches('[A-Z]([A-Za-z0-9_]){0,254}')": (
        "name.exists() implies name.matches('^[A-Z]([A-Za-z0-9_]){0,254}$')"
    ),
    # que-12 forgets the second condition. https://hl7.org/fhir/R5/questionnaire-definitions.html
    "enableWhen.count() > 2 implies enableBehavior.exists()": (
        "enableWhen.count() > 1 implies enableBehavior.exists()"
    ),
    # que-7 asks for a type of FHIRPath where the answer is FHIR's.
    "operator = 'exists' implies (answer is Boolean)": (
        "operator = 'exists' implies (answer is boolean)"
    ),
    # opd-3 forgets parameters that are resources.
    "targetProfile.exists() implies (type = 'Reference' or type = 'canonical')": (
        "targetProfile.exists() implies (type = 'Reference' or type = 'canonical' "
        "or type.memberOf('http://hl7.org/fhir/ValueSet/resource-types'))"
    ),
    # tim-9 cannot be asked of several times of the day.
    "offset.empty() or (when.exists() and ((when in ('C' | 'CM' | 'CD' | 'CV')).not()))": (
        "offset.empty() or "
        "(when.exists() and when.all(($this in ('C' | 'CM' | 'CD' | 'CV')).not()))"
    ),
    # eld-11 of R5 has a text in double quotes, which FHIRPath does not know.
    'binding.empty() or type.code.empty() or type.code.contains(":") or type.select('
    "(code = 'code') or (code = 'Coding') or (code='CodeableConcept') or (code = 'Quantity') or "
    "(code = 'string') or (code = 'uri') or (code = 'Duration')).exists()": (
        "binding.empty() or type.code.empty() or type.code.exists(contains(':')) or "
        "type.select((code = 'code') or (code = 'Coding') or (code = 'CodeableConcept') or "
        "(code = 'Quantity') or (code = 'string') or (code = 'uri') or (code = 'Duration'))"
        ".exists()"
    ),
    # ras-2 gives nothing for a prediction without a probability, which is allowed.
    # https://hl7.org/fhir/R4/riskassessment-definitions.html#RiskAssessment.prediction
    "probability is decimal implies (probability as decimal) <= 100": (
        "probability.exists() and (probability is decimal) implies (probability as decimal) <= 100"
    ),
}

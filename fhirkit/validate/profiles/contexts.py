"""Contexts that HL7 has widened since R4: its validator goes by the later extensions package.

Each entry adds to the contexts that the R4 core package publishes
(https://hl7.org/fhir/extensions/extension-registry.html).
"""

from __future__ import annotations

_CORE = "http://hl7.org/fhir/StructureDefinition/"


def widened(url: str) -> frozenset[str]:
    """The contexts a later package adds to those of an extension of R4 core."""
    return _ADDED.get(url.removeprefix(_CORE), frozenset())


#: Further contexts, by the last part of the extension's url; names apart by spaces.
_TABLE: dict[str, str] = {
    "capabilitystatement-expectation": (
        "CapabilityStatement.acceptLanguage CapabilityStatement.format "
        "CapabilityStatement.implementationGuide CapabilityStatement.imports "
        "CapabilityStatement.messaging.reliableCache "
        "CapabilityStatement.messaging.supportedMessage "
        "CapabilityStatement.patchFormat CapabilityStatement.rest.resource "
        "CapabilityStatement.rest.resource.conditionalCreate "
        "CapabilityStatement.rest.resource.conditionalDelete "
        "CapabilityStatement.rest.resource.conditionalPatch "
        "CapabilityStatement.rest.resource.conditionalRead "
        "CapabilityStatement.rest.resource.conditionalUpdate "
        "CapabilityStatement.rest.resource.extension "
        "CapabilityStatement.rest.resource.operation "
        "CapabilityStatement.rest.resource.readHistory "
        "CapabilityStatement.rest.resource.referencePolicy "
        "CapabilityStatement.rest.resource.supportedProfile "
        "CapabilityStatement.rest.resource.updateCreate "
        "CapabilityStatement.rest.resource.versioning "
        "CapabilityStatement.rest.security "
        "CapabilityStatement.rest.security.cors "
        "CapabilityStatement.rest.security.service"
    ),
    "coding-sctdescid": (
        "CodeSystem.concept.designation CodeSystem.concept.display "
        "ValueSet.expansion.contains.designation "
        "ValueSet.expansion.contains.display"
    ),
    "condition-assertedDate": "AllergyIntolerance",
    "contactpoint-area": "ContactPoint.value",
    "contactpoint-country": "ContactPoint.value",
    "contactpoint-extension": "ContactPoint.value",
    "contactpoint-local": "ContactPoint.value",
    "cqf-citation": "Resource",
    "cqf-qualityOfEvidence": "PlanDefinition.action",
    "cqf-strengthOfRecommendation": "PlanDefinition.action",
    "elementdefinition-bindingName": "OperationDefinition.parameter.binding",
    "event-basedOn": (
        "Basic ChargeItem ClinicalImpression Composition Consent Coverage "
        "EpisodeOfCare ExplanationOfBenefit FamilyMemberHistory "
        "ImmunizationEvaluation MedicationStatement PaymentNotice "
        "PaymentReconciliation"
    ),
    "event-eventHistory": "Basic",
    "event-location": "DocumentReference MedicationAdministration MedicationDispense",
    "event-performerFunction": "Consent.grantee DocumentReference.author",
    "event-statusReason": "Basic DocumentReference",
    "goal-relationship": "PlanDefinition.goal",
    "language": "markdown string",
    "patient-birthTime": "Person.birthDate Practitioner.birthDate RelatedPerson.birthDate",
    "patient-citizenship": "Person RelatedPerson",
    "patient-disability": "Person Practitioner RelatedPerson",
    "patient-interpreterRequired": "Encounter Practitioner RelatedPerson",
    "patient-nationality": "Person RelatedPerson",
    "patient-preferenceType": (
        "Person.communication.preferred Practitioner.communication.preferred "
        "RelatedPerson.communication.preferred"
    ),
    "patient-proficiency": (
        "Person.communication Practitioner.communication RelatedPerson.communication"
    ),
    "procedure-approachBodyStructure": "Basic Specimen.collection",
    "questionnaire-baseType": "ElementDefinition",
    "questionnaire-choiceOrientation": "ElementDefinition",
    "questionnaire-constraint": "ElementDefinition",
    "questionnaire-displayCategory": "ElementDefinition",
    "questionnaire-hidden": "ElementDefinition",
    "questionnaire-itemControl": "ElementDefinition",
    "questionnaire-referenceFilter": "ElementDefinition",
    "questionnaire-referenceProfile": "ElementDefinition",
    "questionnaire-referenceResource": "ElementDefinition",
    "questionnaire-signatureRequired": "ElementDefinition",
    "questionnaire-sliderStepValue": "ElementDefinition",
    "questionnaire-supportLink": "ElementDefinition",
    "questionnaire-unit": "ElementDefinition",
    "questionnaire-unitOption": "ElementDefinition",
    "questionnaire-unitValueSet": "ElementDefinition",
    "questionnaire-usageMode": "ElementDefinition",
    "regex": "ElementDefinition.type",
    "replaces": "Basic ObservationDefinition SpecimenDefinition",
    "request-doNotPerform": "Task",
    "request-insurance": "CarePlan",
    "request-performerOrder": "Task.requestedPerformer",
    "request-relevantHistory": "CarePlan",
    "request-replaces": "SupplyRequest Task",
    "resource-approvalDate": "Group",
    "resource-effectivePeriod": "Group",
    "resource-lastReviewDate": "Group",
    "structuredefinition-fhir-type": "ElementDefinition.type",
    "structuredefinition-normative-version": "CanonicalResource ElementDefinition",
    "timing-daysOfCycle": "Basic",
    "valueset-supplement": "ValueSet.compose.exclude ValueSet.compose.include",
    "variable": (
        "ActivityDefinition Basic Measure Measure.group "
        "Measure.group.population PlanDefinition PlanDefinition.action "
        "RequestGroup RequestGroup.action"
    ),
    "workflow-episodeOfCare": (
        "Appointment Basic ChargeItem Composition Consent DetectedIssue "
        "DocumentReference EnrollmentRequest EnrollmentResponse "
        "FamilyMemberHistory Flag Goal ImagingStudy Immunization "
        "ImmunizationEvaluation ImmunizationRecommendation Invoice List "
        "MeasureReport MedicationAdministration MedicationDispense "
        "MedicationRequest MedicationStatement MolecularSequence RequestGroup "
        "ResearchSubject RiskAssessment SupplyDelivery SupplyRequest "
        "VisionPrescription"
    ),
    "workflow-relatedArtifact": "ConceptMap Observation.component",
    "workflow-researchStudy": "Basic DocumentReference ServiceRequest",
    "workflow-supportingInfo": "DocumentReference Encounter",
}
_ADDED = {name: frozenset(contexts.split()) for name, contexts in _TABLE.items()}

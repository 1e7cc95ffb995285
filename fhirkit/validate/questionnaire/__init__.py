"""QuestionnaireResponses against their Questionnaires, and Questionnaires in themselves.

https://hl7.org/fhir/R4/questionnaireresponse.html#notes
"""

from fhirkit.validate.questionnaire.check import check

__all__ = ["check"]

"""FHIR packages as published: safe reading, and the R4 definitions fhirkit comes with."""
